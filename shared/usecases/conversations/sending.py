"""Somebody sends a message: into a conversation, or to a customer with whom none is open."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.channelkit.cutting import cut_text
from shared.channelkit.styled_text import utf16_length
from shared.channels import canonical_address, channel, names
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain import content as message_content
from shared.domain.accounts import Principal
from shared.domain.analytics import Counters
from shared.domain.content import NO_CONTENT, Poll
from shared.domain.conversations import Conversation
from shared.domain.customers import Identity
from shared.domain.ids import new_id, stable_id
from shared.domain.inbound import Sender
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Author, Message
from shared.domain.outbox import Choice, OutboxItem, ReactionTo, Template
from shared.errors import BadRequest, Collision, FieldName, HubError, NotFound, Unprocessable
from shared.usecases.conversations import conversations, file_copies, forwarding, ownership, routing
from shared.usecases.customers import customers
from shared.usecases.identities import contacts, resolution
from shared.usecases.instances import instance_lookup
from shared.usecases.outbox import enqueueing, windows
from shared.usecases.reporting import counters


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
    """What to say. A `template` goes out alone; the text beside it is what the hub shows for it.

    A `poll` goes out alone, too. `forward_of` names a message that is passed on, as the provider does it or as a copy.
    What is written `by_program`, such as an alert, takes no conversation from the machines.
    """

    text: str | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    reaction: ReactionTo | None = None
    template: Template | None = None
    choices: tuple[Choice, ...] = ()
    poll: Poll | None = None
    forward_of: str | None = None
    by_program: bool = False


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
    if content.forward_of is None:
        draft.check()
    try:
        is_new = run_with_retry(deps, lambda unit: _attempt(deps, unit, caller, target, draft, content))
    except HubError:
        # What was accepted stays accepted, whatever its target has become since.
        if draft.request_hash is None or not _is_accepted(deps, caller, draft):
            raise
        is_new = False
    return _read(deps, caller, draft.message_id) if is_new else _accepted_before(deps, caller, draft)


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
        author_name=caller.name,
        text=content.poll.question if content.poll else content.text,
        attachments=list(content.attachments),
        reply_to=content.reply_to,
        reaction=content.reaction,
        template=content.template,
        choices=list(content.choices),
        poll=content.poll,
        content=message_content.Content(poll=content.poll) if content.poll else NO_CONTENT,
        request_hash=request_hash,
    )


def _attempt(
    deps: Deps,
    unit: UnitOfWork,
    caller: Principal,
    target: Target,
    draft: enqueueing.Draft,
    content: Content,
) -> bool:
    """Returns False for a message that was accepted before."""
    if unit.messages.collided_with(draft.message_id) is not None:
        return False
    conversation = _conversation(deps, unit, caller.tenant_id, target)
    instance = instance_lookup.by_id(deps, caller.tenant_id, conversation.instance_id)
    if instance.adapter not in names():
        raise Unprocessable("this channel cannot send messages")
    if content.forward_of is not None:
        draft = forwarding.passing_on(deps, unit, caller.tenant_id, draft, content.forward_of, instance)
    windows.check(deps, unit, instance, conversation, draft)
    conversations.reopen(deps, unit, conversation)
    if not content.by_program:
        ownership.note_sign(deps, unit, caller, conversation, instance)
    for message in enqueueing.enqueue(deps, unit, conversation, instance, _pieces(draft, instance)):
        file_copies.refer(deps, unit, message)
    return True


def _pieces(draft: enqueueing.Draft, instance: Instance) -> list[enqueueing.Draft]:
    """The draft as messages that the channel takes: a text that is too long is cut as an agent's is.

    What comes beside the text goes with the first. A question with choices cannot be cut, so it is refused.
    """
    limit, text = channel(instance.adapter).capabilities.text_limit, draft.text or ""
    goes_whole = draft.template or draft.poll or draft.original
    if goes_whole or utf16_length(text) <= limit:
        return [draft]
    if draft.choices:
        raise BadRequest.of_field("text", f"has more than the {limit} characters that a question may have here")
    first, *others = cut_text(text, limit)
    return [
        replace(draft, text=first),
        *(
            enqueueing.Draft(
                message_id=stable_id("piece", draft.message_id, str(number)),
                author=draft.author,
                author_id=draft.author_id,
                author_name=draft.author_name,
                text=piece,
            )
            for number, piece in enumerate(others, 1)
        ),
    ]


def _is_accepted(deps: Deps, caller: Principal, draft: enqueueing.Draft) -> bool:
    return UnitOfWork(deps.store).messages.owned_or_none(caller.tenant_id, draft.message_id) is not None


def _read(deps: Deps, caller: Principal, message_id: str) -> Accepted:
    unit = UnitOfWork(deps.store)
    unit.fetch(unit.messages.key(message_id), unit.outbox.key(message_id))
    return Accepted(unit.messages.owned(caller.tenant_id, message_id), unit.outbox.owned(caller.tenant_id, message_id))


def _accepted_before(deps: Deps, caller: Principal, draft: enqueueing.Draft) -> Accepted:
    accepted = _read(deps, caller, draft.message_id)
    if accepted.message.request_hash != draft.request_hash:
        raise Collision("this Idempotency-Key was used for another request")
    enqueueing.wake(deps, caller.tenant_id, accepted.message.conversation_id, None)
    return accepted


def _conversation(deps: Deps, unit: UnitOfWork, tenant_id: str, target: Target) -> Conversation:
    if target.conversation_id:
        unit.fetch(unit.conversations.key(target.conversation_id), unit.tenants.key(tenant_id))
        conversation = unit.conversations.owned(tenant_id, target.conversation_id)
        _check_belongs(deps, unit, conversation, target)
        return conversation
    instance, identity = _address(deps, unit, tenant_id, target)
    return _open_conversation(deps, unit, instance, identity)


def _check_belongs(deps: Deps, unit: UnitOfWork, conversation: Conversation, target: Target) -> None:
    """Nothing is sent to another place than the request names; customers may go by an id from before a merge."""
    key, instance_id = target.instance_id, conversation.instance_id
    if key and key != instance_id and instance_lookup.by_key(deps, conversation.tenant_id, key).id != instance_id:
        raise Collision("this conversation goes on on another channel", "channel_instance_id")
    _check_customer(unit, conversation.tenant_id, target, conversation.customer_id)


def _check_customer(unit: UnitOfWork, tenant_id: str, target: Target, customer_id: str) -> None:
    named_id = target.customer_id
    if named_id and named_id != customer_id and customers.current(unit, tenant_id, named_id).id != customer_id:
        raise Collision("this conversation or address is another customer's", "customer_id")


def _address(deps: Deps, unit: UnitOfWork, tenant_id: str, target: Target) -> tuple[Instance, Identity]:
    if target.instance_id and (target.customer_id or target.external_user_id):
        instance = instance_lookup.by_key(deps, tenant_id, target.instance_id)
        return instance, _identity(deps, unit, instance, target)
    if target.customer_id and not target.external_user_id:
        contact = contacts.on_any_channel(unit, tenant_id, target.customer_id)
        return contact.instance, contact.identity
    by_channel = (FieldName("channel_instance_id"), " with ", FieldName("customer_id"))
    alternatives = (FieldName("conversation_id"), ", ", FieldName("customer_id"), ", or ", *by_channel)
    raise BadRequest(("give ", *alternatives, " or ", FieldName("external_user_id")))


def _identity(deps: Deps, unit: UnitOfWork, instance: Instance, target: Target) -> Identity:
    if target.external_user_id:
        key = canonical_address(instance.adapter, target.external_user_id)
        sender = Sender(external_user_id=target.external_user_id, keys=(key,))
        identity = resolution.resolve(deps, unit, instance, sender)
        _check_customer(unit, instance.tenant_id, target, identity.customer_id)
        return identity
    customer = customers.current(unit, instance.tenant_id, target.customer_id or "")
    address = contacts.on_instance(unit, customer, instance)
    if address is None:
        raise NotFound("this customer has no address on this channel")
    return address


def send_unprompted(
    deps: Deps, unit: UnitOfWork, instance: Instance, identity: Identity, draft: enqueueing.Draft
) -> None:
    """Accept a message that is no answer to anything: who waits for one goes on waiting, what is snoozed stays so.

    It goes into the open conversation, else into a new one; the identity's
    version keeps the conversation from being closed or moved meanwhile. A message
    that was accepted before is not accepted again.
    """
    unit.identities.expect_unchanged(identity)
    if unit.messages.collided_with(draft.message_id) is None:
        conversation = _open_conversation(deps, unit, instance, identity)
        enqueueing.enqueue(deps, unit, conversation, instance, [draft], is_answer=False)


def _open_conversation(deps: Deps, unit: UnitOfWork, instance: Instance, identity: Identity) -> Conversation:
    """The open conversation at an address, else a new one."""
    if identity.conversation_id:
        return unit.conversations.owned(identity.tenant_id, identity.conversation_id)
    now = deps.now()
    conversation = unit.conversations.add(Conversation.start(new_id(), instance, identity, now))
    identity.conversation_id = conversation.id
    counters.count(unit, counters.Source.of(conversation), now, Counters(sessions=1))
    routing.apply(deps, unit, conversation, None)
    return conversation
