"""A message's position in its chat follows from the provider's timestamp and the arrival time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.customers import Identity
from shared.domain.events import InboundEvent
from shared.domain.inbound import MessageReceived, Sender
from shared.domain.messages import MessageKind
from shared.usecases.ingest.message_documents import Arrival, new_message, update_chat
from tests.documents import an_instance

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHAT = Identity(id="chat", tenant_id="t", instance_id="i", external_user_id="5", customer_id="c", created_at=START)


def _message(sent_at: datetime) -> MessageReceived:
    sender = Sender(external_user_id="5", keys=("5",))
    return MessageReceived(
        external_message_id="m",
        external_conversation_id="5",
        chat_key="5",
        sender=sender,
        kind=MessageKind.TEXT,
        text="Hi",
        sent_at=sent_at,
    )


def _arrival(sent_at: datetime, received_at: datetime) -> Arrival:
    event = InboundEvent(tenant_id="t", instance_id="i", channel="telegram", payload={}, received_at=received_at)
    return Arrival(an_instance("telegram_bot"), event, _message(sent_at))


def _placed(*calls: tuple[float, float]) -> list[float]:
    """Where messages are placed of which each was sent and received so many seconds after the start."""
    chat, seconds = CHAT.model_copy(), []
    for sent_at, received_at in calls:
        arrival = _arrival(START + timedelta(seconds=sent_at), START + timedelta(seconds=received_at))
        message = new_message(arrival, chat, conversation_id="conversation", customer_id="c")
        seconds.append((message.sent_at - START).total_seconds())
        update_chat(chat, message, arrival)
    return seconds


def test_two_messages_of_one_second_keep_their_order_though_the_second_came_late() -> None:
    assert _placed((0, 1.9), (0, 2.1)) == [1.9, 1.9]


def test_a_message_that_comes_late_is_placed_when_it_was_said() -> None:
    assert _placed((0, 60)) == [0]
    assert _placed((30, 31), (0, 60)) == [31, 0]


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 5)), min_size=1, max_size=8))
def test_messages_that_come_in_the_order_in_which_they_were_said_stay_in_it(steps: list[tuple[int, float]]) -> None:
    calls, sent_at, arrived = [], 0, 0.0
    for later, delay in steps:
        sent_at += later
        arrived = max(arrived, sent_at) + delay
        calls.append((sent_at, arrived))
    placed = _placed(*calls)
    assert placed == sorted(placed)
