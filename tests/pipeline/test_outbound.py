"""What is accepted is sent in order: again while the provider refuses, never twice while it accepts."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.config import Settings
from shared.deps import Deps
from shared.domain.accounts import Principal, Role
from shared.domain.events import Event, Topic
from shared.domain.messages import Direction
from shared.outgoing import Answer, Outgoing
from shared.ports.store import Merge
from shared.usecases.conversations import sending
from shared.usecases.delivery import delivery, settling
from shared.usecases.sweep import sweep
from tests import refs
from tests.eventually import eventually
from tests.google.deployment import EVERYWHERE
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.recording_bus import RecordingBus
from tests.stubs import Reply, Stub

SEND = "/sendMessage"


def _talk(hub: Hub) -> str:
    """A conversation into which can be sent."""
    hub.customer_writes(hub.telegram(), "hello")
    return hub.conversation().id


def _send(hub: Hub, conversation_id: str, text: str, **headers: str) -> Any:
    body = {"conversationId": conversation_id, "text": text}
    return hub.post("/api/messages/send", body, 202, **headers)


def _fate(hub: Hub, message_id: str) -> str:
    return str(hub.documents("outbox", id=message_id)[0]["status"])


def test_a_sent_message_has_a_message_and_a_queue_entry(hub: Hub) -> None:
    accepted = _send(hub, _talk(hub), "how can I help?")
    assert accepted["message"]["direction"] == "OUTBOUND"
    assert accepted["queue"]["id"] == accepted["message"]["id"]
    eventually(lambda: _fate(hub, accepted["message"]["id"]) == "SENT")
    assert hub.sent_texts() == ["how can I help?"]
    assert [m.status for m in hub.messages(Direction.OUTBOUND)] == ["sent"]


@EVERYWHERE
def test_messages_of_a_conversation_are_sent_in_order(hub: Hub) -> None:
    conversation_id = _talk(hub)
    hub.provider.on("POST", SEND, Reply(503, {"ok": False, "error_code": 503, "description": "later"}), times=3)
    texts = [f"message {n}" for n in range(6)]
    for text in texts:
        _send(hub, conversation_id, text)
    eventually(lambda: hub.idle() or None)
    assert hub.sent_texts()[-6:] == texts
    assert hub.sent_texts()[:3] == ["message 0"] * 3


@EVERYWHERE
def test_a_conversation_whose_provider_fails_does_not_hold_up_another(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "hello", chat=1)
    hub.customer_writes(channel_id, "hello", chat=2)
    eventually(lambda: len(hub.conversations()) == 2)
    stuck, free = sorted(hub.conversations(), key=_chat)

    def first_is_down(request: Any) -> Reply:
        if request.json["chat_id"] == "1":
            return Reply(500, {"ok": False, "error_code": 500})
        return Reply(json={"ok": True, "result": {"message_id": 1, "chat": {"id": 2}}})

    hub.provider.on("POST", SEND, first_is_down)
    _send(hub, stuck.id, "to the first")
    other = _send(hub, free.id, "to the second")
    eventually(lambda: _fate(hub, other["message"]["id"]) == "SENT")


def _chat(conversation: Any) -> str:
    return str(conversation.external_conversation_id)


def test_the_providers_wish_to_wait_is_honoured(hub: Hub) -> None:
    conversation_id = _talk(hub)
    refusal = {"ok": False, "error_code": 429, "description": "slow down", "parameters": {"retry_after": 3600}}
    hub.provider.on("POST", SEND, Reply(429, refusal), times=1)
    message_id = _send(hub, conversation_id, "hello")["message"]["id"]
    eventually(lambda: _fate(hub, message_id) == "FAILED")
    [item] = hub.documents("outbox", id=message_id)
    assert item["next_retry_at"] - item["updated_at"] >= timedelta(seconds=3600)
    _send(hub, conversation_id, "behind it")
    sweep(hub.deps)
    assert len(hub.provider.to(SEND)) == 1
    sweep(dataclasses.replace(hub.deps, now=lambda: hub.deps.now() + timedelta(hours=2)))
    assert len(hub.provider.to(SEND)) == 1, "the sweep only wakes the sender, which looks at the clock itself"


@EVERYWHERE
def test_a_refusal_for_good_is_not_tried_again_and_is_reported(hub: Hub) -> None:
    conversation_id = _talk(hub)
    blocked = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
    hub.provider.on("POST", SEND, Reply(403, blocked), times=1)
    message_id = _send(hub, conversation_id, "hello")["message"]["id"]
    eventually(lambda: _fate(hub, message_id) == "DEAD")
    assert hub.documents("outbox", id=message_id)[0]["reason"] == "rejected"
    [notification] = hub.documents("notifications", type="message_dead")
    assert notification["message"].startswith("Support: rejected: ")
    assert [m.status for m in hub.messages(Direction.OUTBOUND)] == ["dead"]
    after = _send(hub, conversation_id, "the next one")["message"]["id"]
    eventually(lambda: _fate(hub, after) == "SENT")


@EVERYWHERE
@pytest.mark.parametrize("failure", [Reply(drop=True), Reply(delay=3, drop=True)], ids=["dropped", "slow then dropped"])
def test_a_send_with_unknown_outcome_is_not_repeated(hub: Hub, failure: Reply) -> None:
    conversation_id = _talk(hub)
    hub.provider.on("POST", SEND, failure, times=1)
    message_id = _send(hub, conversation_id, "hello")["message"]["id"]
    eventually(lambda: _fate(hub, message_id) == "DEAD")
    assert hub.documents("outbox", id=message_id)[0]["reason"] == "outcome_unknown"
    assert hub.sent_texts() == ["hello"]
    [listed] = hub.get("/api/outbox?status=DEAD")["items"]
    assert (listed["id"], listed["reason"]) == (message_id, "outcome_unknown")
    hub.post(f"/api/outbox/{message_id}/redrive", {}, 202)
    eventually(lambda: _fate(hub, message_id) == "SENT")
    assert hub.sent_texts() == ["hello", "hello"]
    hub.post(f"/api/outbox/{message_id}/redrive", {}, 409)


def test_an_instance_may_say_that_unknown_outcomes_are_sent_again(hub: Hub) -> None:
    conversation_id = _talk(hub)
    instance_id = hub.conversation().instance_id
    hub.deps.store.commit([Merge(refs.instance(instance_id), {"resend_unknown": True})])
    hub.deps.cache.forget(("instance", instance_id))
    hub.provider.on("POST", SEND, Reply(drop=True), times=1)
    message_id = _send(hub, conversation_id, "hello")["message"]["id"]
    eventually(lambda: _fate(hub, message_id) == "SENT")
    assert hub.sent_texts() == ["hello", "hello"]


@EVERYWHERE
def test_a_provider_that_is_down_is_tried_until_the_tries_are_used_up(hub: Hub) -> None:
    conversation_id = _talk(hub)
    hub.provider.on("POST", SEND, Reply(500, {"ok": False, "error_code": 500}))
    message_id = _send(hub, conversation_id, "hello")["message"]["id"]
    eventually(lambda: _fate(hub, message_id) == "DEAD", timeout=30)
    [item] = hub.documents("outbox", id=message_id)
    assert (item["reason"], item["attempts"]) == ("retries_exhausted", settling.MAX_ATTEMPTS)
    assert len(hub.provider.to(SEND)) == settling.MAX_ATTEMPTS


@EVERYWHERE
def test_the_same_idempotency_key_sends_once(hub: Hub) -> None:
    conversation_id = _talk(hub)
    key = {"Idempotency-Key": "order-17"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _send(hub, conversation_id, "hello", **key), range(16)))
    assert len({answer["message"]["id"] for answer in answers}) == 1
    eventually(hub.idle)
    assert hub.sent_texts() == ["hello"]
    hub.post("/api/messages/send", {"conversationId": conversation_id, "text": "other"}, 409, **key)


def test_what_was_accepted_under_a_key_stays_so_when_its_channel_is_gone(hub: Hub) -> None:
    conversation_id = _talk(hub)
    key = {"Idempotency-Key": "order-18"}
    first = _send(hub, conversation_id, "hello", **key)["message"]
    removed = hub.client.delete(f"/api/channels/{first['channelInstanceId']}", headers=hub.headers)
    assert removed.status_code < 300
    assert _send(hub, conversation_id, "hello", **key)["message"]["id"] == first["id"]
    hub.post("/api/messages/send", {"conversationId": conversation_id, "text": "other"}, 409, **key)
    hub.post("/api/messages/send", {"conversationId": conversation_id, "text": "hello"}, 404)


def test_sending_to_an_address_opens_a_conversation(hub: Hub) -> None:
    channel_id = hub.telegram()
    body = {"channelInstanceId": channel_id, "externalUserId": "77", "text": "welcome"}
    hub.post("/api/messages/send", body, 202)
    hub.provider.wait_for(SEND)
    assert hub.provider.to(SEND)[0].json["chat_id"] == "77"
    hub.customer_writes(channel_id, "thanks", chat=77)
    eventually(lambda: hub.messages(Direction.INBOUND))
    customer_id = hub.conversation().customer_id
    hub.post("/api/messages/send", {"channelInstanceId": channel_id, "customerId": customer_id, "text": "more"}, 202)
    eventually(lambda: hub.sent_texts() == ["welcome", "more"])
    assert len(hub.conversations()) == 1


def test_a_message_without_content_is_refused_in_a_sentence(hub: Hub) -> None:
    empty = hub.post("/api/messages/send", {"conversationId": "x", "attachments": None, "choices": None}, 400)
    assert empty["detail"] == "There is nothing to send: give text, attachments or a reaction"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "to nobody"}, 400),
        ({"conversationId": "unknown", "text": "x"}, 404),
        ({"conversationId": "unknown"}, 400),
        ({"channelInstanceId": "unknown", "externalUserId": "1", "text": "x"}, 404),
        ({"conversationId": "x", "attachments": [{"type": "hologram", "url": "http://a.example/x"}]}, 400),
        ({"conversationId": "x", "attachments": [{"type": "image", "url": "http://169.254.169.254/x"}]}, 400),
        ({"conversationId": "x", "attachments": [{"type": "image", "url": "file:///etc/passwd"}]}, 400),
    ],
)
def test_a_send_that_cannot_be_is_refused_with_a_reason(hub: Hub, body: dict[str, Any], status: int) -> None:
    assert hub.post("/api/messages/send", body, status)["detail"]


class Silence(RecordingBus):
    """Publishes nothing, as a process that dies right after its commit."""

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        pass


@EVERYWHERE
def test_the_sweep_wakes_what_a_crash_left_behind(hub: Hub) -> None:
    conversation_id = _talk(hub)
    dying = dataclasses.replace(hub.deps, bus=Silence(hub.deps.bus))
    owner = Principal(tenant_id=hub.tenant_id, role=Role.OWNER)
    target, content = sending.Target(conversation_id=conversation_id), sending.Content(text="hello")
    message_id = sending.send(dying, owner, target, content, None).message.id
    past = hub.deps.now() - timedelta(seconds=1)
    hub.deps.store.commit([Merge(refs.outbox(message_id), {"due_at": past})])
    assert sweep(hub.deps)["overdue"] == 1
    eventually(lambda: _fate(hub, message_id) == "SENT")


class Faulty(Outgoing):
    """Fails as no provider does, at the first message that is sent."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.sent = 0

    def request(self, method: str, url: str, **options: Any) -> Answer:
        if url.endswith(SEND):
            self.sent += 1
            if self.sent == 1:
                raise ZeroDivisionError
        return super().request(method, url, **options)


