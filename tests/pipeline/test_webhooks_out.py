"""Webhooks out: a tenant's own system is told what happens, each event once per id and in order, whatever breaks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.domain.events import Topic
from shared.errors import StoreError
from shared.ports.store import Delete
from shared.usecases.endpoints import endpoints
from tests.eventually import eventually
from tests.google.deployment import EVERYWHERE
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply, Stub, stub_server

TOPICS = ["message", "status", "conversation", "customer", "channel", "notification", "campaign", "csat"]
BACK = r"/hook"


@pytest.fixture
def receiver() -> Iterator[Stub]:
    """The tenant's own system, which takes everything."""
    with stub_server() as stub:
        stub.on("POST", BACK, Reply(204))
        yield stub


@pytest.fixture
def channel(manual_hub: ManualHub) -> str:
    return manual_hub.telegram()


def _webhook(hub: ManualHub, receiver: Stub, *topics: str, **fields: Any) -> dict[str, Any]:
    body = {"url": f"{receiver.url}/hook", "topics": list(topics or ["message"])} | fields
    created: dict[str, Any] = hub.post("/api/webhooks", body, 201)
    return created


def _bodies(receiver: Stub) -> list[dict[str, Any]]:
    return [request.json for request in receiver.to(BACK)]


def _texts(receiver: Stub) -> list[str]:
    """The texts of the messages that it was told of, each id once: as a receiver reads them that drops repetitions."""
    by_id = {request.headers["webhook-id"]: request.json["data"]["message"]["text"] for request in receiver.to(BACK)}
    return list(by_id.values())


