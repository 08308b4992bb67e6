"""What Twilio is asked to send, and what becomes of its refusals."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from shared.channel.outbound import Sent
from shared.channels.sms_twilio import outbound
from shared.channels.sms_twilio.config import SmsConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable
from tests.stubs import Reply, Stub
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, CONFIG, CUSTOMER, TOKEN, form, refusal

SERVICE = "MG00000000000000000000000000000001"
SENT = Reply(201, {"sid": "SM1", "status": "queued"})
IMAGE = Attachment(type=MessageKind.IMAGE, url="https://cdn.example.com/a.jpg")


def send(deps: Deps, instance: Instance, text: str | None = "hi", *files: Attachment, **more: Any) -> Sent:
    config_fields = {name: more.pop(name) for name in list(more) if name in SmsConfig.model_fields}
    payload = OutboxPayload(external_user_id=CUSTOMER, text=text, attachments=list(files), **more)
    return outbound.send(deps, instance, SmsConfig.model_validate({**CONFIG, **config_fields}), payload)


def test_text_goes_out_from_the_number_with_an_address_for_its_status(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", rf"^/2010-04-01/Accounts/{ACCOUNT}/Messages\.json$", SENT)
    assert send(deps, instance, "Grüße & mehr") == Sent(external_message_id="SM1")
    [request] = provider.requests
    assert form(request) == {
        "To": [CUSTOMER],
        "From": [BUSINESS_NUMBER],
        "Body": ["Grüße & mehr"],
        "StatusCallback": ["https://hub.example/webhook/sms/i1/status"],
    }
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()


def test_an_api_key_stands_in_for_the_auth_token(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "Messages", SENT)
    send(deps, instance, api_key_sid="SK1", api_key_secret="key-secret")
    [request] = provider.requests
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"SK1:key-secret").decode()


def test_a_messaging_service_goes_before_the_number(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "Messages", SENT)
    send(deps, instance, messaging_service_sid=SERVICE)
    sent = form(provider.requests[0])
    assert sent["MessagingServiceSid"] == [SERVICE]
    assert "From" not in sent


def test_files_go_along_by_their_addresses_ten_at_most(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "Messages", SENT)
    send(deps, instance, None, *[IMAGE] * 12)
    sent = form(provider.requests[0])
    assert sent["MediaUrl"] == ["https://cdn.example.com/a.jpg"] * 10
    assert "Body" not in sent


def test_a_place_is_told_in_words(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "Messages", SENT)
    send(deps, instance, "here", Attachment(type=MessageKind.LOCATION, latitude=1.5, longitude=-2.5, name="Café"))
    assert form(provider.requests[0])["Body"] == ["here\nCafé\nhttps://maps.google.com/?q=1.5,-2.5"]


@pytest.mark.parametrize(
    ("text", "more"), [(None, {}), ("x", {"reaction": ReactionTo(external_message_id="1", emoji="👍")})]
)
def test_nothing_that_could_be_sent_is_rejected_without_a_call(
    deps: Deps, instance: Instance, provider: Stub, text: str | None, more: dict[str, Any]
) -> None:
    with pytest.raises(ProviderRejected):
        send(deps, instance, text, **more)
    assert provider.requests == []


def test_without_a_sender_it_says_what_to_give(deps: Deps, instance: Instance) -> None:
    with pytest.raises(ProviderRejected, match="give phone_number or messaging_service_sid"):
        send(deps, instance, phone_number=None)


@pytest.mark.parametrize("code", [21211, 21408, 21606, 21610, 21612, 21614, 21617, 20003, 20404, 12345])
def test_final_refusals_are_rejected_with_their_code(deps: Deps, instance: Instance, provider: Stub, code: int) -> None:
    provider.on("POST", "Messages", refusal(code, "Because."))
    with pytest.raises(ProviderRejected, match=rf"Because\. \(error {code}"):
        send(deps, instance)


@pytest.mark.parametrize(
    "reply",
    [refusal(20429, status=429), refusal(21611), refusal(20500, status=500), Reply(503, text="<html>"), Reply(429)],
)
def test_what_passes_is_tried_again(deps: Deps, instance: Instance, provider: Stub, reply: Reply) -> None:
    provider.on("POST", "Messages", reply)
    with pytest.raises(ProviderUnavailable):
        send(deps, instance)


def test_a_wish_for_a_pause_is_passed_on(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "Messages", Reply(429, {"code": 20429, "message": "Too Many"}, headers={"retry-after": "9"}))
    with pytest.raises(ProviderUnavailable) as caught:
        send(deps, instance)
    assert caught.value.retry_after == 9


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(201, text="not json"), Reply(201, json=[])])
def test_a_lost_or_unreadable_answer_leaves_the_outcome_unknown(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply
) -> None:
    provider.on("POST", "Messages", reply)
    with pytest.raises(OutcomeUnknown):
        send(deps, instance)


def test_a_refusal_never_repeats_the_credential(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "Messages", refusal(20003, f"Authenticate with {TOKEN}", 401))
    with pytest.raises(ProviderRejected, match="check auth_token") as caught:
        send(deps, instance)
    assert TOKEN not in str(caught.value)
