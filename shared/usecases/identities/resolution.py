"""From a provider's addresses to one identity, one customer, one open conversation.

New identities, customers and aliases are added to the unit of work of whoever resolves an address; they may still be
changed before its commit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.deps import Deps
from shared.documents import ids
from shared.documents.query import Key
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.conversations import ConversationStatus
from shared.domain.customers import Customer, Identity
from shared.domain.ids import new_id
from shared.domain.inbound import MessageReceived, Sender
from shared.domain.instances import Instance
from shared.domain.sla import Sla
from shared.errors import Collision, Conflict, NotFound, Unprocessable
from shared.usecases import realtime
from shared.usecases.customers import customer_merges, customer_tags, customers
from shared.usecases.reporting import counters

log = logging.getLogger(__name__)

# An address that became an alias of another, which became an alias of another, and so on.
_LONGEST_CHAIN = 20


def chat_and_author(
    deps: Deps, unit: UnitOfWork, instance: Instance, received: MessageReceived, *other_keys: Key
) -> tuple[Identity, Identity] | None:
    """The identities of a message's chat and of its author.

    A private chat is the author's own. A group's identity (and customer) stands
    for the group, also where the business itself wrote there. None for a message
    that only counts in a chat that the hub has, and has not. `other_keys` are read in the same round trip.
    """
    addresses = (*received.sender.keys, received.chat_key)
    unit.fetch(*(unit.identities.key(ids.identity(instance.id, address)) for address in addresses), *other_keys)
    if received.if_known and not _has_chat(unit, instance, received):
        return None
    if received.is_group:
        return _group_and_author(deps, unit, instance, received)
    author = resolve(deps, unit, instance, received.sender)
    if received.is_thread:
        return _thread(deps, unit, instance, received, author), author
    _learn_contact(deps, unit, author, received.sender)
    return author, author


def in_authors_chat(unit: UnitOfWork, instance: Instance, received: MessageReceived) -> MessageReceived:
    """The message as it is, or in its `outsiders_chat` where its author has no part in the chat that it names."""
    outsiders = received.outsiders_chat
    if outsiders is None:
        return received
    fetch(unit, instance, [*received.sender.keys, received.chat_key])
    thread = at_address(unit, instance, received.chat_key)
    if thread is None:
        return received
    author = next((owner for key in received.sender.keys if (owner := at_address(unit, instance, key))), None)
    is_theirs = author is not None and address_owner(unit, author).customer_id == thread.customer_id
    if is_theirs:
        return received
    context = received.context | outsiders.context
    return replace(received, chat_key=outsiders.address, external_conversation_id=outsiders.address, context=context)


def resolve(deps: Deps, unit: UnitOfWork, instance: Instance, sender: Sender, *, is_group: bool = False) -> Identity:
    """The identity that the sender's addresses mean.

    All addresses lead to one identity: the one that exists, else a new one
    under the best address. Two that exist apart are joined; if they are two
    customers' these are merged first, and a `Conflict` has the decision made again.
    """
    fetch(unit, instance, sender.keys)
    identities = [address_owner(unit, identity) for key in sender.keys if (identity := at_address(unit, instance, key))]
    missing_keys = [key for key in sender.keys if at_address(unit, instance, key) is None]
    if not identities:
        identity = _new(deps, unit, instance, sender, missing_keys.pop(0), is_group=is_group)
    else:
        identity = identities[0]
    for key in missing_keys:
        unit.identities.add(_alias(instance, key, identity, deps.now()))
    for other in identities[1:]:
        if other.id != identity.id:
            _join(deps, unit, instance, identity, other)
    return identity


def at_address(unit: UnitOfWork, instance: Instance, key: str) -> Identity | None:
    """What is stored of an address (in its canonical form) on an instance: an identity, or an alias of one."""
    return unit.identities.owned_or_none(instance.tenant_id, ids.identity(instance.id, key))


def address_owner(unit: UnitOfWork, identity: Identity) -> Identity:
    """The identity that an alias stands for, which may have become an alias itself since; else the identity itself.

    Costs a read for each step.
    """
    for _ in range(_LONGEST_CHAIN):
        if not identity.alias_of or identity.alias_of == identity.id:
            break
        owner = unit.identities.owned_or_none(identity.tenant_id, identity.alias_of)
        if owner is None:
            break
        identity = owner
    return identity


def fetch(unit: UnitOfWork, instance: Instance, keys: Sequence[str]) -> None:
    """Read what is stored of several addresses in one round trip."""
    unit.fetch(*(unit.identities.key(ids.identity(instance.id, key)) for key in keys))


def _has_chat(unit: UnitOfWork, instance: Instance, received: MessageReceived) -> bool:
    is_private = not received.is_group and not received.is_thread
    keys = received.sender.keys if is_private else (received.chat_key,)
    return any(at_address(unit, instance, key) is not None for key in keys)


def _group_and_author(
    deps: Deps, unit: UnitOfWork, instance: Instance, received: MessageReceived
) -> tuple[Identity, Identity]:
    group = Sender(
        external_user_id=received.external_conversation_id,
        keys=(received.chat_key,),
        name=received.group_name or "Group",
    )
    chat = resolve(deps, unit, instance, group, is_group=True)
    speaks_itself = received.chat_key in received.sender.keys
    return chat, chat if received.from_me or speaks_itself else resolve(deps, unit, instance, received.sender)


def _thread(deps: Deps, unit: UnitOfWork, instance: Instance, received: MessageReceived, author: Identity) -> Identity:
    """The identity of one of several chats with a customer; it has the customer's address."""
    thread = at_address(unit, instance, received.chat_key)
    if thread is not None:
        return thread
    return unit.identities.add(
        Identity(
            id=ids.identity(instance.id, received.chat_key),
            tenant_id=instance.tenant_id,
            instance_id=instance.id,
            external_user_id=author.external_user_id,
            customer_id=author.customer_id,
            name=author.name,
            known_as=author.known_as,
            phone=author.phone,
            is_thread=True,
            created_at=deps.now(),
        )
    )


