"""What metrics are made of is told by log lines: one for each message in, one for each attempt to send."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from shared.ports.store import Create, Ref
from shared.usecases.sweep import sweep
from tests.documents import an_outbox_item
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.pipeline.sending import accepted
from tests.stubs import Reply

STORED = "a message was stored"
SENT = "a message was sent"


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def _lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    return [vars(record) for record in caplog.records if record.getMessage() == message]


def test_a_message_and_its_reply_are_one_line_each(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    hub.echo_agent()
    hub.customer_writes(hub.telegram(), "hello")
    [sent] = eventually(lambda: _lines(caplog, SENT))
    [stored] = _lines(caplog, STORED)
    assert stored["channel"] == sent["channel"] == "telegram_bot"
    assert isinstance(stored["lag_seconds"], float)
    assert isinstance(sent["reply_seconds"], float)
    assert isinstance(sent["outbox_seconds"], float)
    assert sent["reply_seconds"] >= sent["outbox_seconds"] >= 0.0


def test_of_a_reply_in_parts_only_the_first_tells_how_long_the_customer_waited(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.echo_agent()
    hub.customer_writes(hub.telegram(), "x" * 5000)
    sent = eventually(lambda: lines if len(lines := _lines(caplog, SENT)) > 1 else [])
    assert ["reply_seconds" in line for line in sent] == [True] + [False] * (len(sent) - 1)


def test_what_nobody_waited_for_is_no_reply(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    hub.customer_writes(hub.telegram(), "hello")
    conversation = hub.conversation()
    for text in ("first", "second"):
        hub.post("/api/messages/send", {"conversationId": conversation.id, "text": text}, 202)
    sent = eventually(lambda: lines if len(lines := _lines(caplog, SENT)) == 2 else [])
    assert ["reply_seconds" in line for line in sent] == [True, False]


def test_an_edit_is_no_message(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    hub.provider.on("POST", "/editMessageText", Reply(json={"ok": True, "result": True}))
    message_id, _ = accepted(hub, hub.telegram())
    eventually(lambda: _lines(caplog, SENT))
    hub.patch(f"/api/messages/{message_id}", {"text": "hallo"}, 202)
    eventually(hub.idle)
    assert hub.provider.to("/editMessageText")
    assert len(_lines(caplog, SENT)) == 1


def test_a_message_in_two_parts_is_one(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    animals = [{"type": "image", "url": f"https://files.example/{name}.jpg"} for name in ("cat", "dog")]
    body = {"channelInstanceId": hub.telegram(), "externalUserId": "5", "attachments": animals}
    hub.post("/api/messages/send", body, 202)
    eventually(hub.idle)
    assert len(hub.provider.to("/sendPhoto")) == 2
    eventually(lambda: _lines(caplog, SENT))
    assert len(_lines(caplog, SENT)) == 1


@pytest.mark.parametrize(
    ("answer", "line", "reason"),
    [
        (Reply(503), "a message will be tried again", "unavailable"),
        (Reply(400, {"ok": False, "description": "Bad Request"}), "a message died", "rejected"),
        (Reply(drop=True), "a message died", "outcome_unknown"),
    ],
    ids=["unavailable", "rejected", "unknown"],
)
def test_an_error_of_a_provider_names_the_channel(
    hub: Hub, caplog: pytest.LogCaptureFixture, answer: Reply, line: str, reason: str
) -> None:
    hub.echo_agent()
    channel = hub.telegram()
    hub.provider.on("POST", "/sendMessage", answer, times=1)
    hub.customer_writes(channel, "hello")
    [entry] = eventually(lambda: _lines(caplog, line))
    assert (entry["channel"], entry["reason"]) == ("telegram_bot", reason)


def _store_item(hub: Hub, item_id: str, **fields: Any) -> None:
    item = an_outbox_item(id=item_id, tenant_id=hub.tenant_id, **fields)
    hub.store.commit([Create(Ref("outbox", item.id), item.model_dump())])


def test_the_sweep_tells_how_much_waits_to_be_sent_and_how_long(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    sweep(hub.deps)
    now = hub.deps.now()
    for number, age in enumerate((10, 40, 20)):
        _store_item(hub, f"item-{number}", created_at=now - timedelta(seconds=age), due_at=now + timedelta(hours=1))
    _store_item(hub, "sent", created_at=now - timedelta(days=1), open=False)
    sweep(hub.deps)
    empty, full = _lines(caplog, "the outbox was measured")
    assert (empty["depth"], empty["oldest_seconds"]) == (0, 0.0)
    assert full["depth"] == 3
    assert isinstance(full["oldest_seconds"], float)
    assert 40 <= full["oldest_seconds"] < 600
