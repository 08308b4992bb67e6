"""Amazon on this machine: moto plays SES, SNS and S3, and a signer whose certificate is served beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

import boto3
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from moto.server import ThreadedMotoServer

from shared.channelkit.sns import Envelope, signed_text
from shared.config import Settings
from shared.deps import Deps
from tests.index_check import recorded
from tests.stubs import Received, Reply, Stub

REGION = "eu-west-1"
CONFIG = {
    "region": REGION,
    "address": "support@shop.example",
    "accessKeyId": "AKIA1",
    "secretAccessKey": "aws-secret-1",
}


@dataclass(frozen=True)
class Signer:
    """Signs as SNS does; `certificate` is what it serves."""

    key: rsa.RSAPrivateKey
    certificate: bytes

    def sign(self, body: dict[str, Any], url: str, version: str = "2") -> dict[str, Any]:
        """The SNS message, signed, with the address of the certificate."""
        unsigned = body | {"SignatureVersion": version, "SigningCertURL": url}
        chosen = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303 - as Amazon does
        signed = self.key.sign(signed_text(Envelope.model_validate(unsigned)), padding.PKCS1v15(), chosen)
        return unsigned | {"Signature": base64.b64encode(signed).decode()}


def make_signer(days: int = 30) -> Signer:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return Signer(key, certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture(scope="session")
def signer() -> Signer:
    return make_signer()


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def amazon(provider: Stub, moto_server: str, signer: Signer) -> Stub:
    """The stub in front of moto: it records all calls, serves the certificate, and forwards the rest."""
    requests.post(f"{moto_server}/moto-api/reset", timeout=10)

    def hand_on(request: Received) -> Reply:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        answer = requests.request(
            request.method, moto_server + request.path, headers=headers, data=request.body, timeout=20
        )
        answer_headers = {name: answer.headers[name] for name in ("content-type", "etag") if name in answer.headers}
        return Reply(answer.status_code, content=answer.content, headers=answer_headers)

    for method in ("GET", "POST", "PUT", "DELETE"):
        provider.on(method, "", hand_on)
    # moto never verifies an identity.
    verified = {"IdentityType": "DOMAIN", "VerifiedForSendingStatus": True, "VerificationStatus": "SUCCESS"}
    provider.on("GET", r"/v2/email/identities/shop\.example$", Reply(json=verified))
    provider.on("GET", r"/SimpleNotificationService-1\.pem$", Reply(content=signer.certificate))
    return provider


@pytest.fixture
def settings(settings: Settings, amazon: Stub) -> Settings:
    return settings.model_copy(update={"aws_endpoint_url": amazon.url, "public_url": "https://hub.example.com"})


@pytest.fixture
def deps(settings: Settings) -> Iterator[Deps]:
    with recorded(settings) as opened:
        yield replace(opened, settings=settings)


@pytest.fixture(scope="session")
def aws_clients(moto_server: str) -> Callable[[str], Any]:
    """Clients of the fake Amazon itself, by service; made once, as making one takes a tenth of a second."""

    @cache
    def client(service: str) -> Any:
        return boto3.client(
            cast("Any", service),
            region_name=REGION,
            endpoint_url=moto_server,
            aws_access_key_id="AKIA1",
            aws_secret_access_key="aws-secret-1",
        )

    return client


@pytest.fixture
def aws(amazon: Stub, aws_clients: Callable[[str], Any]) -> Callable[[str], Any]:
    """Clients of the fake Amazon, by service, after it was emptied for this test."""
    return aws_clients


@pytest.fixture
def topic(aws: Any) -> str:
    """An address that may send, and a topic for its mail."""
    aws("sesv2").create_email_identity(EmailIdentity="shop.example")
    aws("sesv2").create_email_identity(EmailIdentity="support@shop.example")
    return str(aws("sns").create_topic(Name="support-mail")["TopicArn"])


def notification(topic: str, message: object, **more: Any) -> dict[str, Any]:
    """What SNS posts, unsigned."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": topic,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-11-20T20:32:34.120Z",
    } | more
