"""Somebody sends a message: into a conversation, or to a customer with whom none is open."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.channels import canonical_address, names
from shared.deps import Deps
from shared.domain.accounts import Principal
from shared.domain.conversations import Conversation
from shared.domain.customers import Identity
from shared.domain.ids import new_id, stable_id
from shared.domain.inbound import Sender
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Author, Choice, Message, OutboxItem, ReactionTo, Template
from shared.errors import AlreadyExists, BadRequest, Collision, Conflict, FieldName, HubError, NotFound, Unprocessable
from shared.ports.store import Create, Document, Merge, Order, Ref, Where, Write
from shared.usecases import refs
from shared.usecases.conversations import conversations, routing
from shared.usecases.customers import customers
from shared.usecases.identities import contacts, resolution
from shared.usecases.instances import instance_lookup
from shared.usecases.outbox import enqueueing, windows
from shared.usecases.reporting import counters
from shared.usecases.retrying import decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to send: a conversation, a customer, or a customer or an address on an instance.

    Beside a conversation, instance and customer may be named that belong to it.
    """

    conversation_id: str | None = None
    instance_id: str | None = None
    customer_id: str | None = None
    external_user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What to say. A `template` goes out alone; the text beside it is what the hub shows for it."""

    text: str | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    reaction: ReactionTo | None = None
    template: Template | None = None
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that will be sent, and how its way out stands."""

    message: Message
    item: OutboxItem


def send(
    deps: Deps, caller: Principal, target: Target, content: Content, idempotency: tuple[str, Mapping[str, Any]] | None
) -> Accepted:
    """Accept a message of a person.

    `idempotency` is a key with the whole request: the same key and request give
    the message accepted first. Raises `Collision` for another request under the
    key, and for a conversation that is not the instance's or customer's named
    beside it, `NotFound` for an unknown or foreign target and `Unprocessable` for
    a channel that cannot send, or not this.
    """
    draft = _draft(caller, content, idempotency)
    draft.check()
    try:
        accepted = decide(lambda: _attempt(deps, caller, target, draft))
    except HubError:
        # What was accepted stays accepted, whatever its target has become since.
        if draft.request_hash is None or not _is_stored(deps, draft):
            raise
        accepted = None
    return accepted or _accepted_before(deps, caller, draft)


def _draft(caller: Principal, content: Content, idempotency: tuple[str, Mapping[str, Any]] | None) -> enqueueing.Draft:
    message_id, request_hash = new_id(), None
    if idempotency is not None:
        key, request = idempotency
        message_id = stable_id("idempotency", caller.tenant_id, key)
        request_hash = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
    return enqueueing.Draft(
        message_id=message_id,
        author=Author.HUMAN,
        author_id=caller.user_id,
        text=content.text,
        attachments=list(content.attachments),
        reply_to=content.reply_to,
        reaction=content.reaction,
        template=content.template,
        choices=list(content.choices),
        request_hash=request_hash,
    )


def _attempt(deps: Deps, caller: Principal, target: Target, draft: enqueueing.Draft) -> Accepted | None:
    document, new = _conversation(deps, caller.tenant_id, target)
    conversation = Conversation.model_validate(document.data)
    instance = instance_lookup.by_id(deps, caller.tenant_id, conversation.instance_id)
    if instance.adapter not in names():
        raise Unprocessable("this channel cannot send messages")
    windows.check(deps, instance, conversation, draft)
    changes, writes = conversations.reopening(deps, conversation)
    try:
        if new:
            deps.store.commit(new)
            document = enqueueing.read_conversation(deps, caller.tenant_id, conversation.id)
        enqueueing.commit_drafts(deps, document, instance, [draft], changes, writes)
    except AlreadyExists as clash:
        if _is_stored(deps, draft):
            return None
        raise Conflict(clash.ref) from clash
    return _read(deps, draft.message_id)


def _is_stored(deps: Deps, draft: enqueueing.Draft) -> bool:
    return bool(deps.store.get([refs.message(draft.message_id)]))


def _read(deps: Deps, message_id: str) -> Accepted:
    message, item = refs.message(message_id), refs.outbox(message_id)
    found = deps.store.get([message, item])
    return Accepted(Message.model_validate(found[message].data), OutboxItem.model_validate(found[item].data))


def _accepted_before(deps: Deps, caller: Principal, draft: enqueueing.Draft) -> Accepted:
    accepted = _read(deps, draft.message_id)
    if accepted.message.tenant_id != caller.tenant_id or accepted.message.request_hash != draft.request_hash:
        raise Collision("this Idempotency-Key was used for another request")
    enqueueing.wake(deps, caller.tenant_id, accepted.message.conversation_id, None)
    return accepted


