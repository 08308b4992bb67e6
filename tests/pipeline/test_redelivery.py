"""Duplicates: a provider repeats a webhook, an event is redelivered, all events are replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from functions.reply.main import consume as reply
from shared.domain.events import ReplyEvent, Topic
from shared.domain.messages import Direction
from shared.errors import StoreError
from shared.ports.store import Merge
from tests import refs
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Cloud, Facebook, Telegram, WhatsApp

ANNOUNCED = ["message-created", "conversation-updated"]


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def bot(hub: ManualHub) -> Telegram:
    bot = Telegram.of(hub)
    hub.new_realtime_events()
    return bot


def _reply_message_ids(hub: ManualHub) -> list[str]:
    """The ids of the messages for which a reply was requested since the last call."""
    return [cast("ReplyEvent", event).message_id for event in hub.new_events(Topic.REPLIES)]


def _inbound(hub: ManualHub) -> int:
    """How many messages of customers were counted."""
    return sum(int(row.get("inbound", 0)) for row in hub.documents("stats", tenant_id=hub.tenant_id))


def _crash() -> None:
    raise StoreError("the process died")


def test_a_message_is_announced_once_however_often_the_provider_repeats_it(hub: ManualHub, bot: Telegram) -> None:
    update = hub.update(5, "hello")
    bot.brings(update)
    assert hub.new_realtime_events() == ANNOUNCED
    assert _reply_message_ids(hub) == [hub.message("hello").id]
    for _ in range(2):
        bot.brings(update)
    assert (hub.new_realtime_events(), _reply_message_ids(hub)) == ([], [])
    assert (hub.all_texts(), _inbound(hub)) == (["hello"], 1)


def test_a_message_is_announced_once_when_the_provider_repeats_it_at_once(hub: ManualHub, bot: Telegram) -> None:
    update = hub.update(5, "hello")
    hub.overlaps.store.before_commit("messages", lambda: bot.brings(update))
    bot.brings(update)
    assert hub.overlaps.all_happened
    assert hub.new_realtime_events() == ANNOUNCED
    assert _reply_message_ids(hub) == [hub.message("hello").id]
    assert (len(hub.documents("customers")), _inbound(hub)) == (1, 1)


CRASHES: dict[str, Callable[[ManualHub], None]] = {
    "after it was stored": lambda hub: hub.overlaps.store.after_commit("messages", _crash),
    "before it was announced": lambda hub: hub.overlaps.bus.before_publish(Topic.REALTIME, _crash),
    "while it was announced": lambda hub: hub.overlaps.bus.after_publish(Topic.REALTIME, _crash),
    "before an answer was asked": lambda hub: hub.overlaps.bus.before_publish(Topic.REPLIES, _crash),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_an_event_that_was_cut_off_is_announced_and_answered_when_it_comes_again(
    hub: ManualHub, bot: Telegram, crash: str
) -> None:
    cursor = hub.get("/api/events")["nextCursor"]
    [event] = bot.posts(hub.update(5, "hello"))
    CRASHES[crash](hub)
    with pytest.raises(StoreError):
        hub.read(event)
    events = hub.get(f"/api/events?cursor={cursor}")["events"]
    assert [each["name"] for each in events] == ["customer-created", *ANNOUNCED], (
        "whoever comes back is told of it all the same"
    )
    hub.new_realtime_events()
    hub.read(event)
    assert hub.new_realtime_events() == ANNOUNCED
    assert _reply_message_ids(hub) == [hub.message("hello").id]
    assert (hub.all_texts(), _inbound(hub), len(hub.conversations())) == (["hello"], 1, 1)
    later_events = hub.get(f"/api/events?cursor={cursor}")["events"]
    assert [each["id"] for each in later_events] == [each["id"] for each in events], "and of nothing twice"


def test_what_comes_again_is_announced_as_it_is_now(hub: ManualHub, bot: Telegram) -> None:
    [event] = bot.posts(hub.update(5, "hello"))
    hub.read(event)
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"priority": "HIGH"})
    hub.new_events(Topic.REALTIME)
    hub.read(event)
    created, updated = (cast("Any", each).payload for each in hub.new_events(Topic.REALTIME))
    assert created["message"]["id"] == hub.message("hello").id
    assert updated["conversation"]["priority"] == "high"


def test_our_own_message_is_announced_once_and_asks_for_nothing(hub: ManualHub) -> None:
    shop = WhatsApp.of(hub)
    hub.new_realtime_events()
    for _ in range(2):
        shop.writes("from our telephone", fromMe=True)
    assert hub.new_realtime_events() == ANNOUNCED
    assert _reply_message_ids(hub) == []


def test_an_answer_to_a_survey_that_comes_again_is_not_answered(hub: ManualHub, bot: Telegram) -> None:
    hub.echo_agent()
    bot.writes("hello")
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "CLOSED"})
    [event] = bot.posts(hub.update(5, "5"))
    hub.overlaps.store.after_commit("ratings", _crash)
    with pytest.raises(StoreError):
        hub.read(event)
    hub.new_events(Topic.REPLIES)
    hub.read(event)
    for reply_event in hub.new_events(Topic.REPLIES):
        reply(hub.deps, cast("ReplyEvent", reply_event))
    assert [rating["score"] for rating in hub.documents("ratings")] == [5]
    assert all(message.author != "bot" for message in hub.messages(Direction.OUTBOUND))
    assert _inbound(hub) == 2


REPLAYED = (
    "messages",
    "conversations",
    "identities",
    "customers",
    "customer_tags",
    "stats",
    "outbox",
    "campaign_counters",
)
"""The collections that hold customers, conversations and messages."""


def _everything(hub: ManualHub) -> dict[str, Any]:
    return {f"{name}/{each.id}": each.data for name in REPLAYED for each in hub.store.find(name, limit=1000).documents}


def test_a_replay_of_everything_changes_nothing(hub: ManualHub) -> None:
    shop, page, cloud, bot = WhatsApp.of(hub), Facebook.of(hub), Cloud.of(hub), Telegram.of(hub)
    hub.post("/routing/rules", {"condition": "NOT channel=sms", "action": "add_tag:new; set_priority:high"}, 201)
    shop.writes("brokne", id="EDITED")
    shop.edits("EDITED", "mended", 1_795_000_100)
    shop.edits("EDITED", "mended again", 1_795_000_200)
    shop.writes("a slip", id="DELETED")
    shop.deletes("DELETED")
    shop.reacts("EDITED", "👍", 1_795_000_100)
    shop.reacts("EDITED", "", 1_795_000_200)
    shop.writes("from our telephone", id="OURS", fromMe=True)
    for status in ("READ", "DELIVERY_ACK"):
        shop.reports("OURS", status)
    shop.writes("by hidden id", remoteJid="99887766554433@lid")
    shop.writes("the same person", remoteJidAlt="99887766554433@lid")
    hub.wait(minutes=1)
    hub.post("/messages/send", {"session_id": hub.message("the same person").conversation_id, "content": "answer"}, 202)
    hub.deliver()
    page.writes("to the page")
    page.brings(read={"watermark": 1_895_000_000_000})
    cloud.writes("from the first number", "16505551231")
    cloud.moves("16505551231", "16505551232")
    bot.writes("to be closed")
    hub.patch(f"/api/conversations/{hub.message('to be closed').conversation_id}", {"status": "CLOSED"})
    bot.writes("5")
    bot.writes("and later")
    everything = [each.event for each in hub.overlaps.bus.published if each.topic is Topic.INBOUND]
    before = _everything(hub)
    hub.wait(minutes=1)
    hub.read(*cast("Any", everything))
    assert _everything(hub) == before
    hub.read(*reversed(cast("Any", everything)))
    for name, data in before.items():
        if name.startswith("messages/"):
            assert _everything(hub)[name] == data


def test_a_replay_of_a_message_alone_does_not_bring_back_the_text_before_its_edit(hub: ManualHub) -> None:
    shop = WhatsApp.of(hub)
    shop.edits("EARLY", "mended", 1_795_000_100)
    shop.writes("brokne", id="EARLY")
    shop.writes("brokne too", id="LATE")
    shop.edits("LATE", "also mended", 1_795_000_100)
    brought = [cast("Any", each.event) for each in hub.overlaps.bus.published if each.topic is Topic.INBOUND]
    hub.read(*(event for event in brought if event.payload["event"] == "messages.upsert"))
    assert hub.all_texts() == ["mended", "also mended"]
    assert all(message.edited_at is not None for message in hub.messages())


def test_a_replay_mends_what_was_read_wrongly_and_leaves_what_became_of_it(hub: ManualHub) -> None:
    shop = WhatsApp.of(hub)
    shop.writes("hello", id="THEIRS")
    shop.reacts("THEIRS", "👍", 1_795_000_100)
    shop.deletes("THEIRS")
    right = hub.message("hello")
    hub.store.commit([Merge(refs.message(right.id), {"kind": "unsupported", "text": None})])
    brought = [cast("Any", each.event) for each in hub.overlaps.bus.published if each.topic is Topic.INBOUND]
    hub.new_events(Topic.REALTIME)
    hub.read(*brought)
    assert hub.messages() == [right]
    announced = cast("Any", hub.new_events(Topic.REALTIME)[0]).payload["message"]
    assert (announced["kind"], announced["text"]) == ("text", "hello")