def test_a_fault_of_ours_is_told_at_once_and_holds_nothing_up(deps: Deps, provider: Stub) -> None:
    telegram_rules(provider)
    with running_hub(dataclasses.replace(deps, http=Faulty(deps.settings)), provider) as hub:
        hub.register()
        conversation_id = _talk(hub)
        first = _send(hub, conversation_id, "perhaps sent")["message"]["id"]
        eventually(lambda: _fate(hub, first) == "DEAD")
        assert hub.documents("outbox", id=first)[0]["reason"] == "outcome_unknown"
        assert len(hub.documents("notifications", type="message_dead")) == 1
        after = _send(hub, conversation_id, "the next one")["message"]["id"]
        eventually(lambda: _fate(hub, after) == "SENT")
        assert hub.sent_texts() == ["the next one"]


def test_what_nobody_finished_is_told_as_soon_as_its_lease_has_run_out(hub: Hub) -> None:
    conversation_id = _talk(hub)
    hub.provider.on("POST", SEND, Reply(429, {"ok": False, "parameters": {"retry_after": 600}}), times=1)
    message_id = _send(hub, conversation_id, "hello")["message"]["id"]
    eventually(lambda: _fate(hub, message_id) == "FAILED")
    lease = {"status": "SENDING", "lease_owner": "a stuck thread", "due_at": hub.deps.now() - timedelta(seconds=1)}
    hub.deps.store.commit([Merge(refs.outbox(message_id), lease)])
    assert sweep(hub.deps)["overdue"] == 1
    eventually(lambda: _fate(hub, message_id) == "DEAD")
    assert len(hub.documents("notifications", type="message_dead")) == 1


def test_what_a_dead_process_was_sending_is_settled_at_the_next_start(hub: Hub) -> None:
    conversation_id = _talk(hub)
    hub.provider.on("POST", SEND, Reply(429, {"ok": False, "parameters": {"retry_after": 600}}), times=1)
    message_id = _send(hub, conversation_id, "hello")["message"]["id"]
    eventually(lambda: _fate(hub, message_id) == "FAILED")
    lease = {"status": "SENDING", "lease_owner": "a dead process", "due_at": hub.deps.now() + timedelta(seconds=90)}
    hub.deps.store.commit([Merge(refs.outbox(message_id), lease)])
    assert delivery.recover(hub.deps) == 1
    assert _fate(hub, message_id) == "DEAD"
    assert hub.documents("outbox", id=message_id)[0]["reason"] == "outcome_unknown"
