"""Which events of the bus are about a customer who is being erased.

A webhook's body says that in as many ways as there are providers. It is the customer's if one of their messages came
in it, if it tells of a message that was erased, or if their address, number or e-mail address stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from shared.channel.inbound import InboundModule
from shared.channels import implementation
from shared.deps import Deps
from shared.documents import ids
from shared.documents.collection import of_tenant
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.erasures import Erasure, ErasureWork
from shared.domain.events import Event, InboundEvent, RealtimeEvent
from shared.domain.messages import EarlyNote, ErasedMessage
from shared.errors import PayloadInvalid
from shared.ports.bus import Choice

_SHORTEST = 5
"""Characters of an address that is looked for within texts; a shorter one has to be all of a value."""

_NUMBER = re.compile(r"\+?(\d{7,15})")


def choice(deps: Deps, unit: UnitOfWork, erasure: Erasure, work: ErasureWork) -> Choice:
    """Chooses the webhooks that came before the erasure was ordered and are about its customer.

    What such a webhook has left for a message that never came is removed with the unit.
    """
    instance_ids = {address.instance_id for address in work.addresses}
    is_named = _names_of(work)
    raw_event_ids = set(work.raw_event_ids)

    def choose(events: Sequence[Event]) -> Collection[str]:
        candidates = [
            event
            for event in events
            if isinstance(event, InboundEvent)
            and of_tenant(erasure.tenant_id, event) is not None
            and event.instance_id in instance_ids
            and event.received_at <= erasure.created_at
        ]
        record_ids = {event.id: _record_ids(event) for event in candidates}
        marked, notes = _records(deps, {each for several in record_ids.values() for each in several})
        chosen = {
            event.id
            for event in candidates
            if event.id in raw_event_ids or is_named(event.payload) or not marked.isdisjoint(record_ids[event.id])
        }
        for event_id in chosen:
            for record_id in notes.intersection(record_ids[event_id]):
                unit.message_records.remove(record_id)
        return chosen

    return choose


def choice_of_told(tenant_id: str, subjects: Sequence[str]) -> Choice:
    """Chooses what clients were to be told of these customers and conversations."""
    known_ids = set(subjects)

    def choose(events: Sequence[Event]) -> Collection[str]:
        return {
            event.id
            for event in events
            if isinstance(event, RealtimeEvent)
            and of_tenant(tenant_id, event) is not None
            and not known_ids.isdisjoint(_scalars(event.payload))
        }

    return choose


def _record_ids(event: InboundEvent) -> set[str]:
    """The ids of the message records that a webhook is about; none of one that cannot be read."""
    try:
        parsed = implementation(event.channel, InboundModule).parse(event.payload)
    except (PayloadInvalid, LookupError):
        return set()
    external_ids = {getattr(each, "external_message_id", None) for each in parsed}
    return {ids.provider_message(event.instance_id, each) for each in external_ids if each}


def _records(deps: Deps, record_ids: set[str]) -> tuple[set[str], set[str]]:
    """Of these records, those of erased messages, and those of messages that never came."""
    records = UnitOfWork(deps.store).message_records
    ordered = sorted(record_ids)
    pairs = zip(ordered, _each(records, ordered), strict=True)
    by_kind: dict[type, set[str]] = {ErasedMessage: set(), EarlyNote: set()}
    for record_id, record in pairs:
        by_kind.get(type(record), set()).add(record_id)
    return by_kind[ErasedMessage], by_kind[EarlyNote]


def _each(records: Any, record_ids: Sequence[str]) -> list[Any]:
    records.get_many(record_ids)  # in one round trip; reading each afterwards costs none
    return [records.get(record_id) for record_id in record_ids]


def _names_of(work: ErasureWork) -> Any:
    """Whether a body names the customer by one of their addresses."""
    names = {address.address.casefold() for address in work.addresses} | {each.casefold() for each in work.contacts}
    for name in list(names):
        number = _NUMBER.match(name)
        if number is not None and (number.end() == len(name) or not name[number.end()].isalnum()):
            names.add(number.group(1))
    whole = frozenset(names)
    long_names = sorted((re.escape(name) for name in names if len(name) >= _SHORTEST), key=len, reverse=True)
    pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(long_names)})(?![^\W_])") if long_names else None

    def is_named(payload: Any) -> bool:
        values = (value.casefold() for value in _scalars(payload))
        return any(value in whole or (pattern is not None and pattern.search(value)) for value in values)

    return is_named


def _scalars(value: Any) -> Iterator[str]:
    """All texts and numbers in a JSON value, however deep, and the names of its fields, as text."""
    pending = [value]
    while pending:
        match pending.pop():
            case dict() as fields:
                yield from map(str, fields)
                pending.extend(fields.values())
            case list() as items:
                pending.extend(items)
            case None | bool():
                pass
            case scalar:
                yield str(scalar)
