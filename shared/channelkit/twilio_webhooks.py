"""Twilio's calls to us: their proof, and what they tell.

https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs, parse_qsl, urlsplit

from shared.channel.webhook import Webhook, WebhookResponse
from shared.channelkit.payloads import json_object
from shared.channelkit.signatures import same_secret
from shared.channelkit.twilio import TwilioConfig
from shared.config import Settings
from shared.errors import PayloadInvalid, SignatureInvalid

NOTHING_TO_DO = WebhookResponse(body='<?xml version="1.0" encoding="UTF-8"?><Response/>', content_type="text/xml")
"""TwiML that neither says nor sends anything."""

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 1000


def verify(webhook: Webhook, config: TwilioConfig, settings: Settings) -> None:
    """Check `X-Twilio-Signature`; without an auth token only a lenient hub takes calls."""
    if config.auth_token is None:
        if settings.strict_webhooks or settings.production:
            raise SignatureInvalid("twilio: set auth_token, without it no webhook can be trusted")
        return
    header, token = webhook.headers.get("x-twilio-signature"), config.auth_token.get_secret_value()
    if not signature_matches(header, token, webhook):
        raise SignatureInvalid("twilio: X-Twilio-Signature does not match; check auth_token and PUBLIC_URL")


def signature_matches(header: str | None, token: str, webhook: Webhook) -> bool:
    """Whether a call is signed with the token, over its address with or without the port.

    A form's fields are signed along; any other body is vouched for by its hash
    in the address, as `bodySHA256`.
    """
    try:
        signed = _pairs(webhook) if _is_form(webhook) else []
        addresses = _with_and_without_port(webhook.url)
    except ValueError:
        return False
    if not _is_form(webhook) and webhook.body and not _hash_matches(webhook):
        return False
    # All are compared, so that the time does not tell which one it was.
    matches = [same_secret(header, signature(token, address, signed)) for address in addresses]
    return any(matches)


def signature(token: str, url: str, fields: Iterable[tuple[str, str]] = ()) -> str:
    """Base64 of the HMAC-SHA1 over the address and all fields, sorted by name, each once with each of its values."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(token.encode(), text.encode("utf-8", "surrogateescape"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _is_form(webhook: Webhook) -> bool:
    return webhook.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


def _pairs(webhook: Webhook) -> list[tuple[str, str]]:
    body = webhook.body.decode("utf-8", "surrogateescape")
    return parse_qsl(body, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MOST_FIELDS)


def _hash_matches(webhook: Webhook) -> bool:
    [expected] = parse_qs(urlsplit(webhook.url).query, max_num_fields=_MOST_FIELDS).get("bodySHA256", [""])[:1]
    return same_secret(expected, hashlib.sha256(webhook.body).hexdigest())


def _with_and_without_port(url: str) -> list[str]:
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    port = parts.port or (443 if parts.scheme == "https" else 80)
    # What follows the host is left as it came: taking an address apart and together again may change it.
    head, rest = f"{parts.scheme}://", url.partition("://")[2][len(parts.netloc) :]
    return [f"{head}{host}{rest}", f"{head}{host}:{port}{rest}"]


def fields(webhook: Webhook, *query_fields: str) -> dict[str, str]:
    """What Twilio tells in a call: the form's fields, or a flat JSON object's, of several by one name the first.

    With them, under lower-case names, those of the query that our own address
    carried (`asked`), and `received_at`. Raises `PayloadInvalid`.
    """
    try:
        pairs: Sequence[tuple[str, object]] = _pairs(webhook) if _is_form(webhook) else _json(webhook)
    except ValueError as error:
        raise PayloadInvalid("twilio: the body is neither a form nor JSON") from error
    posted: dict[str, str] = {}
    for name, value in pairs:
        if not isinstance(value, str):
            raise PayloadInvalid(f"twilio: {_storable(name)[:64]} is no text")
        posted.setdefault(_storable(name), _storable(value))
    if not any(name.endswith("Sid") for name in posted):
        raise PayloadInvalid("twilio: the call is about nothing of Twilio's: no Sid is named")
    queried = {name: _storable(webhook.query[name]) for name in query_fields if name in webhook.query}
    return posted | queried | {"received_at": webhook.received_at.isoformat()}


def _json(webhook: Webhook) -> list[tuple[str, object]]:
    body = json_object("twilio", webhook.body)
    if len(body) > _MOST_FIELDS:
        raise PayloadInvalid("twilio: the body has too many fields")
    return list(body.items())


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def received(payload: Mapping[str, str]) -> datetime:
    """When the call came; Twilio's messages carry no time. Raises `PayloadInvalid`."""
    try:
        at = datetime.fromisoformat(payload.get("received_at", ""))
    except ValueError:
        raise PayloadInvalid("twilio: received_at is missing") from None
    if at.tzinfo is None:
        raise PayloadInvalid("twilio: received_at has no time zone")
    return at


def texts(payload: object) -> dict[str, str]:
    """A part's payload, checked; raises `PayloadInvalid`."""
    if not isinstance(payload, dict) or not all(isinstance(value, str) for value in payload.values()):
        raise PayloadInvalid("twilio: a part is a map of texts")
    return payload


def number_key(number: str) -> str:
    """One spelling of a phone number, `+` and digits; what is no such number stays as it is."""
    plain = "".join(letter for letter in number if letter not in " -()./\t")
    digits = plain.removeprefix("+").removeprefix("00")
    if digits.isascii() and digits.isdecimal() and 7 <= len(digits) <= 15:
        return f"+{digits}"
    return number.strip()


def whole_seconds(text: str | None) -> float | None:
    """A duration of Twilio's; None for what is none."""
    digits = text or ""
    return float(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 7 else None


def minutes_and_seconds(seconds: float) -> str:
    """A duration as telephones show it."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
