"""What a trace tells of a customer's message and its answer, and which traces a filter lets through."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.conversations import Conversation
from shared.domain.kinds import MessageKind
from shared.domain.messages import Attachment, Author, Direction, Message, MessageStatus
from shared.usecases.overview.traces import Trace, TraceFilter, TraceStatus
from tests.documents import MOMENT, a_conversation, a_message, an_instance

LATER = MOMENT + timedelta(seconds=1.5)


def _answer(**fields: Any) -> Message:
    defaults = {
        "direction": Direction.OUTBOUND,
        "author": Author.BOT,
        "status": MessageStatus.SENT,
        "created_at": LATER,
    }
    return a_message(**(defaults | fields))


def _trace(answer: Message | None = None, conversation: Conversation | None = None, **message: Any) -> Trace:
    return Trace(a_message(**message), conversation or a_conversation(), answer)


@pytest.mark.parametrize(
    ("status", "trace_status"),
    [
        (MessageStatus.PENDING, TraceStatus.PROCESSING),
        (MessageStatus.SENDING, TraceStatus.PROCESSING),
        (MessageStatus.FAILED, TraceStatus.FAILED),
        (MessageStatus.DEAD, TraceStatus.FAILED),
        (MessageStatus.SENT, TraceStatus.COMPLETED),
        (MessageStatus.DELIVERED, TraceStatus.COMPLETED),
        (MessageStatus.READ, TraceStatus.COMPLETED),
    ],
)
def test_a_trace_is_as_far_as_its_answer(status: MessageStatus, trace_status: TraceStatus) -> None:
    assert _trace(_answer(status=status)).status is trace_status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"needs_reply_since": MOMENT}, TraceStatus.PROCESSING),
        ({"needs_reply_since": MOMENT, "needs_human": True}, TraceStatus.RECEIVED),
        ({}, TraceStatus.RECEIVED),
    ],
    ids=["waits for a machine", "waits for a person", "waits for nobody"],
)
def test_without_an_answer_it_goes_by_who_is_to_answer(fields: dict[str, Any], status: TraceStatus) -> None:
    assert _trace(conversation=a_conversation(**fields)).status is status


@pytest.mark.parametrize("author", [None, *Author])
def test_an_agent_is_who_answers_as_the_bot(author: Author | None) -> None:
    answer = _answer(author=author) if author else None
    assert _trace(answer).is_answered_by_agent is (author is Author.BOT)


@pytest.mark.parametrize(
    ("answer", "milliseconds"),
    [(None, None), (_answer(), 1500), (_answer(created_at=MOMENT - timedelta(seconds=1)), 0)],
    ids=["none", "later", "by a clock that is behind"],
)
def test_an_answer_took_so_long(answer: Message | None, milliseconds: int | None) -> None:
    assert _trace(answer).milliseconds == milliseconds


@pytest.mark.parametrize(
    ("author_phone", "customer_phone", "phone"),
    [("+1", "+2", "+1"), (None, "+2", "+2"), (None, None, "5511988887777")],
)
def test_the_sender_is_known_by_the_best_number_there_is(
    author_phone: str | None, customer_phone: str | None, phone: str
) -> None:
    conversation = a_conversation(customer_phone=customer_phone)
    assert _trace(conversation=conversation, author_phone=author_phone).sender_phone == phone


@pytest.mark.parametrize(
    ("kind", "has_media"), [(MessageKind.IMAGE, True), (MessageKind.LOCATION, False), (None, False)]
)
def test_media_are_files(kind: MessageKind | None, has_media: bool) -> None:
    assert _trace(attachments=[Attachment(type=kind)] if kind else []).has_media is has_media


@pytest.mark.parametrize(
    ("only", "fits"),
    [
        ({}, True),
        ({"instance": an_instance("telegram_bot")}, True),
        ({"instance": an_instance("telegram_bot", id="i2")}, False),
        ({"phone": "+55 (11) 98888-7777"}, True),
        ({"phone": "5511988887777@s.whatsapp.net"}, True),
        ({"phone": "551198888777"}, False),
        ({"status": TraceStatus.COMPLETED}, True),
        ({"status": TraceStatus.FAILED}, False),
        ({"kind": "text"}, True),
        ({"kind": "image"}, False),
        ({"conversation_id": "c1"}, True),
        ({"conversation_id": "c2"}, False),
        ({"has_media": False}, True),
        ({"has_media": True}, False),
        ({"session_name": "main:5511988887777"}, True),
        ({"session_name": "main:5511"}, False),
        ({"end": MOMENT}, True),
        ({"end": MOMENT - timedelta(microseconds=1)}, False),
    ],
)
def test_a_filter_lets_through_what_has_all_that_it_names(only: dict[str, Any], fits: bool) -> None:
    assert TraceFilter(**only).fits(_trace(_answer())) is fits
