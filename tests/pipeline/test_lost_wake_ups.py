"""A wake-up may be lost with the process that owed it: the sweep and the next start find what waits by its time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from functions.deliver.main import consume
from functions.tick.main import recover, tick
from shared.config import Settings
from shared.deps import Deps
from shared.domain.events import OutboundEvent, Topic
from shared.errors import StoreError
from shared.ports.store import Create, Merge
from shared.usecases.delivery.delivery import LEASE
from tests import refs
from tests.overlaps import Published, overlaps
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub, another_process
from tests.pipeline.sending import SEND, accepted, fate, work
from tests.stubs import Reply

MANY = 420
"""More items than two pages hold."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Pauses as they are by default, so that they can be told apart from none."""
    return settings.model_copy(update={"retry_min_seconds": 10.0, "retry_max_seconds": 600.0})


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


def wake_ups(hub: Hub, act: Callable[[Deps], None]) -> list[Published]:
    """What `act` published for those who send."""
    published = overlaps(hub.deps).bus.published
    published.clear()
    act(hub.deps)
    return [each for each in published if each.topic is Topic.OUTBOUND]


def conversations(woken: list[Published]) -> list[str]:
    return [cast("OutboundEvent", each.event).conversation_id for each in woken]


def work_on(hub: Hub, woken: list[Published]) -> None:
    """Do what the wake-ups ask for."""
    for each in woken:
        consume(hub.deps, cast("OutboundEvent", each.event))


def time_passes(hub: Hub, seconds: float) -> None:
    overlaps(hub.deps).clock.advance(seconds=seconds)


def bus_fails(hub: Hub) -> None:
    """The next wake-up is not published."""

    def fail() -> None:
        raise StoreError("the bus did not answer")

    overlaps(hub.deps).bus.before_publish(Topic.OUTBOUND, fail)


def killed_while_sending(hub: Hub, conversation: str) -> None:
    """Another process claims the conversation's next message and is heard of no more."""

    def die() -> None:
        raise KeyboardInterrupt

    overlaps(hub.deps).store.after_commit("outbox", die)
    with pytest.raises(KeyboardInterrupt):
        work(hub, conversation, another_process(hub.deps))


def refused_for(hub: Hub, seconds: int) -> None:
    """The provider does not take the next message and says when to come again."""
    hub.provider.on("POST", SEND, Reply(429, {"ok": False, "parameters": {"retry_after": seconds}}), times=1)


def copies(hub: Hub, message: str) -> None:
    """As many items like this one, each of a conversation of its own."""
    [item] = hub.documents("outbox", id=message)
    for start in range(0, MANY, 100):
        numbers = range(start, min(start + 100, MANY))
        hub.store.commit([Create(refs.outbox(f"m{n}"), copy_of(item, n)) for n in numbers])


def copy_of(item: dict[str, Any], n: int) -> dict[str, Any]:
    return item | {"id": f"m{n}", "conversation_id": f"c{n}"}


def test_what_was_accepted_and_never_announced_is_swept_after_a_minute(hub: Hub) -> None:
    body = {"channelInstanceId": hub.telegram(), "externalUserId": "5", "text": "hello"}
    bus_fails(hub)
    hub.post("/api/messages/send", body, 503)
    [item] = hub.documents("outbox")
    assert wake_ups(hub, tick) == [], "who announces it may only be slow"
    time_passes(hub, 61)
    woken = wake_ups(hub, tick)
    assert conversations(woken) == [item["conversation_id"]]
    assert (woken[0].key, woken[0].delay) == (item["conversation_id"], 0)
    work_on(hub, woken)
    assert (hub.sent_texts(), fate(hub, item["id"])) == (["hello"], "SENT")


