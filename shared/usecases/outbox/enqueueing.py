"""Accepting messages to send: message, outbox item and conversation in one commit, then a wake-up on the bus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.channels import channel, names
from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.events import OutboundEvent, Topic
from shared.domain.instances import Instance
from shared.domain.messages import (
    Attachment,
    Author,
    Choice,
    Direction,
    Message,
    MessageKind,
    MessageStatus,
    OutboxItem,
    OutboxPayload,
    ReactionTo,
    Span,
    Template,
)
from shared.errors import BadRequest, FieldName, NotFound
from shared.logs import current_trace
from shared.ports.store import Create, Document, Merge, Ref, Write
from shared.usecases import realtime, refs
from shared.usecases.reporting import counters

# An item whose wake-up was lost in a crash is looked at by the sweep after this long.
_SWEEP_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to say. `message_id` makes saying it twice impossible.

    With `opens` it begins something new: what was said before on this channel is no context of it.
    """

    message_id: str
    author: Author
    author_id: str | None = None
    text: str | None = None
    spans: list[Span] | None = None
    attachments: list[Attachment] = field(default_factory=list)
    reply_to: str | None = None
    reaction: ReactionTo | None = None
    template: Template | None = None
    choices: list[Choice] = field(default_factory=list)
    request_hash: str | None = None
    opens: bool = False

    @property
    def extra(self) -> dict[str, Any]:
        """What the stored message tells beside its text."""
        extra: dict[str, Any] = {"template": self.template.model_dump(exclude_none=True)} if self.template else {}
        return extra | ({"choices": [choice.model_dump() for choice in self.choices]} if self.choices else {})

    def check(self) -> None:
        """Refuse what no provider could send; raises `BadRequest`."""
        said = (self.text or "").strip()
        if not said and not self.attachments and not self.reaction and not self.template:
            raise BadRequest(
                "there is nothing to send: give text, attachments or a reaction", {FieldName("text"): "is empty"}
            )

    @property
    def kind(self) -> MessageKind:
        if self.reaction:
            return MessageKind.REACTION
        if self.choices:
            return MessageKind.INTERACTIVE
        return self.attachments[0].type if self.attachments else MessageKind.TEXT


def commit_drafts(
    deps: Deps,
    document: Document,
    instance: Instance,
    drafts: Sequence[Draft],
    changes: Mapping[str, Any] | None = None,
    extra_writes: Sequence[Write] = (),
    *,
    is_answer: bool = True,
) -> list[Message]:
    """Accept drafts for a conversation that was just read, and announce them.

    `changes` go into the conversation with the same commit. What is no answer
    leaves the customer waiting and the conversation asleep. Raises `Conflict`
    when the conversation changed since, and `AlreadyExists` when a draft was
    accepted before; nothing is stored then.
    """
    conversation = Conversation.model_validate(document.data)
    now = deps.now()
    waiting_since = conversation.needs_reply_since if is_answer else None
    messages = [_message(conversation, instance, draft, now, n) for n, draft in enumerate(drafts)]
    updated = {"last_message_at": now, "updated_at": now}
    updated |= (_answer_changes(conversation) if is_answer else {}) | dict(changes or {})
    deps.store.commit(
        [
            *_accepted(conversation, drafts, messages, waiting_since),
            Merge(document.ref, updated, document.version),
            *(_identity_answered(conversation, updated) if is_answer else ()),
            _counted(conversation, instance, now, len(messages), waiting_since),
            *extra_writes,
        ]
    )
    announce(deps, conversation.model_copy(update=updated), instance, messages)
    return messages


def _accepted(
    conversation: Conversation, drafts: Sequence[Draft], messages: Sequence[Message], waiting_since: datetime | None
) -> Iterator[Write]:
    for draft, message in zip(drafts, messages, strict=True):
        draft.check()
        # Of an answer in several parts the first ends the customer's waiting.
        yield from _creations(conversation, draft, message, waiting_since if message is messages[0] else None)


def acceptance(deps: Deps, conversation: Conversation, instance: Instance, draft: Draft) -> tuple[Message, list[Write]]:
    """A message that is accepted by the commit which these writes are part of; `announce` it afterwards."""
    now = deps.now()
    message = _message(conversation, instance, draft, now, 1)
    return message, [
        *_creations(conversation, draft, message),
        counters.count(conversation.tenant_id, instance.id, instance.type, conversation.id, now, outbound=1),
    ]


def announce(deps: Deps, conversation: Conversation, instance: Instance, messages: Sequence[Message]) -> None:
    """Wake the sender and tell the joined clients."""
    wake(deps, conversation.tenant_id, conversation.id, instance)
    for message in messages:
        realtime.message_created(deps, message)
    realtime.conversation_updated(deps, conversation)


def wake(deps: Deps, tenant_id: str, conversation_id: str, instance: Instance | None, delay: float = 0.0) -> None:
    """Ask for a conversation's outbox to be looked at."""
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


def _message(conversation: Conversation, instance: Instance, draft: Draft, now: datetime, n: int) -> Message:
    # Parts of one answer are a microsecond apart, so that their order is told by their times.
    at = now + timedelta(microseconds=n)
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
        kind=draft.kind,
        text=draft.text,
        spans=draft.spans,
        attachments=draft.attachments,
        reply_to=draft.reply_to,
        extra=draft.extra,
        status=MessageStatus.PENDING,
        request_hash=draft.request_hash,
        traceparent=trace.traceparent if trace else None,
        sent_at=at,
        created_at=at,
    )


def _creations(
    conversation: Conversation, draft: Draft, message: Message, waiting_since: datetime | None = None
) -> list[Write]:
    item = _item(conversation, draft, message, waiting_since)
    return [Create(refs.message(message.id), message.model_dump()), Create(refs.outbox(message.id), item.model_dump())]


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
        traceparent=message.traceparent,
        created_at=message.created_at,
        updated_at=message.created_at,
    )


def _answer_changes(conversation: Conversation) -> dict[str, Any]:
    """What ends with an answer, whoever gives it."""
    changes: dict[str, Any] = {"needs_reply_since": None, "needs_human": False}
    if conversation.status is ConversationStatus.SNOOZED:
        changes |= {"status": ConversationStatus.OPEN, "snoozed_until": None}
    return changes


def _identity_answered(conversation: Conversation, updated: Mapping[str, Any]) -> list[Write]:
    """The identity keeps the waiting time too, so that ingest need not read the conversation."""
    if conversation.needs_reply_since is None and updated["needs_reply_since"] is None:
        return []
    ref = Ref("identities", conversation.identity_id)
    return [Merge(ref, {"waiting_since": updated["needs_reply_since"]})]


def _counted(
    conversation: Conversation, instance: Instance, now: datetime, sent: int, waiting_since: datetime | None
) -> Write:
    return counters.count(
        conversation.tenant_id,
        instance.id,
        instance.type,
        conversation.id,
        now,
        outbound=sent,
        replies=int(waiting_since is not None),
        reply_seconds=(now - waiting_since).total_seconds() if waiting_since else 0,
    )


def read_conversation(deps: Deps, tenant_id: str, conversation_id: str) -> Document:
    """The tenant's conversation; raises `NotFound` for an unknown or foreign one."""
    ref = refs.conversation(conversation_id)
    document = deps.store.get([ref]).get(ref)
    if document is None or document.data.get("tenant_id") != tenant_id:
        raise NotFound("there is no such conversation or session")
    return document
