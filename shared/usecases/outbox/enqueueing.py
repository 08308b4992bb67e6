"""Accepting messages to send: message, outbox item and conversation in one commit, then a wake-up on the bus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.channels import channel, names
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.content import NO_CONTENT, Content, Poll
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.events import OutboundEvent, Topic
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Author, Direction, Message, MessageKind, MessageStatus, Span
from shared.domain.outbox import Choice, Original, OutboxItem, OutboxPayload, ReactionTo, Template
from shared.errors import BadRequest, FieldName
from shared.logs import current_trace
from shared.usecases import realtime
from shared.usecases.reporting import counters
from shared.usecases.service_levels import clocks

# An item whose wake-up was lost in a crash is looked at by the sweep after this long.
_SWEEP_AFTER = timedelta(seconds=60)
# What goes to somebody who wrote longer ago is what the business begins.
_REPLY_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to send. One that is accepted twice is sent once, for its `message_id` is the same.

    With `opens` it starts something new: the context of earlier messages on this channel does not apply to it. One that
    `grows` is the beginning of an answer that is still being written. `tools` are those that were called for it.
    """

    message_id: str
    author: Author
    author_id: str | None = None
    author_name: str | None = None
    text: str | None = None
    spans: list[Span] | None = None
    attachments: list[Attachment] = field(default_factory=list)
    reply_to: str | None = None
    reaction: ReactionTo | None = None
    template: Template | None = None
    choices: list[Choice] = field(default_factory=list)
    poll: Poll | None = None
    original: Original | None = None
    content: Content = NO_CONTENT
    request_hash: str | None = None
    campaign_id: str | None = None
    opens: bool = False
    grows: bool = False
    tools: tuple[str, ...] = ()

    @property
    def extra(self) -> dict[str, Any]:
        """What the stored message holds beside its text."""
        extra: dict[str, Any] = {"template": self.template.model_dump(exclude_none=True)} if self.template else {}
        extra |= {"growing": True} if self.grows else {}
        extra |= {"tools": list(self.tools)} if self.tools else {}
        return extra | ({"choices": [choice.model_dump() for choice in self.choices]} if self.choices else {})

    def check(self) -> None:
        """Refuse what no provider could send; raises `BadRequest`."""
        has_text = bool((self.text or "").strip())
        if not has_text and not self.attachments and not self.reaction and not self.template:
            raise BadRequest(
                "there is nothing to send: give text, attachments or a reaction", {FieldName("text"): "is empty"}
            )

    @property
    def kind(self) -> MessageKind:
        if self.reaction:
            return MessageKind.REACTION
        if self.poll:
            return MessageKind.POLL
        if self.choices:
            return MessageKind.INTERACTIVE
        return self.attachments[0].type if self.attachments else MessageKind.TEXT


def enqueue(
    deps: Deps,
    unit: UnitOfWork,
    conversation: Conversation,
    instance: Instance,
    drafts: Sequence[Draft],
    *,
    is_answer: bool = True,
    unanswered_since: datetime | None = None,
) -> list[Message]:
    """Accept drafts for a conversation that was read or added in this unit; the commit's success announces them.

    What is no answer (a campaign, a survey) leaves the customer waiting and the conversation asleep. An answer leaves
    the messages since `unanswered_since` unanswered. The commit raises `Conflict` when the conversation was
    changed meanwhile, and `AlreadyExists` when a draft was accepted before.
    """
    now = deps.now()
    waiting_since = conversation.needs_reply_since if is_answer else None
    last_written_at = conversation.needs_reply_since or conversation.replied_to_at
    is_reply = is_answer and last_written_at is not None and now - last_written_at <= _REPLY_WITHIN
    messages = [_message(conversation, instance, draft, now, number) for number, draft in enumerate(drafts)]
    for number, (draft, message) in enumerate(zip(drafts, messages, strict=True)):
        draft.check()
        # Of an answer in several parts the first ends the customer's waiting.
        item = _item(conversation, draft, message, waiting_since if number == 0 else None)
        item.is_reply = is_reply and not draft.opens
        unit.messages.add(message)
        unit.outbox.add(item)
    conversation.updated_at = now
    if messages:
        conversation.last_message_at, conversation.last_message_id = now, messages[-1].id
    unit.conversations.expect_unchanged(conversation)
    if any(draft.author is Author.HUMAN for draft in drafts):
        conversation.mark_read()
    if is_answer:
        _mark_answered(unit, conversation, unanswered_since)
        clocks.follow(deps, conversation)
    amounts = Counters(outbound=len(messages))
    if waiting_since is not None:
        amounts.replies, amounts.reply_seconds = 1, (now - waiting_since).total_seconds()
    counters.count(unit, _source(conversation, instance), now, amounts)
    announce(deps, unit, conversation, instance, messages)
    return messages