def _deliveries(hub: ManualHub, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    filters = "&".join(f"{name}={value}" for name, value in query.items())
    deliveries: list[dict[str, Any]] = hub.get(f"/api/webhooks/{webhook['id']}/deliveries?{filters}")["deliveries"]
    return deliveries


def _customer_writes(hub: ManualHub, channel: str, *texts: str, chat: int = 5) -> None:
    for text in texts:
        hub.customer_writes(channel, text, chat)
        hub.work()


def test_a_webhook_is_told_what_happens_signed_with_the_secret_that_was_shown_once(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    webhook = _webhook(manual_hub, receiver, *TOPICS)
    assert webhook["secret"].startswith("whsec_")
    assert "secret" not in manual_hub.get(f"/api/webhooks/{webhook['id']}")
    cursor = manual_hub.get("/api/events")["nextCursor"]
    _customer_writes(manual_hub, channel, "hello")
    assert sorted(body["type"] for body in _bodies(receiver)) == [
        "conversation-updated",
        "customer-created",
        "message-created",
    ]
    for request in receiver.to(BACK):
        Webhook(webhook["secret"]).verify(request.body, dict(request.headers))
        with pytest.raises(WebhookVerificationError):
            Webhook(webhook["secret"]).verify(request.body + b" ", dict(request.headers))
    [pushed] = [body for body in _bodies(receiver) if body["type"] == "message-created"]
    assert pushed["data"]["message"]["text"] == "hello"
    [pulled] = [
        each for each in manual_hub.get(f"/api/events?cursor={cursor}")["events"] if each["name"] == "message-created"
    ]
    assert pulled["payload"] == pushed["data"], "push and pull tell the same"
    assert pulled["id"] in {request.headers["webhook-id"] for request in receiver.to(BACK)}


def test_while_a_secret_is_rotated_both_sign(manual_hub: ManualHub, channel: str, receiver: Stub) -> None:
    webhook = _webhook(manual_hub, receiver)
    rotated = manual_hub.post(f"/api/webhooks/{webhook['id']}/rotate-secret", {})
    assert rotated["secret"] != webhook["secret"]
    assert rotated["formerSecretUntil"]
    _customer_writes(manual_hub, channel, "hello")
    [request] = receiver.to(BACK)
    for secret in (webhook["secret"], rotated["secret"]):
        Webhook(secret).verify(request.body, dict(request.headers))
    manual_hub.post(f"/api/webhooks/{webhook['id']}/rotate-secret", {})
    _customer_writes(manual_hub, channel, "again")
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook["secret"]).verify(receiver.to(BACK)[1].body, dict(receiver.to(BACK)[1].headers))


def test_a_webhook_gets_its_topics_and_channels_alone(manual_hub: ManualHub, channel: str, receiver: Stub) -> None:
    other = manual_hub.telegram("Sales")
    _webhook(manual_hub, receiver, "message", channelIds=[other])
    _customer_writes(manual_hub, channel, "to support")
    _customer_writes(manual_hub, other, "to sales", chat=6)
    assert _texts(receiver) == ["to sales"]


def test_every_topic_is_told(manual_hub: ManualHub, channel: str, receiver: Stub) -> None:
    _webhook(manual_hub, receiver, *TOPICS)
    _customer_writes(manual_hub, channel, "hello")
    session = manual_hub.conversation().id
    manual_hub.post("/api/messages/send", {"conversationId": session, "text": "hi"}, 202)
    manual_hub.work()
    manual_hub.post(f"/sessions/{session}/rating", {"score": 5})
    customer = manual_hub.conversation().customer_id
    manual_hub.patch(f"/api/customers/{customer}", {"name": "Ann"})
    manual_hub.work()
    types = {body["type"] for body in _bodies(receiver)}
    assert types >= {"message-created", "message-updated", "conversation-updated", "rating-changed", "customer-updated"}


def test_a_receiver_that_is_down_for_half_an_hour_gets_everything_in_order(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    webhook = _webhook(manual_hub, receiver)
    receiver.on("POST", BACK, Reply(503))
    for minute in range(30):
        _customer_writes(manual_hub, channel, f"{minute}", chat=5 + minute % 2)
        manual_hub.overlaps.clock.advance(minutes=1)
        manual_hub.tick()
    tried = len(receiver.to(BACK))
    assert tried <= 20, "nobody is called more often for the number of messages"
    receiver.reset()
    receiver.on("POST", BACK, Reply(204))
    manual_hub.overlaps.clock.advance(minutes=6)
    manual_hub.tick()
    assert [text for text in _texts(receiver) if int(text) % 2 == 0] == [str(each) for each in range(0, 30, 2)]
    assert [text for text in _texts(receiver) if int(text) % 2] == [str(each) for each in range(1, 30, 2)]
    assert len(receiver.to(BACK)) == 30, "none of them twice"
    assert manual_hub.get(f"/api/webhooks/{webhook['id']}")["failingSince"] is None


def test_an_event_that_is_refused_holds_back_its_own_conversation_alone(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    def answer(request: Received) -> Reply:
        return Reply(500 if "poison" in request.body.decode() else 204)

    webhook = _webhook(manual_hub, receiver)
    receiver.on("POST", BACK, answer)
    _customer_writes(manual_hub, channel, "poison", "after it")
    _customer_writes(manual_hub, channel, "elsewhere", chat=6)
    assert set(_texts(receiver)) == {"poison", "elsewhere"}
    [failed] = _deliveries(manual_hub, webhook, status="failed")
    detail = manual_hub.get(f"/api/webhooks/{webhook['id']}/deliveries/{failed['id']}")
    assert (detail["answerStatus"], "poison" in detail["body"], len(detail["history"])) == (500, True, 1)
    for hour in range(32):
        manual_hub.overlaps.clock.advance(hours=1)
        manual_hub.tick()
        if hour % 8 == 0:
            _customer_writes(manual_hub, channel, f"elsewhere at {hour}", chat=6)
    assert "after it" in _texts(receiver), "after a day it is given up, and the conversation goes on"
    assert [each["status"] for each in _deliveries(manual_hub, webhook, status="dead")] == ["dead"]
    assert "webhook_refused" in [each["type"] for each in manual_hub.documents("notifications")]


def test_a_webhook_that_takes_nothing_for_a_day_is_paused_and_loses_nothing(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    webhook = _webhook(manual_hub, receiver)
    receiver.on("POST", BACK, Reply(drop=True))
    _customer_writes(manual_hub, channel, "one")
    for _ in range(40):
        manual_hub.overlaps.clock.advance(hours=1)
        manual_hub.tick()
    paused = manual_hub.get(f"/api/webhooks/{webhook['id']}")
    assert paused["status"] == "paused_by_hub"
    assert "webhook_paused" in [each["type"] for each in manual_hub.documents("notifications")]
    receiver.reset()
    receiver.on("POST", BACK, Reply(204))
    _customer_writes(manual_hub, channel, "two")
    assert receiver.to(BACK) == []
    manual_hub.patch(f"/api/webhooks/{webhook['id']}", {"active": True})
    manual_hub.work()
    assert _texts(receiver) == ["one", "two"]


def test_a_webhook_that_goes_on_gets_what_it_missed_though_the_hub_is_killed_then(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    path = f"/api/webhooks/{_webhook(manual_hub, receiver)['id']}"
    assert manual_hub.patch(path, {"active": False})["status"] == "paused"
    _customer_writes(manual_hub, channel, "one", "two")

    def killed() -> None:
        raise StoreError("killed")

    manual_hub.overlaps.bus.before_publish(Topic.EVENTS, killed)
    manual_hub.patch(path, {"active": True}, 503)
    manual_hub.work()
    assert receiver.to(BACK) == []
    manual_hub.overlaps.clock.advance(minutes=2)
    manual_hub.tick()
    assert _texts(receiver) == ["one", "two"]
    assert manual_hub.documents("webhook_endpoints")[0]["due_at"] is None


def test_a_webhook_that_says_it_is_gone_is_paused_at_once(manual_hub: ManualHub, channel: str, receiver: Stub) -> None:
    webhook = _webhook(manual_hub, receiver)
    receiver.on("POST", BACK, Reply(410))
    _customer_writes(manual_hub, channel, "one", "two")
    assert len(receiver.to(BACK)) == 1
    assert "410" in manual_hub.get(f"/api/webhooks/{webhook['id']}")["statusReason"]


@pytest.mark.parametrize("step", ["before the wake-up", "after the wake-up", "before it is noted", "after it is noted"])
def test_a_hub_that_is_killed_tells_each_event_in_order(
    manual_hub: ManualHub, channel: str, receiver: Stub, step: str
) -> None:
    _webhook(manual_hub, receiver)
    overlaps = manual_hub.overlaps

    def killed() -> None:
        manual_hub.forget_owed()
        raise StoreError("killed")

    manual_hub.customer_writes(channel, "one")
    if step == "before the wake-up":
        overlaps.bus.before_publish(Topic.EVENTS, killed)
    elif step == "after the wake-up":
        overlaps.bus.after_publish(Topic.EVENTS, killed)
    elif step == "before it is noted":
        receiver.on("POST", BACK, lambda _: _arm(manual_hub, "before", killed), times=1)
    else:
        receiver.on("POST", BACK, lambda _: _arm(manual_hub, "after", killed), times=1)
    with suppress(StoreError):
        manual_hub.work()
    _customer_writes(manual_hub, channel, "two")
    overlaps.clock.advance(minutes=3)
    manual_hub.tick()
    assert _texts(receiver) == ["one", "two"]
    assert len({request.headers["webhook-id"] for request in receiver.to(BACK)}) == 2


def _arm(hub: ManualHub, when: str, killed: Any) -> Reply:
    at = hub.overlaps.store.before_commit if when == "before" else hub.overlaps.store.after_commit
    at("webhook_deliveries", killed)
    return Reply(204)


def test_what_was_delivered_can_be_sent_again_one_by_one_or_for_a_time(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    webhook = _webhook(manual_hub, receiver)
    began = manual_hub.deps.now()
    _customer_writes(manual_hub, channel, "one", "two", "three")
    ids = [request.headers["webhook-id"] for request in receiver.to(BACK)]
    [third, *_] = _deliveries(manual_hub, webhook)
    manual_hub.post(f"/api/webhooks/{webhook['id']}/deliveries/{third['id']}/resend", {})
    manual_hub.work()
    assert receiver.to(BACK)[3].headers["webhook-id"] == ids[2]
    until = manual_hub.deps.now() + timedelta(seconds=1)
    time = {"since": began.isoformat(), "until": until.isoformat()}
    assert manual_hub.post(f"/api/webhooks/{webhook['id']}/replay", time)["replayed"] == 3
    manual_hub.work()
    assert [request.headers["webhook-id"] for request in receiver.to(BACK)[4:]] == ids


def test_a_test_tells_what_the_receiver_answers(manual_hub: ManualHub, receiver: Stub) -> None:
    webhook = _webhook(manual_hub, receiver)
    receiver.on("POST", BACK, Reply(422, text="no such shop"))
    tested = manual_hub.post(f"/api/webhooks/{webhook['id']}/test", {})
    assert (tested["answerStatus"], tested["answer"], tested["type"]) == (422, "no such shop", "webhook-test")
    Webhook(webhook["secret"]).verify(receiver.to(BACK)[0].body, dict(receiver.to(BACK)[0].headers))


def test_a_foreign_webhook_is_not_found(manual_hub: ManualHub, channel: str, receiver: Stub) -> None:
    webhook = _webhook(manual_hub, receiver)
    _customer_writes(manual_hub, channel, "one")
    [delivery] = _deliveries(manual_hub, webhook)
    manual_hub.register("stranger@example.com")
    path = f"/api/webhooks/{webhook['id']}"
    time = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
    manual_hub.get(path, 404)
    manual_hub.get(f"{path}/deliveries", 404)
    manual_hub.get(f"{path}/deliveries/{delivery['id']}", 404)
    manual_hub.patch(path, {"active": False}, 404)
    for action, body in {"rotate-secret": {}, "test": {}, "replay": time}.items():
        manual_hub.post(f"{path}/{action}", body, 404)
    manual_hub.post(f"{path}/deliveries/{delivery['id']}/resend", {}, 404)
    assert manual_hub.client.delete(path, headers=manual_hub.headers).status_code == 404
    own = _webhook(manual_hub, receiver)
    manual_hub.get(f"/api/webhooks/{own['id']}/deliveries/{delivery['id']}", 404)
    form = {"url": receiver.url, "topics": ["message"]}
    secret_names = manual_hub.secret_names()
    manual_hub.post("/api/webhooks", form | {"channelIds": [channel]}, 404)
    assert manual_hub.secret_names() == secret_names, "what is refused leaves no secret behind"


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "ftp://example.com", "no address"])
def test_an_address_that_the_hub_must_not_call_is_refused(manual_hub: ManualHub, url: str) -> None:
    refused = manual_hub.post("/api/webhooks", {"url": url, "topics": ["message"]}, 400)
    assert "url" in refused["detail"]


def test_a_webhook_that_is_deleted_is_called_no_more(manual_hub: ManualHub, channel: str, receiver: Stub) -> None:
    webhook = _webhook(manual_hub, receiver)
    receiver.on("POST", BACK, Reply(500))
    _customer_writes(manual_hub, channel, "one")
    answer = manual_hub.client.delete(f"/api/webhooks/{webhook['id']}", headers=manual_hub.headers)
    assert answer.status_code == 200
    manual_hub.overlaps.clock.advance(minutes=5)
    manual_hub.tick()
    _customer_writes(manual_hub, channel, "two")
    assert len(receiver.to(BACK)) == 1
    assert manual_hub.documents("webhook_deliveries", open=True) == []


def test_the_webhook_url_of_a_channel_is_a_webhook_that_comes_and_goes_with_it(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    other = manual_hub.telegram("Sales")
    url = f"{receiver.url}/hook"
    manual_hub.patch(f"/api/channels/{channel}", {"config": {"webhook_url": url}})
    [webhook] = manual_hub.get("/api/webhooks")["webhooks"]
    assert (webhook["url"], webhook["channelId"], webhook["channelIds"]) == (url, channel, [channel])
    _customer_writes(manual_hub, channel, "here")
    _customer_writes(manual_hub, other, "there", chat=6)
    messages = [body["data"]["message"]["text"] for body in _bodies(receiver) if body["type"] == "message-created"]
    assert messages == ["here"]
    manual_hub.patch(f"/api/channels/{channel}", {"config": {"webhook_url": None}})
    assert manual_hub.get("/api/webhooks")["webhooks"] == []


@EVERYWHERE
def test_a_running_hub_tells_a_webhook_what_happens_in_order(hub: Hub, receiver: Stub) -> None:
    channel = hub.telegram()
    webhook = hub.post("/api/webhooks", {"url": f"{receiver.url}/hook", "topics": ["message"]}, 201)
    receiver.on("POST", BACK, Reply(500), times=1)
    for text in ("one", "two", "three"):
        hub.customer_writes(channel, text)
    for request in receiver.wait_for(BACK, 4, timeout=60):
        Webhook(webhook["secret"]).verify(request.body, dict(request.headers))
    assert _texts(receiver) == ["one", "two", "three"]
    assert len(receiver.to(BACK)) == 4, "the one that was refused came again"
    eventually(lambda: len(hub.documents("webhook_deliveries", status="delivered")) == 3)


def test_a_webhook_that_hangs_keeps_no_other_tenant_waiting(hub: Hub, receiver: Stub) -> None:
    ended = threading.Event()

    def hang(_: Received) -> Reply:
        ended.wait(30)
        return Reply(204)

    with stub_server() as hanging:
        hanging.on("POST", BACK, hang)
        channel = hub.telegram()
        hub.post("/api/webhooks", {"url": f"{hanging.url}/hook", "topics": ["message"]}, 201)
        for chat in range(20):
            hub.customer_writes(channel, "hello", chat=100 + chat)
        hanging.wait_for(BACK, 4, timeout=60)
        hub.register("another@example.com")
        other = hub.telegram("Another")
        hub.post("/api/webhooks", {"url": f"{receiver.url}/hook", "topics": ["message"]}, 201)
        hub.customer_writes(other, "hello", chat=7)
        receiver.wait_for(BACK, timeout=60)
        assert len(hanging.to(BACK)) < 20, "the others did not wait until it was given up"
        ended.set()


def test_what_waits_for_its_next_attempt_is_sent_at_once_and_not_twice(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    webhook = _webhook(manual_hub, receiver)
    receiver.on("POST", BACK, Reply(500))
    _customer_writes(manual_hub, channel, "one")
    [failed] = _deliveries(manual_hub, webhook, status="failed")
    receiver.on("POST", BACK, Reply(204))
    resent = manual_hub.post(f"/api/webhooks/{webhook['id']}/deliveries/{failed['id']}/resend", {})
    manual_hub.work()
    assert (resent["id"], len(receiver.to(BACK))) == (failed["id"], 2)
    assert [each["status"] for each in _deliveries(manual_hub, webhook)] == ["delivered"]
    manual_hub.wait(hours=1)
    manual_hub.tick()
    assert len(receiver.to(BACK)) == 2


def test_a_paused_webhook_sends_nothing_again(manual_hub: ManualHub, channel: str, receiver: Stub) -> None:
    webhook, other = _webhook(manual_hub, receiver), _webhook(manual_hub, receiver)
    _customer_writes(manual_hub, channel, "one")
    path = f"/api/webhooks/{webhook['id']}"
    [delivery] = _deliveries(manual_hub, webhook)
    manual_hub.get(f"/api/webhooks/{other['id']}/deliveries/{delivery['id']}", 404)
    manual_hub.patch(path, {"active": False})
    now = manual_hub.deps.now()
    time = {"since": (now - timedelta(hours=1)).isoformat(), "until": now.isoformat()}
    manual_hub.post(f"{path}/replay", time, 409)
    manual_hub.post(f"{path}/deliveries/{delivery['id']}/resend", {}, 409)
    manual_hub.wait(minutes=5)
    manual_hub.tick()
    assert len(receiver.to(BACK)) == 2, "each once"


def test_a_webhook_is_changed_in_what_is_given_alone(manual_hub: ManualHub, channel: str, receiver: Stub) -> None:
    webhook = _webhook(manual_hub, receiver, "message")
    path = f"/api/webhooks/{webhook['id']}"
    assert "url" in manual_hub.patch(path, {"url": "http://169.254.169.254/"}, 400)["detail"]
    manual_hub.patch(path, {"channelIds": ["nothing"]}, 404)
    changed = manual_hub.patch(path, {"topics": ["customer"], "active": True})
    assert (changed["url"], changed["topics"]) == (webhook["url"], ["customer"])
    _customer_writes(manual_hub, channel, "hello")
    assert [body["type"] for body in _bodies(receiver)] == ["customer-created"]


def test_a_tenant_has_so_many_webhooks_and_no_more(manual_hub: ManualHub, receiver: Stub) -> None:
    for _ in range(endpoints.MOST):
        webhook = _webhook(manual_hub, receiver)
    secret_names = manual_hub.secret_names()
    body = {"url": f"{receiver.url}/hook", "topics": ["message"]}
    assert "delete one first" in manual_hub.post("/api/webhooks", body, 409)["detail"]
    assert manual_hub.secret_names() == secret_names
    manual_hub.client.delete(f"/api/webhooks/{webhook['id']}", headers=manual_hub.headers)
    manual_hub.post("/api/webhooks", body, 201)


def test_what_is_not_kept_any_more_is_given_up_and_holds_up_nothing(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    webhook = _webhook(manual_hub, receiver)
    manual_hub.customer_writes(channel, "forgotten")
    manual_hub.work(Topic.INBOUND)
    for event in manual_hub.store.find("event_log").documents:
        manual_hub.store.commit([Delete(event.ref)])
    manual_hub.work()
    _customer_writes(manual_hub, channel, "kept")
    assert _texts(receiver) == ["kept"]
    [dead] = _deliveries(manual_hub, webhook, status="dead")
    assert "not kept any more" in manual_hub.get(f"/api/webhooks/{webhook['id']}/deliveries/{dead['id']}")["error"]


def test_the_webhook_url_of_a_channel_goes_when_the_channel_is_deleted(
    manual_hub: ManualHub, channel: str, receiver: Stub
) -> None:
    manual_hub.telegram("Sales")
    manual_hub.patch(f"/api/channels/{channel}", {"config": {"webhook_url": f"{receiver.url}/hook"}})
    own = _webhook(manual_hub, receiver)
    manual_hub.client.delete(f"/api/channels/{channel}", headers=manual_hub.headers)
    assert [each["id"] for each in manual_hub.get("/api/webhooks")["webhooks"]] == [own["id"]]
