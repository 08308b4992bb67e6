"""Who is it? From a provider's addresses to one identity, one customer, one open conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.deps import Deps
from shared.domain.customers import Customer, Identity
from shared.domain.ids import new_id
from shared.domain.inbound import MessageReceived, Sender
from shared.domain.instances import Instance
from shared.ports.store import Create, Document, Merge, Ref, Write
from shared.usecases import refs
from shared.usecases.customers import customer_tags


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
    under the best address. Two that exist apart are joined.
    """
    wanted = identity_refs(instance, sender.keys)
    documents = [_follow(deps, instance, found[ref]) for ref in wanted if ref in found]
    missing = [(ref, key) for ref, key in zip(wanted, sender.keys, strict=True) if ref not in found]
    if not documents:
        return _new(instance, sender, wanted[0], missing[1:], now, is_group=is_group)
    main = documents[0]
    identity = Identity.model_validate(main.data)
    writes = [Create(ref, _alias(instance, key, identity, now).model_dump()) for ref, key in missing]
    for other in documents[1:]:
        if other.ref != main.ref:
            identity, joined = _join(identity, Identity.model_validate(other.data), other)
            writes += joined  # type: ignore[arg-type]  # lists of one of the write types
    return Known(identity, main.version, list(writes))


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


def _follow(deps: Deps, instance: Instance, document: Document) -> Document:
    """The identity that an alias speaks for; costs a read only when the better address was not given."""
    target = document.data.get("alias_of")
    if not target:
        return document
    ref = Ref("identities", str(target))
    return deps.store.get([ref]).get(ref, document)


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


def _join(identity: Identity, other: Identity, document: Document) -> tuple[Identity, list[Merge]]:
    """Two identities turn out to be one person: the other becomes an alias, its customer is folded in."""
    writes = [Merge(document.ref, {"alias_of": identity.id, "customer_id": identity.customer_id}, document.version)]
    if other.customer_id != identity.customer_id:
        writes.append(Merge(refs.customer(other.customer_id), {"merged_into": identity.customer_id}))
    if other.conversation_id:
        moved = {"customer_id": identity.customer_id, "identity_id": identity.id}
        if identity.conversation_id:
            moved["status"] = "closed"
        writes.append(Merge(refs.conversation(other.conversation_id), moved))
    joined = identity.model_copy(
        update={
            "conversation_id": identity.conversation_id or other.conversation_id,
            "waiting_since": identity.waiting_since or other.waiting_since,
            "phone": identity.phone or other.phone,
        }
    )
    return joined, writes


def identity_write(known: Known, identity: Identity) -> Write:
    """Create the identity, or change it only if nobody else has: this is what makes ingest race-free."""
    ref = Ref("identities", identity.id)
    if known.version is None:
        return Create(ref, identity.model_dump())
    changed = identity.model_dump(
        include={
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