def _conversation(deps: Deps, tenant_id: str, target: Target) -> tuple[Document, list[Write]]:
    """The conversation's document, and what has to be written first when it is new."""
    if target.conversation_id:
        document = enqueueing.read_conversation(deps, tenant_id, target.conversation_id)
        _check_belongs(deps, Conversation.model_validate(document.data), target)
        return document, []
    instance, known = _addressed(deps, tenant_id, target)
    if known.identity.conversation_id:
        return enqueueing.read_conversation(deps, tenant_id, known.identity.conversation_id), []
    return _open(deps, instance, known)


def _check_belongs(deps: Deps, conversation: Conversation, target: Target) -> None:
    """Nobody is written to elsewhere than was said; customers may be called by who they were before a merge."""
    key, instance_id = target.instance_id, conversation.instance_id
    if key and key != instance_id and instance_lookup.by_key(deps, conversation.tenant_id, key).id != instance_id:
        raise Collision("this conversation goes on on another channel", "channel_instance_id")
    _check_customer(deps, conversation.tenant_id, target, conversation.customer_id)


def _check_customer(deps: Deps, tenant_id: str, target: Target, customer_id: str) -> None:
    named = target.customer_id
    if named and named != customer_id and customers.read(deps, tenant_id, named).id != customer_id:
        raise Collision("this conversation or address is another customer's", "customer_id")


def _addressed(deps: Deps, tenant_id: str, target: Target) -> tuple[Instance, resolution.Known]:
    if target.instance_id and (target.customer_id or target.external_user_id):
        instance = instance_lookup.by_key(deps, tenant_id, target.instance_id)
        return instance, _identity(deps, instance, target)
    if target.customer_id and not target.external_user_id:
        return contacts.reach_anywhere(deps, tenant_id, target.customer_id)
    by_channel = (FieldName("channel_instance_id"), " with ", FieldName("customer_id"))
    alternatives = (FieldName("conversation_id"), ", ", FieldName("customer_id"), ", or ", *by_channel)
    raise BadRequest(("give ", *alternatives, " or ", FieldName("external_user_id")))


def _identity(deps: Deps, instance: Instance, target: Target) -> resolution.Known:
    if target.external_user_id:
        key = canonical_address(instance.adapter, target.external_user_id)
        sender = Sender(external_user_id=target.external_user_id, keys=(key,))
        found = deps.store.get(resolution.identity_refs(instance, sender.keys))
        known = resolution.resolve(deps, instance, sender, found, deps.now())
        _check_customer(deps, instance.tenant_id, target, known.identity.customer_id)
        return known
    customer_id = customers.read(deps, instance.tenant_id, target.customer_id or "").id
    page = deps.store.find(
        "identities",
        [Where("customer_id", "==", customer_id), Where("instance_id", "==", instance.id)],
        [Order("created_at")],
        limit=10,
    )
    for document in page.documents:
        identity = Identity.model_validate(document.data)
        if identity.alias_of is None and not identity.is_thread:
            return resolution.Known(identity, document.version)
    raise NotFound("this customer has no address on this channel")


def send_unasked(
    deps: Deps, instance: Instance, known: resolution.Known, draft: enqueueing.Draft, marks: Mapping[str, Any]
) -> None:
    """Accept a message that is no answer to anything: who waits for one goes on waiting, what is snoozed stays so.

    It goes into the open conversation, else into a new one. `marks` are written
    into the identity in the same commit, whose version keeps the conversation
    from being closed or moved meanwhile. Call it inside `decide`.
    """
    tenant_id, conversation_id, version = instance.tenant_id, known.identity.conversation_id, known.version
    if not conversation_id:
        opened, new = _open(deps, instance, known)
        conversation_id, version = opened.id, None
        try:
            deps.store.commit(new)
        except AlreadyExists as clash:
            raise Conflict(clash.ref) from clash
    document = enqueueing.read_conversation(deps, tenant_id, conversation_id)
    marked = Merge(Ref("identities", known.identity.id), dict(marks), version)
    with suppress(AlreadyExists):
        enqueueing.commit_drafts(deps, document, instance, [draft], None, [marked], is_answer=False)


def _open(deps: Deps, instance: Instance, known: resolution.Known) -> tuple[Document, list[Write]]:
    now = deps.now()
    conversation_id = new_id()
    identity = known.identity.model_copy(update={"conversation_id": conversation_id})
    conversation = Conversation.begun(conversation_id, instance, identity, now)
    ref = refs.conversation(conversation_id)
    writes: list[Write] = [
        Create(ref, conversation.model_dump()),
        *known.writes,
        resolution.identity_write(known, identity),
        counters.count(instance.tenant_id, instance.id, instance.type, conversation_id, now, sessions=1),
    ]
    conversation, writes = routing.begin(deps, conversation, None, writes)
    return Document(ref, "", conversation.model_dump()), writes