def test_what_its_provider_put_off_is_swept_when_it_is_due_and_not_before(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    refused_for(hub, 600)
    work(hub, conversation)
    time_passes(hub, 590)
    assert wake_ups(hub, tick) == []
    time_passes(hub, 11)
    work_on(hub, wake_ups(hub, tick))
    assert (len(hub.sent_texts()), fate(hub, message)) == (2, "SENT")


def test_what_waits_its_turn_is_swept_when_it_has_come(hub: Hub) -> None:
    body = {"name": "Slow", "type": "TELEGRAM_BOT", "config": {"botToken": "7:token", "pacePerSecond": 0.005}}
    channel = str(hub.post("/api/channels", body, 201)["id"])
    for chat in (4, 5):
        message, conversation = accepted(hub, channel, chat=chat)
        work(hub, conversation)
    assert fate(hub, message) == "PENDING"
    time_passes(hub, 150)
    assert wake_ups(hub, tick) == []
    time_passes(hub, 100)
    work_on(hub, wake_ups(hub, tick))
    assert fate(hub, message) == "SENT"


def test_what_a_killed_process_was_sending_is_swept_and_told_of_when_its_lease_has_run_out(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    killed_while_sending(hub, conversation)
    time_passes(hub, LEASE.total_seconds() - 5)
    assert wake_ups(hub, tick) == []
    time_passes(hub, 6)
    work_on(hub, wake_ups(hub, tick))
    assert (fate(hub, message), hub.sent_texts()) == ("DEAD", [])
    [notification] = hub.documents("notifications", type="message_dead")
    assert notification["title"] == "A message may not have been delivered"


def test_what_somebody_redrove_and_was_not_announced_is_swept(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    hub.provider.on("POST", SEND, Reply(403, {"ok": False, "error_code": 403}), times=1)
    work(hub, conversation)
    assert fate(hub, message) == "DEAD"
    bus_fails(hub)
    hub.post(f"/api/outbox/{message}/redrive", {}, 503)
    work_on(hub, wake_ups(hub, tick))
    assert fate(hub, message) == "SENT"


def test_what_is_settled_is_not_swept(hub: Hub) -> None:
    channel = hub.telegram()
    sent, conversation = accepted(hub, channel)
    work(hub, conversation)
    dead, conversation = accepted(hub, channel, chat=6)
    hub.provider.on("POST", SEND, Reply(403, {"ok": False, "error_code": 403}), times=1)
    work(hub, conversation)
    assert (fate(hub, sent), fate(hub, dead)) == ("SENT", "DEAD")
    time_passes(hub, 24 * 3600)
    assert wake_ups(hub, tick) == wake_ups(hub, recover) == []


def test_a_sweep_goes_through_all_that_is_overdue(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    copies(hub, message)
    time_passes(hub, 61)
    assert sorted(conversations(wake_ups(hub, tick))) == sorted([conversation, *(f"c{n}" for n in range(MANY))])


def test_a_start_wakes_at_once_what_was_accepted_and_never_announced(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    woken = wake_ups(hub, recover)
    assert [(each.key, each.delay) for each in woken] == [(conversation, 0)]
    work_on(hub, woken)
    assert fate(hub, message) == "SENT"


def test_a_start_has_what_was_put_off_looked_at_when_it_is_due(hub: Hub) -> None:
    channel = hub.telegram()
    refused_for(hub, 40)
    _, soon = accepted(hub, channel, chat=5)
    work(hub, soon)
    other = hub.telegram("Other")
    refused_for(hub, 600)
    _, late = accepted(hub, other, chat=6)
    work(hub, late)
    [woken] = wake_ups(hub, recover)
    assert woken.key == soon, "the sweep is early enough for the other"
    assert 30 < woken.delay <= 40


def test_a_start_settles_what_a_dead_process_was_sending_and_wakes_what_waits_behind_it(hub: Hub) -> None:
    channel = hub.telegram()
    first, conversation = accepted(hub, channel, "first")
    second, _ = accepted(hub, channel, "second")
    killed_while_sending(hub, conversation)
    woken = wake_ups(hub, recover)
    assert (fate(hub, first), fate(hub, second)) == ("DEAD", "PENDING")
    assert hub.documents("outbox", id=first)[0]["reason"] == "outcome_unknown"
    work_on(hub, woken)
    assert (hub.sent_texts(), fate(hub, second)) == (["second"], "SENT")


def test_a_start_leaves_alone_what_this_process_is_sending(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    killed_while_sending(hub, conversation)
    hub.store.commit([Merge(refs.outbox(message), {"lease_owner": hub.deps.owner})])
    recover(hub.deps)
    assert fate(hub, message) == "SENDING"


def test_a_start_leaves_alone_what_a_worker_of_this_process_has_just_settled(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    killed_while_sending(hub, conversation)
    time_passes(hub, LEASE.total_seconds() + 1)
    overlaps(hub.deps).store.before_commit("outbox", lambda: settled_and_redriven(hub, message, conversation))
    recover(hub.deps)
    assert overlaps(hub.deps).all_happened
    assert (hub.sent_texts(), fate(hub, message)) == (["hello"], "SENT")


def settled_and_redriven(hub: Hub, message: str, conversation: str) -> None:
    work(hub, conversation)
    hub.post(f"/api/outbox/{message}/redrive", {}, 202)
    work(hub, conversation)


def test_a_start_goes_through_all_that_is_open(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    copies(hub, message)
    assert sorted(conversations(wake_ups(hub, recover))) == sorted([conversation, *(f"c{n}" for n in range(MANY))])


def test_a_start_sends_again_what_a_dead_process_was_sending_where_the_channel_wants_it_so(hub: Hub) -> None:
    message, conversation = accepted(hub, channel := hub.telegram())
    hub.store.commit([Merge(refs.instance(channel), {"resend_unknown": True})])
    killed_while_sending(hub, conversation)
    woken = wake_ups(hub, recover)
    assert (fate(hub, message), set(conversations(woken))) == ("FAILED", {conversation})
    time_passes(hub, 11)
    work_on(hub, woken)
    assert (hub.sent_texts(), fate(hub, message)) == (["hello"], "SENT")
