"""Who is it? From a provider's addresses to one identity, one customer, one open conversation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.deps import Deps
from shared.domain.conversations import ConversationStatus
from shared.domain.customers import Customer, Identity
from shared.domain.ids import new_id
from shared.domain.inbound import MessageReceived, Sender
from shared.domain.instances import Instance
from shared.errors import Collision, Conflict, NotFound, Unprocessable
from shared.ports.store import Create, Document, Merge, Ref, Write
from shared.usecases import refs
from shared.usecases.customers import customer_merges, customer_tags, customers
from shared.usecases.reporting import counters

log = logging.getLogger(__name__)

# An address that became another one's, which became another one's, and so on.
_LONGEST_CHAIN = 20


@dataclass(frozen=True, slots=True)
class Known:
    """An identity, and what has to be written so that it is true.

    `version` is None when the identity is new. `writes` create customers and
    aliases; the identity itself is written by whoever knows its conversation.
    """

    identity: Identity
    version: str | None
    writes: list[Write] = field(default_factory=list)


def identity_refs(instance: Instance, keys: Sequence[str]) -> list[Ref]:
    return [refs.identity(instance.id, key) for key in keys]


def resolve(
    deps: Deps, instance: Instance, sender: Sender, found: dict[Ref, Document], now: datetime, *, is_group: bool = False
) -> Known:
    """Decide which identity the sender's addresses mean, from the documents already read.

    All addresses lead to one identity: the one that exists, else a new one
    under the best address. Two that exist apart are joined; if they are two
    customers' these are merged first, and a `Conflict` says to decide again.
    """
    wanted = identity_refs(instance, sender.keys)
    documents = [main_document(deps, found[ref]) for ref in wanted if ref in found]
    missing = [(ref, key) for ref, key in zip(wanted, sender.keys, strict=True) if ref not in found]
    if not documents:
        return _new(instance, sender, wanted[0], missing[1:], now, is_group=is_group)
    main = documents[0]
    identity = Identity.model_validate(main.data)
    writes: list[Write] = [Create(ref, _alias(instance, key, identity, now).model_dump()) for ref, key in missing]
    for other in documents[1:]:
        if other.ref != main.ref:
            identity, joined = _join(deps, instance, identity, other, now)
            writes += joined
    return Known(identity, main.version, writes)


def thread(
    instance: Instance, received: MessageReceived, found: dict[Ref, Document], person: Known, now: datetime
) -> Known:
    """The identity that stands for one of several chats with a person; it has the person's address and customer."""
    ref = refs.identity(instance.id, received.chat_key)
    if ref in found:
        return Known(Identity.model_validate(found[ref].data), found[ref].version)
    identity = Identity(
        id=ref.id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        external_user_id=person.identity.external_user_id,
        customer_id=person.identity.customer_id,
        name=person.identity.name,
        known_as=person.identity.known_as,
        phone=person.identity.phone,
        is_thread=True,
        created_at=now,
    )
    return Known(identity, None)


def with_phone(deps: Deps, person: Known, sender: Sender, now: datetime) -> Known:
    """The person, whose number this message may be the first to tell. What the business has written down stays.

    Costs a read in that case only.
    """
    if person.identity.phone or not sender.phone:
        return person
    ref = refs.customer(person.identity.customer_id)
    document = deps.store.get([ref]).get(ref)
    known = document.data.get("phone") if document else None
    writes = list(person.writes)
    if document and not known:
        writes.append(Merge(ref, {"phone": sender.phone, "updated_at": now}, document.version))
    return replace(person, identity=person.identity.model_copy(update={"phone": known or sender.phone}), writes=writes)


def main_document(deps: Deps, document: Document) -> Document:
    """The identity that an alias speaks for, which may have become an alias itself since; else the document given.

    Costs a read for each step.
    """
    for _ in range(_LONGEST_CHAIN):
        ref = Ref("identities", str(document.data.get("alias_of") or document.id))
        following = deps.store.get([ref]).get(ref) if ref != document.ref else None
        if following is None:
            break
        document = following
    return document


