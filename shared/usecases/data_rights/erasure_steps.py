"""What is erased of a customer, step by step, in batches.

First the addresses: from then on nobody stores anything more for this customer. Each step looks by an index for what
belongs to the customer's ids, their conversations', or what happened to these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from shared.deps import Deps
from shared.documents import ids
from shared.documents.collection import Documents, M
from shared.documents.query import DocumentUnit
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.erasures import Address, Erasure, ErasureWork
from shared.domain.events import Topic
from shared.domain.messages import ErasedMessage, Message
from shared.domain.outbox import OutboxStatus
from shared.errors import Overloaded
from shared.usecases.conversations import file_copies, kept_contents
from shared.usecases.customers.customers import shortened
from shared.usecases.data_rights import raw_events

_BATCH = 50
_MOST_IN = 30
_MOST_OF_CONTENT = 20
"""Copies of one content that are looked at: where there are so many, others than the customer have it."""

_SENT_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Batch:
    """How much was erased at a place; whether that was the last batch of the last step."""

    place: str
    count: int
    is_last_of_all: bool = False


@dataclass(frozen=True, slots=True)
class _Run:
    """One batch of an erasure."""

    deps: Deps
    unit: UnitOfWork
    erasure: Erasure
    work: ErasureWork

    def next_page(
        self, documents: Documents[M], field: Callable[[M], str | None], keys: Sequence[str]
    ) -> list[DocumentUnit[M]]:
        """The next documents whose field has one of the keys; none when there are no more."""
        while self.work.position < len(keys):
            some = keys[self.work.position : self.work.position + _MOST_IN]
            page = documents.query().where_in(field, some).unit_page(_BATCH)
            if page.documents:
                return page.documents
            self.work.position += _MOST_IN
        return []

    @property
    def subjects(self) -> list[str]:
        return [*self.work.customer_ids, *self.work.conversation_ids]


_Step: TypeAlias = Callable[[_Run], int]
"""Erases a batch and returns how much that was; 0 when nothing is left."""


def take(deps: Deps, unit: UnitOfWork, erasure: Erasure, work: ErasureWork) -> Batch:
    """Erase the next batch with the unit's commit.

    Raises `Overloaded` where that has to wait for a moment, and `StoreError`.
    """
    names = list(_STEPS)
    name = work.step if work.step in _STEPS else names[0]
    work.step = name
    count = _STEPS[name](_Run(deps, unit, erasure, work))
    is_done = count == 0 or name in _IN_ONE_BATCH
    if is_done:
        number = names.index(name) + 1
        work.step, work.position, work.cursor = names[min(number, len(names) - 1)], 0, None
        return Batch(_PLACES.get(name, name), count, is_last_of_all=number == len(names))
    return Batch(_PLACES.get(name, name), count)


def _merged_customers(run: _Run) -> int:
    """The profiles of those who were merged into the customer, and into these."""
    documents = run.next_page(run.unit.customers, lambda customer: customer.merged_into, run.work.customer_ids)
    for document in documents:
        run.work.customer_ids = [*dict.fromkeys([*run.work.customer_ids, document.id])]
        customer = document.read()
        run.work.note_contacts(customer.phone, customer.email)
        run.unit.customers.remove(document.id)
    return len(documents)


def _identities(run: _Run) -> int:
    documents = run.next_page(run.unit.identities, lambda identity: identity.customer_id, run.work.customer_ids)
    for document in documents:
        identity = document.read()
        address = Address(instance_id=identity.instance_id, address=identity.external_user_id)
        run.work.addresses = [*run.work.addresses, address]
        run.work.note_contacts(identity.phone, identity.email)
        run.unit.identities.remove(document.id)
    return len(documents)


def _conversations(run: _Run) -> int:
    documents = run.next_page(
        run.unit.conversations, lambda conversation: conversation.customer_id, run.work.customer_ids
    )
    for document in documents:
        run.work.conversation_ids = [*dict.fromkeys([*run.work.conversation_ids, document.id])]
        run.unit.conversations.remove(document.id)
    return len(documents)


def _outbox(run: _Run) -> int:
    """What is being sent at this moment is waited for: its sender writes down what became of it."""
    documents = run.next_page(run.unit.outbox, lambda item: item.conversation_id, run.work.conversation_ids)
    items = run.unit.outbox.owned_many(run.erasure.tenant_id, [document.id for document in documents])
    idle = [item for item in items if not (item.status is OutboxStatus.SENDING and _is_claimed(run, item.due_at))]
    if items and not idle:
        raise Overloaded("a message to the customer is being sent at this moment", _SENT_WITHIN)
    for item in idle:
        run.unit.outbox.remove(item.id)
    return len(idle)


def _is_claimed(run: _Run, due_at: Any) -> bool:
    return due_at is not None and due_at > run.deps.now()


def _messages(run: _Run) -> int:
    documents = run.next_page(run.unit.messages, lambda message: message.conversation_id, run.work.conversation_ids)
    return _erase_messages(run, [document.read() for document in documents])


def _messages_in_groups(run: _Run) -> int:
    """What the customer wrote among others. Who was parted from them again keeps their own conversations."""
    while run.work.position < len(run.work.customer_ids):
        customer_id = run.work.customer_ids[run.work.position]
        query = run.unit.messages.query().where(lambda message: message.customer_id, "==", customer_id)
        page = query.page(_BATCH, run.work.cursor)
        run.work.cursor = page.cursor
        if page.cursor is None:
            run.work.position += 1
        written = [message for message in page.documents if _is_in_group(run, message)]
        if written:
            return _erase_messages(run, written)
    return 0


def _is_in_group(run: _Run, message: Message) -> bool:
    conversation = run.unit.conversations.owned_or_none(message.tenant_id, message.conversation_id)
    if conversation is None:
        return True
    if conversation.is_group and conversation.summary == shortened(message.text):
        conversation.summary = None
    return conversation.is_group


def _erase_messages(run: _Run, messages: Sequence[Message]) -> int:
    """Erase messages with their files, and leave a mark under the id that their provider gave them."""
    now = run.deps.now()
    _erase_files(run, messages)
    for message in messages:
        run.work.note_raw_event(message.raw_event_id)
        if message.external_message_id is not None:
            mark_id = ids.provider_message(message.instance_id, message.external_message_id)
            run.unit.message_records.put(ErasedMessage(erased_at=now), mark_id)
            if mark_id == message.id:
                continue
        run.unit.messages.remove(message.id)
    return len(messages)


def _erase_files(run: _Run, messages: Sequence[Message]) -> None:
    for message in messages:
        attachments = [message.attachments, *(version.attachments for version in message.versions)]
        for files in attachments:
            for number, attachment in enumerate(files):
                run.deps.blobs.delete(file_copies.copy_id(message, number, attachment))
    message_ids = [message.id for message in messages]
    for position in range(0, len(message_ids), _MOST_IN):
        keys = message_ids[position : position + _MOST_IN]
        query = run.unit.file_copies.query().where_in(lambda copy: copy.message_id, keys)
        for copy in query.every():
            run.erasure.count("file_copies", 1, run.deps.now())
            run.unit.file_copies.remove(copy.id)
            if copy.sha256 is not None:
                _release(run, copy.id, copy.sha256)


def _release(run: _Run, copy_id: str, sha256: str) -> None:
    """Let go of a content, also of its uploads where nothing but these refers to it any more."""
    tenant_id = run.erasure.tenant_id
    run.unit.after_commit(kept_contents.release(run.deps, run.unit, tenant_id, sha256))
    query = run.unit.file_copies.query().where(lambda copy: copy.tenant_id, "==", tenant_id)
    page = query.where(lambda copy: copy.sha256, "==", sha256).page(_MOST_OF_CONTENT)
    others = [copy for copy in page.documents if copy.id != copy_id]
    if page.cursor is not None or any(copy.message_id is not None for copy in others):
        return
    for upload in others:
        run.erasure.count("file_copies", 1, run.deps.now())
        run.unit.file_copies.remove(upload.id)
        run.unit.after_commit(kept_contents.release(run.deps, run.unit, tenant_id, sha256))


def _raw_events(run: _Run) -> int:
    """What the bus keeps: webhooks as they came, and what was told to clients."""
    inbound = run.deps.bus.erase(Topic.INBOUND, raw_events.choice(run.deps, run.unit, run.erasure, run.work))
    realtime_count = run.deps.bus.erase(Topic.REALTIME, raw_events.choice_of_told(run.erasure.tenant_id, run.subjects))
    return inbound + realtime_count


def _all_with(
    collection: Callable[[UnitOfWork], Documents[Any]],
    field: Callable[[Any], str | None],
    keys: Callable[[_Run], Sequence[str]],
) -> _Step:
    """A step that removes all documents whose field has one of the keys."""

    def erase(run: _Run) -> int:
        documents = collection(run.unit)
        page = run.next_page(documents, field, keys(run))
        for document in page:
            documents.remove(document.id)
        return len(page)

    return erase


def _customer_ids(run: _Run) -> Sequence[str]:
    return run.work.customer_ids


def _conversation_ids(run: _Run) -> Sequence[str]:
    return run.work.conversation_ids


def _subjects(run: _Run) -> Sequence[str]:
    return run.subjects


_STEPS: dict[str, _Step] = {
    "customers": _merged_customers,
    "identities": _identities,
    "conversations": _conversations,
    "outbox": _outbox,
    "messages": _messages,
    "messages_in_groups": _messages_in_groups,
    "customer_tags": _all_with(lambda unit: unit.customer_tags, lambda tag: tag.customer_id, _customer_ids),
    "conversation_tags": _all_with(
        lambda unit: unit.conversation_tags, lambda tag: tag.conversation_id, _conversation_ids
    ),
    "customer_merges": _all_with(lambda unit: unit.customer_merges, lambda merge: merge.customer_id, _customer_ids),
    "merges_into_others": _all_with(lambda unit: unit.customer_merges, lambda merge: merge.source_id, _customer_ids),
    "ratings": _all_with(lambda unit: unit.ratings, lambda rating: rating.customer_id, _customer_ids),
    "campaign_recipients": _all_with(
        lambda unit: unit.campaign_recipients, lambda recipient: recipient.customer_id, _customer_ids
    ),
    "campaign_conversions": _all_with(
        lambda unit: unit.campaign_conversions, lambda conversion: conversion.customer_id, _customer_ids
    ),
    "calls": _all_with(lambda unit: unit.calls, lambda call: call.conversation_id, _conversation_ids),
    "collaborations": _all_with(
        lambda unit: unit.collaborations, lambda collaboration: collaboration.conversation_id, _conversation_ids
    ),
    "agent_runs": _all_with(lambda unit: unit.agent_runs, lambda run: run.conversation_id, _conversation_ids),
    "notifications": _all_with(
        lambda unit: unit.notifications, lambda notification: notification.conversation_id, _conversation_ids
    ),
    "personal_notifications": _all_with(
        lambda unit: unit.personal_notifications, lambda notification: notification.conversation_id, _conversation_ids
    ),
    "event_log": _all_with(lambda unit: unit.event_log, lambda event: event.subject, _subjects),
    "webhook_deliveries": _all_with(lambda unit: unit.webhook_deliveries, lambda delivery: delivery.subject, _subjects),
    "raw_events": _raw_events,
}
"""By their names, in their order."""

_IN_ONE_BATCH = frozenset({"raw_events"})
_PLACES = {"messages_in_groups": "messages", "merges_into_others": "customer_merges"}
"""The places of steps that are called otherwise."""