def enqueue_opening(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, instance: Instance, draft: Draft
) -> Message:
    """Accept what the business begins a conversation with, in the unit that begins it; `announce` it, too."""
    now = deps.now()
    message = _message(conversation, instance, draft, now, 1)
    conversation.last_message_id = message.id
    unit.messages.add(message)
    unit.outbox.add(_item(conversation, draft, message, None))
    counters.count(unit, _source(conversation, instance), now, Counters(outbound=1))
    return message


def announce(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, instance: Instance, messages: Sequence[Message]
) -> None:
    """Wake the sender and tell the joined clients once the unit is committed."""
    unit.after_commit(lambda: wake(deps, conversation.tenant_id, conversation.id, instance))
    for message in messages:
        realtime.message_created(deps, unit, message)
    realtime.conversation_updated(deps, unit, conversation)


def wake(deps: Deps, tenant_id: str, conversation_id: str, instance: Instance | None, delay: float = 0.0) -> None:
    """Ask for a conversation's outbox to be looked at.

    Without an instance the function looks, and asks again of the socket if that holds the account.
    """
    trace = current_trace()
    event = OutboundEvent(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        runtime=_runtime(instance),
        request_id=trace.request_id if trace else None,
        traceparent=trace.traceparent if trace else None,
    )
    deps.bus.publish(Topic.OUTBOUND, event, key=conversation_id, delay=delay)


def _runtime(instance: Instance | None) -> Any:
    return channel(instance.adapter).runtime if instance and instance.adapter in names() else "function"


def _message(conversation: Conversation, instance: Instance, draft: Draft, now: datetime, number: int) -> Message:
    # Parts of one answer are a microsecond apart, so that their times give their order.
    at = now + timedelta(microseconds=number)
    trace = current_trace()
    return Message(
        id=draft.message_id,
        tenant_id=conversation.tenant_id,
        instance_id=instance.id,
        conversation_id=conversation.id,
        customer_id=conversation.customer_id,
        direction=Direction.OUTBOUND,
        author=draft.author,
        author_id=draft.author_id,
        author_name=draft.author_name,
        kind=draft.kind,
        text=draft.text,
        spans=draft.spans,
        attachments=draft.attachments,
        reply_to=draft.reply_to,
        content=draft.content,
        extra=draft.extra,
        status=MessageStatus.PENDING,
        request_hash=draft.request_hash,
        campaign_id=draft.campaign_id,
        traceparent=trace.traceparent if trace else None,
        sent_at=at,
        created_at=at,
    )


def _item(conversation: Conversation, draft: Draft, message: Message, waiting_since: datetime | None) -> OutboxItem:
    payload = OutboxPayload(
        message_id=message.id,
        conversation_id=message.conversation_id,
        external_conversation_id=conversation.external_conversation_id,
        external_user_id=conversation.external_user_id,
        text=draft.text,
        spans=draft.spans,
        attachments=draft.attachments,
        reply_to=draft.reply_to,
        reaction=draft.reaction,
        template=draft.template,
        choices=draft.choices,
        poll=draft.poll,
        original=draft.original,
        automatic=message.author is not Author.HUMAN,
        context={} if draft.opens else conversation.contexts.get(message.instance_id, {}),
    )
    return OutboxItem(
        id=message.id,
        tenant_id=message.tenant_id,
        conversation_id=message.conversation_id,
        instance_id=message.instance_id,
        payload=payload,
        due_at=message.created_at + _SWEEP_AFTER,
        waiting_since=waiting_since,
        campaign_id=draft.campaign_id,
        traceparent=message.traceparent,
        created_at=message.created_at,
        updated_at=message.created_at,
    )


def _mark_answered(unit: UnitOfWork, conversation: Conversation, unanswered_since: datetime | None) -> None:
    """End what ends with an answer, whoever gives it.

    The identity keeps the waiting time too, so that ingest need not read the conversation.
    """
    # Not guarded by the identity's version; ingest guards with it, so that what comes at the same time is tried again.
    if conversation.needs_reply_since is not None or unanswered_since is not None:
        unit.identities.patch(conversation.identity_id, waiting_since=unanswered_since)
    conversation.replied_to_at = conversation.needs_reply_since or conversation.replied_to_at
    conversation.needs_reply_since, conversation.needs_human = unanswered_since, False
    if conversation.status is ConversationStatus.SNOOZED:
        conversation.status, conversation.snoozed_until = ConversationStatus.OPEN, None


def _source(conversation: Conversation, instance: Instance) -> counters.Source:
    return counters.Source(conversation.tenant_id, instance.id, instance.type, conversation.id)