def _new(
    instance: Instance, sender: Sender, ref: Ref, aliases: list[tuple[Ref, str]], now: datetime, *, is_group: bool
) -> Known:
    customer = Customer(
        id=new_id(),
        tenant_id=instance.tenant_id,
        name=sender.name or sender.username,
        email=sender.email,
        phone=sender.phone,
        tags=["group"] if is_group else [],
        created_at=now,
        updated_at=now,
    )
    identity = Identity(
        id=ref.id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        external_user_id=sender.external_user_id,
        customer_id=customer.id,
        name=customer.name,
        phone=customer.phone,
        created_at=now,
    )
    writes: list[Write] = [Create(refs.customer(customer.id), customer.model_dump())]
    writes += customer_tags.added(customer.tenant_id, customer.id, customer.tags)
    writes += [Create(alias, _alias(instance, key, identity, now).model_dump()) for alias, key in aliases]
    return Known(identity, None, writes)


def _alias(instance: Instance, key: str, identity: Identity, now: datetime) -> Identity:
    return Identity(
        id=refs.identity(instance.id, key).id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        external_user_id=key,
        customer_id=identity.customer_id,
        alias_of=identity.id,
        created_at=now,
    )


def _join(
    deps: Deps, instance: Instance, identity: Identity, document: Document, now: datetime
) -> tuple[Identity, list[Write]]:
    """Two identities turn out to be one person: the other becomes an alias. Of two open conversations its is closed."""
    other = Identity.model_validate(document.data)
    _merge_customers(deps, identity, other)
    alias = {"alias_of": identity.id, "customer_id": identity.customer_id}
    writes: list[Write] = [Merge(document.ref, alias, document.version)]
    if other.conversation_id:
        changes: dict[str, Any] = {"customer_id": identity.customer_id, "identity_id": identity.id}
        if identity.conversation_id:
            changes |= {"status": ConversationStatus.CLOSED.value, "closed_at": now, "updated_at": now}
            changes |= {"needs_reply_since": None, "snoozed_until": None}
            place = (instance.tenant_id, instance.id, instance.type, other.conversation_id)
            writes.append(counters.count(*place, now, resolved=1))
        writes.append(Merge(refs.conversation(other.conversation_id), changes))
    return identity.model_copy(update=_combined(identity, other)), writes


def _merge_customers(deps: Deps, identity: Identity, other: Identity) -> None:
    """Merge the customers of two identities that are one person's; raises `Conflict` when that changed them.

    Where it cannot be done each customer stays, and only the addresses are joined.
    """
    if other.customer_id == identity.customer_id:
        return
    try:
        kept = customers.read(deps, identity.tenant_id, identity.customer_id)
        source = customers.read(deps, identity.tenant_id, other.customer_id)
        if kept.ref == source.ref:  # Somebody is merging them now.
            return
        customer_merges.merge(deps, identity.tenant_id, kept.id, source.id)
    except (NotFound, Collision, Unprocessable) as error:
        log.warning("two customers are one person and were not merged: %s", error.detail)
        return
    raise Conflict(Ref("identities", other.id))


def _combined(identity: Identity, other: Identity) -> dict[str, Any]:
    """What the identity has after the other has become its alias."""
    waiting_times = [each.waiting_since for each in (identity, other) if each.waiting_since]
    inbound_times = [each.last_inbound_at for each in (identity, other) if each.last_inbound_at]
    return {
        "conversation_id": identity.conversation_id or other.conversation_id,
        "survey": identity.survey or other.survey,
        "campaign": identity.campaign or other.campaign,
        "waiting_since": min(waiting_times, default=None),
        "last_inbound_at": max(inbound_times, default=None),
    }


def identity_write(known: Known, identity: Identity) -> Write:
    """Create the identity, or change it only if nobody else has: this is what makes ingest race-free."""
    ref = Ref("identities", identity.id)
    if known.version is None:
        return Create(ref, identity.model_dump())
    changed = identity.model_dump(
        include={
            "external_user_id",
            "conversation_id",
            "waiting_since",
            "last_inbound_at",
            "last_placement",
            "name",
            "phone",
            "survey",
            "campaign",
        }
    )
    return Merge(ref, changed, known.version)
