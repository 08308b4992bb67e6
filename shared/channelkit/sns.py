"""What Amazon SNS posts to an HTTP endpoint: its envelope, its signature, its confirmation.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel

from shared.channel.webhook import Webhook
from shared.channelkit.aws import AwsSettings
from shared.channelkit.payloads import checked, json_object
from shared.deps import Deps
from shared.errors import ProviderRejected, SignatureInvalid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PROVIDER = "sns"

# A signature proves that Amazon sent it for some topic of somebody's; only its own hosts may be asked for more.
_HOST = re.compile(r"sns\.[a-z0-9-]{2,30}\.amazonaws\.com(\.cn)?")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


class Envelope(BaseModel):
    """SNS's JSON; the field names are Amazon's."""

    Type: Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
    MessageId: str
    TopicArn: str
    Message: str
    Timestamp: str
    Subject: str | None = None
    SignatureVersion: str = ""
    Signature: str = ""
    SigningCertURL: str = ""
    SubscribeURL: str | None = None
    Token: str | None = None


def envelope(webhook: Webhook) -> Envelope:
    """The body of a call; raises `PayloadInvalid`."""
    return checked(PROVIDER, Envelope, json_object(PROVIDER, webhook.body))


def check_topic(message: Envelope, webhook: Webhook) -> None:
    """The topic that a call was let in for is the one that is signed; raises `SignatureInvalid`."""
    if webhook.headers.get("x-amz-sns-topic-arn") != message.TopicArn:
        raise SignatureInvalid("sns: the header and the message name different topics")


def check_signature(deps: Deps, message: Envelope) -> None:
    """Raises `SignatureInvalid`, or a `ProviderError` when the certificate cannot be had."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - costs cold start
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - costs cold start
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - costs cold start

    algorithm = {"1": hashes.SHA1(), "2": hashes.SHA256()}.get(message.SignatureVersion)  # noqa: S303 - Amazon's choice
    if algorithm is None:
        raise SignatureInvalid("sns: SignatureVersion is neither 1 nor 2")
    key = _public_key(deps, message.SigningCertURL)
    try:
        key.verify(
            base64.b64decode(message.Signature, validate=True), signed_text(message), padding.PKCS1v15(), algorithm
        )
    except (InvalidSignature, binascii.Error, ValueError):
        raise SignatureInvalid("sns: the signature does not match") from None


def signed_text(message: Envelope) -> bytes:
    """What Amazon signs: the names and values of certain fields, a line each."""
    values = ((name, getattr(message, name)) for name in _SIGNED[message.Type])
    return "".join(f"{name}\n{value}\n" for name, value in values if value is not None).encode("utf-8", "replace")


def confirm(deps: Deps, message: Envelope) -> None:
    """Tell Amazon that the topic may send here; call it only for a topic that somebody has allowed."""
    url = message.SubscribeURL or ""
    _check_host(deps, url)
    answer = deps.http.request("GET", url, provider=PROVIDER, timeout=10, guarded=_is_amazon(url))
    if not answer.ok:
        raise ProviderRejected(PROVIDER, f"the subscription was not confirmed (status {answer.status})")


def _public_key(deps: Deps, url: str) -> RSAPublicKey:
    _check_host(deps, url)
    if not urlsplit(url).path.endswith(".pem"):
        raise SignatureInvalid("sns: SigningCertURL is no certificate")
    return deps.cache.get(("sns certificate", url), lambda: _fetch_key(deps, url))


def _fetch_key(deps: Deps, url: str) -> RSAPublicKey:
    from cryptography import x509  # noqa: PLC0415 - costs cold start
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - costs cold start

    answer = deps.http.request("GET", url, provider=PROVIDER, timeout=10, guarded=_is_amazon(url))
    if not answer.ok:
        raise ProviderRejected(PROVIDER, f"the signing certificate is not to be had (status {answer.status})")
    try:
        certificate = x509.load_pem_x509_certificate(answer.body)
    except ValueError:
        raise SignatureInvalid("sns: SigningCertURL is no certificate") from None
    key = certificate.public_key()
    valid = certificate.not_valid_before_utc <= deps.now() <= certificate.not_valid_after_utc
    if not valid or not isinstance(key, RSAPublicKey):
        raise SignatureInvalid("sns: the signing certificate has expired")
    return key


def _check_host(deps: Deps, url: str) -> None:
    """Amazon's own https hosts, or the operator's stand-in for them."""
    own = deps.settings.of(AwsSettings).aws_endpoint_url
    if not _is_amazon(url) and not (own and _origin(url) == _origin(own)):
        raise SignatureInvalid("sns: a URL in the message is not Amazon's")


def _is_amazon(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = parts.username is None and parts.password is None and parts.port in (None, 443)
    except ValueError:
        return False
    return parts.scheme == "https" and plain and _HOST.fullmatch(parts.hostname or "") is not None


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc
