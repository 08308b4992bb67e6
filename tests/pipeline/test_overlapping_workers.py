"""Two workers at one message: it is sent once, and what is written down of it is what became of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from functions.normalize.main import consume as normalize
from shared.domain.events import InboundEvent
from shared.domain.messages import MessageStatus
from shared.errors import Conflict
from shared.ports.store import Merge
from shared.usecases.delivery.delivery import LEASE
from tests import refs
from tests.channels.whatsapp_cloud.test_conversation import NUMBER, call, create, recording
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub, another_process
from tests.pipeline.sending import SEND, accepted, displayed_status, fate, work
from tests.stubs import Received, Reply

UNAVAILABLE = Reply(503, {"ok": False, "error_code": 503, "description": "later"})
REJECTED = Reply(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
SENT = Reply(json={"ok": True, "result": {"message_id": 77, "chat": {"id": 5}}})


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@dataclass
class Sending:
    """A worker that waits for the provider's answer; `answer` has it given, and ends when the worker is done."""

    worker: Future[None]
    _reply: Reply = SENT
    _answered: threading.Event = field(default_factory=threading.Event)

    def answer(self, reply: Reply = SENT) -> None:
        self._reply = reply
        self._answered.set()
        self.worker.result(timeout=15)


@contextmanager
def sending(hub: Hub, conversation_id: str) -> Iterator[Sending]:
    """Another process is in the middle of sending the conversation's next message."""
    before = len(hub.provider.to(SEND))
    with ThreadPoolExecutor(1) as pool:
        run = Sending(Future())

        def slowly(request: Received) -> Reply:
            run._answered.wait(15)
            return run._reply

        hub.provider.on("POST", SEND, slowly, times=1)
        run.worker = pool.submit(work, hub, conversation_id, another_process(hub.deps))
        hub.provider.wait_for(SEND, before + 1)
        try:
            yield run
        finally:
            run._answered.set()


def lease_runs_out(hub: Hub) -> None:
    overlaps(hub.deps).clock.advance(seconds=LEASE.total_seconds() + 1)


def notifications(hub: Hub) -> list[dict[str, Any]]:
    return hub.documents("notifications", type="message_dead")


def test_of_two_workers_that_find_the_same_message_one_sends_it(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    overlaps(hub.deps).store.before_commit("outbox", lambda: work(hub, conversation, another_process(hub.deps)))
    work(hub, conversation)
    assert overlaps(hub.deps).all_happened
    assert hub.sent_texts() == ["hello"]
    assert fate(hub, message) == "SENT"


def test_of_two_workers_that_find_a_message_due_again_one_sends_it(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    hub.provider.on("POST", SEND, UNAVAILABLE, times=1)
    work(hub, conversation)
    overlaps(hub.deps).clock.advance(seconds=1)
    overlaps(hub.deps).store.before_commit("outbox", lambda: work(hub, conversation, another_process(hub.deps)))
    work(hub, conversation)
    assert overlaps(hub.deps).all_happened
    assert hub.sent_texts() == ["hello"] * 2, "refused once, and taken once"
    assert hub.documents("outbox", id=message)[0]["attempts"] == 2


def test_a_busy_message_is_left_to_its_worker_and_the_bus_is_told_to_come_again(hub: Hub) -> None:
    channel = hub.telegram()
    first, conversation = accepted(hub, channel, "first")
    second, _ = accepted(hub, channel, "second")
    with sending(hub, conversation) as other:
        with pytest.raises(Conflict):
            work(hub, conversation)
        assert (hub.sent_texts(), fate(hub, second)) == (["first"], "PENDING")
        overlaps(hub.deps).clock.advance(seconds=LEASE.total_seconds() - 5)
        with pytest.raises(Conflict):
            work(hub, conversation)
        other.answer()
    assert hub.sent_texts() == ["first", "second"]
    assert [fate(hub, each) for each in (first, second)] == ["SENT", "SENT"]


def test_a_busy_message_on_one_channel_does_not_hold_up_another_channel(hub: Hub) -> None:
    channel = hub.telegram()
    _, conversation = accepted(hub, channel, "first")
    after, _ = accepted(hub, channel, "after the transfer")
    hub.store.commit([Merge(refs.outbox(after), {"instance_id": hub.telegram("Other")})])
    with sending(hub, conversation):
        with pytest.raises(Conflict):
            work(hub, conversation)
        assert hub.sent_texts() == ["first", "after the transfer"]
        assert fate(hub, after) == "SENT"


def test_a_worker_that_finds_the_channel_gone_leaves_alone_what_another_has_sent(hub: Hub) -> None:
    channel = hub.telegram()
    hub.telegram("Other")
    slower = another_process(hub.deps)
    _, conversation = accepted(hub, channel, "before")
    work(hub, conversation, slower)
    message, _ = accepted(hub, channel, "while it is removed")
    removed = hub.client.delete(f"/api/channels/{channel}", headers=hub.headers)
    assert removed.status_code < 300, removed.text
    overlaps(hub.deps).store.before_commit("outbox", lambda: work(hub, conversation, slower))
    work(hub, conversation)
    assert overlaps(hub.deps).all_happened
    assert hub.sent_texts() == ["before", "while it is removed"]
    assert (fate(hub, message), notifications(hub)) == ("SENT", [])


def test_a_worker_that_ends_just_when_its_lease_does_has_sent_the_message(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    with sending(hub, conversation) as other:
        lease_runs_out(hub)
        overlaps(hub.deps).store.before_commit("outbox", other.answer)
        work(hub, conversation)
    assert overlaps(hub.deps).all_happened
    assert (fate(hub, message), notifications(hub)) == ("SENT", [])
    assert displayed_status(hub, message) is MessageStatus.SENT


def test_what_was_sent_just_when_the_lease_ran_out_is_not_sent_again_where_unknown_outcomes_are(hub: Hub) -> None:
    message, conversation = accepted(hub, channel := hub.telegram())
    hub.store.commit([Merge(refs.instance(channel), {"resend_unknown": True})])
    with sending(hub, conversation) as other:
        lease_runs_out(hub)
        overlaps(hub.deps).store.before_commit("outbox", other.answer)
        work(hub, conversation)
    overlaps(hub.deps).clock.advance(hours=1)
    work(hub, conversation)
    assert overlaps(hub.deps).all_happened
    assert (hub.sent_texts(), fate(hub, message)) == (["hello"], "SENT")


def test_what_was_taken_after_its_lease_had_run_out_is_sent_and_cannot_be_sent_again(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    with sending(hub, conversation) as other:
        lease_runs_out(hub)
        work(hub, conversation)
        assert fate(hub, message) == "DEAD"
        other.answer()
    assert (fate(hub, message), displayed_status(hub, message)) == ("SENT", MessageStatus.SENT)
    hub.post(f"/api/outbox/{message}/redrive", {}, 409)
    assert hub.sent_texts() == ["hello"]


@pytest.mark.parametrize("late", [UNAVAILABLE, REJECTED, Reply(drop=True)], ids=["503", "403", "dropped"])
def test_what_failed_after_its_lease_had_run_out_stays_dead_and_can_be_sent_again(hub: Hub, late: Reply) -> None:
    message, conversation = accepted(hub, hub.telegram())
    with sending(hub, conversation) as other:
        lease_runs_out(hub)
        work(hub, conversation)
        other.answer(late)
    [item] = hub.get("/api/outbox?status=DEAD")["items"]
    assert (item["id"], item["reason"]) == (message, "outcome_unknown")
    assert len(notifications(hub)) == 1
    hub.post(f"/api/outbox/{message}/redrive", {}, 202)
    work(hub, conversation)
    assert fate(hub, message) == "SENT"


def test_a_late_refusal_does_not_have_a_message_sent_again_that_another_worker_has_sent(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    with sending(hub, conversation) as other:
        lease_runs_out(hub)
        work(hub, conversation)
        hub.post(f"/api/outbox/{message}/redrive", {}, 202)
        work(hub, conversation)
        assert fate(hub, message) == "SENT"
        other.answer(UNAVAILABLE)
    overlaps(hub.deps).clock.advance(hours=1)
    work(hub, conversation)
    assert hub.sent_texts() == ["hello"] * 2, "once by each, as a person wished"
    assert fate(hub, message) == "SENT"


def test_of_two_people_who_redrive_a_dead_message_the_slower_does_not_have_it_sent_twice(hub: Hub) -> None:
    message, conversation = accepted(hub, hub.telegram())
    hub.provider.on("POST", SEND, REJECTED, times=1)
    work(hub, conversation)
    path = f"/api/outbox/{message}/redrive"

    def faster() -> None:
        hub.post(path, {}, 202)
        work(hub, conversation)

    overlaps(hub.deps).store.after_read(refs.outbox(message), faster)
    hub.post(path, {}, 409)
    work(hub, conversation)
    assert overlaps(hub.deps).all_happened
    assert hub.sent_texts() == ["hello"] * 2, "refused once, and taken once"


def test_a_worker_that_has_to_wait_does_not_shorten_the_lease_of_one_that_sends(hub: Hub) -> None:
    body = {"name": "Slow", "type": "TELEGRAM_BOT", "config": {"botToken": "7:token", "pacePerSecond": 0.1}}
    channel = str(hub.post("/api/channels", body, 201)["id"])
    _, earlier = accepted(hub, channel, "earlier", chat=4)
    work(hub, earlier)
    message, conversation = accepted(hub, channel)
    with ExitStack() as stack:
        others: list[Sending] = []
        overlaps(hub.deps).store.before_commit(
            "outbox", lambda: others.append(stack.enter_context(sending(hub, conversation)))
        )
        with pytest.raises(Conflict):
            work(hub, conversation)
        overlaps(hub.deps).clock.advance(seconds=LEASE.total_seconds() / 2)
        with pytest.raises(Conflict):
            work(hub, conversation)
        assert (fate(hub, message), notifications(hub)) == ("SENDING", [])
        others[0].answer()
    assert (fate(hub, message), hub.documents("outbox", id=message)[0]["next_retry_at"]) == ("SENT", None)


def test_receipts_that_overtake_the_providers_answer_all_count(hub: Hub) -> None:
    """One comes before the answer, the next while the first is being taken over."""

    def tell(status: str) -> None:
        receipt = recording("status__delivered")
        receipt["entry"][0]["changes"][0]["value"]["statuses"][0] |= {"id": "wamid.OUT1", "status": status}
        call(hub, f"/webhook/whatsapp_cloud/{channel}", receipt)
        normalize(hub.deps, cast("InboundEvent", overlaps(hub.deps).bus.published[-1].event))

    def accept(request: Received) -> Reply:
        tell("delivered")
        return Reply(json={"messaging_product": "whatsapp", "messages": [{"id": "wamid.OUT1"}]})

    hub.provider.on("GET", rf"/{NUMBER}\?", Reply(json={"id": NUMBER, "verified_name": "Shop"}))
    hub.provider.on("POST", f"/{NUMBER}/messages", accept)
    channel = create(hub)
    message, conversation = accepted(hub, channel)
    store, place = overlaps(hub.deps).store, refs.provider_message(channel, "wamid.OUT1")
    # The first commit meets the note of the first receipt; what it says is taken over by the second.
    store.before_commit(place, lambda: store.before_commit(place, lambda: tell("read")))
    work(hub, conversation)
    assert overlaps(hub.deps).all_happened
    assert (fate(hub, message), displayed_status(hub, message)) == ("SENT", MessageStatus.READ)
    tell("delivered")
    assert displayed_status(hub, message) is MessageStatus.READ


def test_what_a_dead_worker_was_sending_on_a_channel_that_is_gone_is_told_as_unknown(hub: Hub) -> None:
    channel = hub.telegram()
    hub.telegram("Other")
    message, conversation = accepted(hub, channel)
    hub.store.commit([Merge(refs.outbox(message), {"status": "SENDING", "due_at": hub.deps.now()})])
    hub.client.delete(f"/api/channels/{channel}", headers=hub.headers)
    lease_runs_out(hub)
    work(hub, conversation)
    [item] = hub.documents("outbox", id=message)
    assert (item["status"], item["reason"], hub.sent_texts()) == ("DEAD", "outcome_unknown", [])
    [notification] = notifications(hub)
    assert notification["title"] == "A message may not have been delivered"
    assert notification["message"].startswith("A deleted channel: outcome_unknown: ")