def _learn_contact(deps: Deps, unit: UnitOfWork, identity: Identity, sender: Sender) -> None:
    """Take down a number or an e-mail address that this message is the first to tell.

    What the business has written down stays. Costs a read in that case only.
    """
    is_new = (sender.phone and not identity.phone) or (sender.email and not identity.email)
    if not is_new:
        return
    customer = unit.customers.owned_or_none(identity.tenant_id, identity.customer_id)
    if customer is None:
        identity.phone, identity.email = identity.phone or sender.phone, identity.email or sender.email
        return
    phone, email = customer.phone or sender.phone, customer.email or sender.email
    if (phone, email) != (customer.phone, customer.email):
        customer.phone, customer.email, customer.updated_at = phone, email, deps.now()
        realtime.customer_updated(deps, unit, customer)
    identity.phone, identity.email = identity.phone or phone, identity.email or email


def _new(deps: Deps, unit: UnitOfWork, instance: Instance, sender: Sender, key: str, *, is_group: bool) -> Identity:
    now = deps.now()
    customer = unit.customers.add(
        Customer(
            id=new_id(),
            tenant_id=instance.tenant_id,
            name=sender.name or sender.username,
            email=sender.email,
            phone=sender.phone,
            tags=["group"] if is_group else [],
            created_at=now,
            updated_at=now,
        )
    )
    customer_tags.index(unit, customer)
    realtime.customer_created(deps, unit, customer)
    return unit.identities.add(
        Identity(
            id=ids.identity(instance.id, key),
            tenant_id=instance.tenant_id,
            instance_id=instance.id,
            external_user_id=sender.external_user_id,
            customer_id=customer.id,
            name=customer.name,
            phone=customer.phone,
            email=customer.email,
            created_at=now,
        )
    )


def _alias(instance: Instance, key: str, identity: Identity, now: datetime) -> Identity:
    return Identity(
        id=ids.identity(instance.id, key),
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        external_user_id=key,
        customer_id=identity.customer_id,
        alias_of=identity.id,
        created_at=now,
    )


def _join(deps: Deps, unit: UnitOfWork, instance: Instance, identity: Identity, other: Identity) -> None:
    """Two identities turn out to be one person: the other becomes an alias. Of two open conversations its is closed."""
    _merge_customers(deps, identity, other)
    other.alias_of, other.customer_id = identity.id, identity.customer_id
    if other.conversation_id:
        if identity.conversation_id:
            _close_conversation(deps, unit, instance, other.conversation_id)
        unit.conversations.patch(other.conversation_id, customer_id=identity.customer_id, identity_id=identity.id)
    waiting_times = [joined.waiting_since for joined in (identity, other) if joined.waiting_since]
    inbound_times = [joined.last_inbound_at for joined in (identity, other) if joined.last_inbound_at]
    identity.conversation_id = identity.conversation_id or other.conversation_id
    identity.survey = identity.survey or other.survey
    identity.campaign = identity.campaign or other.campaign
    identity.waiting_since = min(waiting_times, default=None)
    identity.last_inbound_at = max(inbound_times, default=None)


def _close_conversation(deps: Deps, unit: UnitOfWork, instance: Instance, conversation_id: str) -> None:
    now = deps.now()
    unit.conversations.patch(
        conversation_id,
        status=ConversationStatus.CLOSED,
        closed_at=now,
        updated_at=now,
        needs_reply_since=None,
        sla=Sla(),
        queued_at=None,
        queue_order=None,
        assign_at=None,
        unread_count=0,
        is_unread=False,
        snoozed_until=None,
    )
    source = counters.Source(instance.tenant_id, instance.id, instance.type, conversation_id)
    counters.count(unit, source, now, Counters(resolved=1))


def _merge_customers(deps: Deps, identity: Identity, other: Identity) -> None:
    """Merge the customers of two identities that are one person's; raises `Conflict` when that changed them.

    Where it cannot be done each customer stays, and only the addresses are joined.
    """
    if other.customer_id == identity.customer_id:
        return
    try:
        target = customers.get(deps, identity.tenant_id, identity.customer_id)
        source = customers.get(deps, identity.tenant_id, other.customer_id)
        if target.id == source.id:  # Somebody is merging them now.
            return
        customer_merges.merge(deps, identity.tenant_id, target.id, source.id)
    except (NotFound, Collision, Unprocessable) as error:
        log.warning("two customers are one person and were not merged: %s", error.detail)
        return
    raise Conflict
