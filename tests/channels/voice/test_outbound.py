"""Speaking into a call that goes on, and calling when none does."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channel.outbound import Sent
from shared.channels.voice import outbound
from shared.channels.voice.config import VoiceConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected, ProviderUnavailable
from tests.channels.voice.judge import judged, one, verbs
from tests.stubs import Reply, Stub
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, CONFIG, CUSTOMER, field, form, refusal, twilio_rules

LIVE = {"call_sid": "CA1", "step": "1"}
OVER = refusal(21220, "Call is not in-progress. Cannot redirect.")


def send(deps: Deps, instance: Instance, text: str | None = "Hello", **more: Any) -> Sent:
    fields = {"message_id": "m1", "external_user_id": CUSTOMER, "text": text} | more
    return outbound.send(deps, instance, VoiceConfig.model_validate(CONFIG), OutboxPayload.model_validate(fields))


def test_an_answer_is_spoken_on_the_call_and_the_caller_is_heard_again(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", r"/Calls/CA1\.json$", Reply(json={"sid": "CA1"}))
    assert send(deps, instance, "Yes & no", context=LIVE) == Sent(external_message_id=None)
    [request] = provider.requests
    assert request.path == f"/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1.json"
    root = judged(field(request, "Twiml"))
    assert root[0].text == "Yes & no"
    assert "turn=m1" in one(root, "Gather").attrib["action"]


def test_without_a_call_the_customer_is_called(deps: Deps, instance: Instance, provider: Stub) -> None:
    twilio_rules(provider)
    assert send(deps, instance).external_message_id == f"CA{1:032}"
    looked, called = provider.requests
    assert looked.path.endswith("/Calls.json?To=%2B14155550123&PageSize=5")
    sent = form(called)
    assert (sent["To"], sent["From"]) == ([CUSTOMER], [BUSINESS_NUMBER])
    assert sent["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
    assert sent["StatusCallback"] == ["https://hub.example/webhook/voice/i1/status?chat=%2B14155550123"]
    assert verbs(judged(sent["Twiml"][0]))[:2] == ["Say", "Gather"]


@pytest.mark.parametrize("over", [OVER, refusal(20404, "not found", 404), Reply(404)])
def test_a_person_who_writes_after_the_call_calls_the_customer(
    deps: Deps, instance: Instance, provider: Stub, over: Reply
) -> None:
    twilio_rules(provider)
    provider.on("POST", r"/Calls/CA1\.json$", over)
    assert send(deps, instance, context=LIVE).external_message_id == f"CA{1:032}"


def test_a_machine_that_answers_too_late_calls_nobody(deps: Deps, instance: Instance, provider: Stub) -> None:
    twilio_rules(provider)
    provider.on("POST", r"/Calls/CA1\.json$", OVER)
    with pytest.raises(ProviderRejected, match="hung up before the answer"):
        send(deps, instance, context=LIVE, automatic=True)
    assert provider.to(r"/Calls\.json$") == []


def test_two_messages_do_not_call_twice(deps: Deps, instance: Instance, provider: Stub) -> None:
    twilio_rules(provider)
    provider.on("GET", r"/Calls\.json", Reply(json={"calls": [{"sid": "CA7", "status": "in-progress"}]}))
    assert send(deps, instance) == Sent(external_message_id=None)
    assert len(provider.to(r"/Calls/CA7\.json$")) == 1


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing"])
def test_while_the_telephone_rings_the_next_message_waits(
    deps: Deps, instance: Instance, provider: Stub, status: str
) -> None:
    provider.on("GET", r"/Calls\.json", Reply(json={"calls": [{"sid": "CA7", "status": status}]}))
    with pytest.raises(ProviderUnavailable, match="ringing") as caught:
        send(deps, instance)
    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"text": " "}, "only text"),
        ({"text": "&" * 2500}, "too long"),
        ({"external_user_id": "anonymous:CA1"}, "number is not known"),
    ],
)
def test_what_cannot_be_spoken_is_rejected_without_a_call(
    deps: Deps, instance: Instance, provider: Stub, fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(ProviderRejected, match=why):
        send(deps, instance, **fields)
    assert provider.requests == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(21215, "Geo permission"), ProviderRejected),
        (refusal(10004, "Concurrency limit exceeded"), ProviderUnavailable),
        (refusal(20429, status=429), ProviderUnavailable),
    ],
)
def test_refused_calls_are_sorted(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply, error: type[Exception]
) -> None:
    provider.on("GET", r"/Calls\.json", Reply(json={"calls": []}))
    provider.on("POST", r"/Calls\.json$", reply)
    with pytest.raises(error):
        send(deps, instance)
