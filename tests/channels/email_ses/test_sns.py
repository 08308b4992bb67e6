"""Only what Amazon signed, for a topic that was allowed, is let in, and only Amazon's hosts are asked for anything."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channelkit import sns
from shared.channelkit.sns import Envelope
from shared.deps import Deps
from shared.errors import ProviderError, SignatureInvalid
from tests.channels import golden
from tests.channels.amazon import Signer, make_signer, notification
from tests.stubs import Reply, Stub

TOPIC = "arn:aws:sns:eu-west-1:123456789012:support-mail"


def _certificate(amazon: Stub) -> str:
    return f"{amazon.url}/SimpleNotificationService-1.pem"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Subject": "A mail"},
        {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?x", "Token": "t"},
        {"Message": "Grüße 👟\nzweite Zeile"},
    ],
)
def test_what_amazon_signed_is_let_in(
    deps: Deps, amazon: Stub, signer: Signer, version: str, more: dict[str, Any]
) -> None:
    signed = signer.sign(notification(TOPIC, "{}", **more), _certificate(amazon), version)
    sns.check_signature(deps, Envelope.model_validate(signed))


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{ }"},
        {"MessageId": "another"},
        {"TopicArn": "arn:aws:sns:eu-west-1:666:theirs"},
        {"Subject": "added"},
        {"Timestamp": "2026-11-21T20:32:34.120Z"},
        {"Signature": ""},
        {"Signature": "no base64!"},
        {"SignatureVersion": "3"},
    ],
)
def test_what_was_changed_is_refused(deps: Deps, amazon: Stub, signer: Signer, change: dict[str, Any]) -> None:
    signed = signer.sign(notification(TOPIC, "{}"), _certificate(amazon)) | change
    with pytest.raises(SignatureInvalid):
        sns.check_signature(deps, Envelope.model_validate(signed))


def test_the_certificate_is_fetched_once(deps: Deps, amazon: Stub, signer: Signer) -> None:
    signed = Envelope.model_validate(signer.sign(notification(TOPIC, "{}"), _certificate(amazon)))
    for _ in range(3):
        sns.check_signature(deps, signed)
    assert len(amazon.to(r"\.pem")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://user:pass@sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://s3.eu-west-1.amazonaws.com/bucket/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.txt",
        "https://[::1/a.pem",
        "file:///etc/passwd.pem",
        "",
    ],
)
def test_a_certificate_from_anywhere_else_is_not_even_fetched(
    deps: Deps, amazon: Stub, signer: Signer, url: str
) -> None:
    signed = signer.sign(notification(TOPIC, "{}"), url)
    with pytest.raises(SignatureInvalid):
        sns.check_signature(deps, Envelope.model_validate(signed))
    assert not amazon.requests


def test_a_certificate_that_has_expired_is_refused(deps: Deps, amazon: Stub) -> None:
    old = make_signer(days=-1)
    amazon.on("GET", r"\.pem", Reply(content=old.certificate))
    with pytest.raises(SignatureInvalid, match="expired"):
        sns.check_signature(deps, Envelope.model_validate(old.sign(notification(TOPIC, "{}"), _certificate(amazon))))


def test_without_its_certificate_the_call_is_to_come_again(deps: Deps, amazon: Stub, signer: Signer) -> None:
    amazon.on("GET", r"\.pem", Reply(503))
    with pytest.raises(ProviderError):
        sns.check_signature(deps, Envelope.model_validate(signer.sign(notification(TOPIC, "{}"), _certificate(amazon))))


def test_the_header_names_the_topic_that_is_signed() -> None:
    envelope = Envelope.model_validate(notification(TOPIC, "{}"))
    sns.check_topic(envelope, golden.webhook(b"", headers={"x-amz-sns-topic-arn": TOPIC}))
    with pytest.raises(SignatureInvalid):
        sns.check_topic(envelope, golden.webhook(b"", headers={"x-amz-sns-topic-arn": "arn:aws:sns:eu-west-1:1:other"}))
