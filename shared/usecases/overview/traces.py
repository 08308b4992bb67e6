"""What became of customers' messages, one by one: a trace is an inbound message with the answer that it got.

Nothing is kept for them: they are read from the conversations, the latest first, so that a look at the last hours
reads no older ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.instances import Instance
from shared.domain.messages import Author, Direction, Message, MessageStatus, is_file
from shared.errors import NotFound

MOST_MESSAGES = 2000
"""How many messages of one conversation are looked at, the newest ones."""

MOST_CONVERSATIONS = 2000

MOST_IN_ALL = 20_000
"""How many messages of all conversations together one look reads, the newest conversations' first.

Where few traces fit, each conversation would else be read to its end.
"""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


class TraceStatus(StrEnum):
    """`AGENT_CALLED` is of other servers: here nobody can see whether an agent is thinking already."""

    RECEIVED = "received"
    PROCESSING = "processing"
    AGENT_CALLED = "agent_called"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trace:
    """A customer's message, and the first thing that was said to them afterwards."""

    message: Message
    conversation: Conversation
    answer: Message | None

    @property
    def status(self) -> TraceStatus:
        if self.answer is None:
            return TraceStatus.PROCESSING if self._is_waiting else TraceStatus.RECEIVED
        if self.answer.status in (MessageStatus.DEAD, MessageStatus.FAILED):
            return TraceStatus.FAILED
        if self.answer.status in (MessageStatus.PENDING, MessageStatus.SENDING):
            return TraceStatus.PROCESSING
        return TraceStatus.COMPLETED

    @property
    def _is_waiting(self) -> bool:
        """Whether a machine may be about to answer."""
        return self.conversation.needs_reply_since is not None and not self.conversation.needs_human

    @property
    def is_answered_by_agent(self) -> bool:
        return self.answer is not None and self.answer.author is Author.BOT

    @property
    def milliseconds(self) -> int | None:
        """From the message's arrival until its answer was accepted for sending."""
        if self.answer is None:
            return None
        return max(int((self.answer.created_at - self.message.created_at).total_seconds() * 1000), 0)

    @property
    def sender_phone(self) -> str:
        """The sender's number, or what stands for it where none is known."""
        conversation = self.conversation
        return self.message.author_phone or conversation.customer_phone or conversation.external_user_id

    @property
    def has_media(self) -> bool:
        return any(map(is_file, self.message.attachments))


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFilter:
    """Which traces to list; None for any. Times are those at which messages were sent.

    A `session_name` ends with the chat's address.
    """

    instance: Instance | None = None
    phone: str | None = None
    status: TraceStatus | None = None
    kind: str | None = None
    session_name: str | None = None
    conversation_id: str | None = None
    has_media: bool | None = None
    start: datetime = EARLIEST
    end: datetime = LATEST

    def fits(self, trace: Trace) -> bool:
        message = trace.message
        conditions = (
            (self.instance.id if self.instance else None, message.instance_id),
            (_plain(self.phone) if self.phone else None, _plain(trace.sender_phone)),
            (self.status, trace.status),
            (self.kind, message.kind),
            (self.conversation_id, message.conversation_id),
            (self.has_media, trace.has_media),
        )
        if self.session_name and not self.session_name.endswith(trace.conversation.external_conversation_id):
            return False
        return message.sent_at <= self.end and all(expected in (None, actual) for expected, actual in conditions)


@dataclass(slots=True)
class _Budget:
    """How many messages may still be read."""

    left: int

    def of(self, messages: Iterator[Message]) -> Iterator[Message]:
        """As many of the messages as there may be."""
        for message in messages:
            if self.left == 0:
                return
            self.left -= 1
            yield message


def newest(
    deps: Deps, tenant_id: str, only: TraceFilter, limit: int, offset: int = 0, most_messages: int = MOST_IN_ALL
) -> list[Trace]:
    """The newest traces that fit, without the first `offset`, among so many messages."""
    most, budget = offset + limit, _Budget(most_messages)
    traces: list[Trace] = []
    for conversation in islice(_conversations(deps, tenant_id, only), MOST_CONVERSATIONS):
        if conversation.last_message_at < only.start or budget.left == 0:
            break
        if len(traces) == most and conversation.last_message_at < traces[-1].message.sent_at:
            break
        fitting = (trace for trace in _of(deps, conversation, only.start, budget) if only.fits(trace))
        both = [*traces, *islice(fitting, most)]
        traces = sorted(both, key=lambda trace: trace.message.sent_at, reverse=True)[:most]
    return traces[offset:]


def get(deps: Deps, tenant_id: str, trace_id: str) -> Trace:
    """The trace of the message with this id; raises `NotFound`, also for what is no customer's message."""
    unit = UnitOfWork(deps.store)
    message = unit.messages.owned(tenant_id, trace_id)
    conversation = unit.conversations.owned(tenant_id, message.conversation_id)
    traces = _of(deps, conversation, message.sent_at, _Budget(MOST_MESSAGES))
    trace = next((trace for trace in traces if trace.message.id == trace_id), None)
    if trace is None:
        raise NotFound("There is no such trace")
    return trace


def _conversations(deps: Deps, tenant_id: str, only: TraceFilter) -> Iterator[Conversation]:
    unit = UnitOfWork(deps.store)
    if only.conversation_id is not None:
        conversation = unit.conversations.owned_or_none(tenant_id, only.conversation_id)
        return iter([conversation] if conversation else [])
    query = unit.conversations.query().where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    if only.instance is not None:
        query = query.where(lambda conversation: conversation.instance_id, "==", only.instance.id)
    return query.order_by(lambda conversation: conversation.last_message_at, descending=True).every(100)


def _of(deps: Deps, conversation: Conversation, start: datetime, budget: _Budget) -> Iterator[Trace]:
    """A conversation's traces since then, newest first, as far as the budget reaches."""
    query = UnitOfWork(deps.store).messages.query()
    query = query.where(lambda message: message.conversation_id, "==", conversation.id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    query = query.order_by(lambda message: message.created_at, descending=True)
    answer: Message | None = None
    for message in budget.of(islice(query.every(200), MOST_MESSAGES)):
        if message.sent_at < start:
            return
        if message.direction is Direction.OUTBOUND:
            answer = message
        elif message.direction is Direction.INBOUND:
            yield Trace(message, conversation, answer)


def _plain(phone: str) -> str:
    """An address without what a number may be written with."""
    return re.sub(r"[\s+()./-]|@s\.whatsapp\.net$", "", phone)
