"""How a tenant's channels stand and what they carry, from instances and counters alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from shared.deps import Deps
from shared.domain.analytics import Counters
from shared.domain.conversations import ConversationStatus
from shared.domain.instances import CALLS, ChannelType, Instance, InstanceStatus
from shared.ports.store import Where
from shared.usecases.conversations import calls
from shared.usecases.instances import instance_lookup, providers, type_channels
from shared.usecases.reporting import analytics


@dataclass(frozen=True, slots=True)
class Figures:
    """`active` is how many sessions are open now, on a channel of calls how many calls go on.

    `counters` reach back 30 days, and over all of the first one (UTC).
    """

    instance: Instance
    active: int
    counters: Counters


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel type stands: its best channel's status, and when that channel was last checked or changed.

    With `provider` it is how all channels stand that this provider carries, of whatever type.
    """

    type: ChannelType
    status: InstanceStatus
    seen_at: datetime | None
    provider: str | None = None


def overview(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Figures], str | None]:
    """One page of the tenant's channels, oldest first.

    A channel's open sessions are counted by the store's index, all else is read
    from roll-ups: the cost does not depend on how much was written.
    """
    instances, following = instance_lookup.list_after(deps, tenant_id, limit, cursor)
    if not instances:
        return [], following
    counted = analytics.instance_counters(deps, tenant_id, [instance.id for instance in instances])
    found = [Figures(each, _busy(deps, each), counted[each.id]) for each in instances]
    return found, following


def standing(
    deps: Deps, tenant_id: str, channel_type: ChannelType, spellings: Sequence[str] = ()
) -> tuple[Standing, int]:
    """How a type stands, or one channel of it, and how many sessions are open there; raises `NotFound`."""
    instances = type_channels.of_type(deps, tenant_id, channel_type)
    if not spellings:
        found = _standing(channel_type, instances) or Standing(channel_type, InstanceStatus.NOT_CONFIGURED, None)
        return found, _active_on_type(deps, tenant_id, channel_type)
    instance = type_channels.chosen(instances, spellings)
    return Standing(channel_type, instance.status, instance.updated_at), _active_on(deps, instance)


def standings(deps: Deps, tenant_id: str) -> list[Standing]:
    """How every type stands that the tenant has a channel of, and every provider that carries several types."""
    by_type = sorted(type_channels.every(deps, tenant_id), key=lambda instance: instance.type)
    grouped = groupby(by_type, key=lambda instance: instance.type)
    found = [each for type_, instances in grouped if (each := _standing(type_, list(instances)))]
    carried = [(name, types[0], providers.carried_by(name, by_type)) for name, types in providers.TYPES.items()]
    of_providers = [(name, each) for name, type_, ours in carried if (each := _standing(type_, ours))]
    return found + [replace(each, provider=name) for name, each in of_providers]


def _active_on_type(deps: Deps, tenant_id: str, channel_type: ChannelType) -> int:
    return deps.store.count(
        "conversations",
        [
            Where("tenant_id", "==", tenant_id),
            Where("channel", "==", channel_type.value),
            Where("status", "==", ConversationStatus.OPEN.value),
        ],
    )


def _busy(deps: Deps, instance: Instance) -> int:
    return calls.count_open(deps, instance.id) if instance.type in CALLS else _active_on(deps, instance)


def _active_on(deps: Deps, instance: Instance) -> int:
    open_here = [Where("instance_id", "==", instance.id), Where("status", "==", ConversationStatus.OPEN.value)]
    return deps.store.count("conversations", open_here)


def _standing(channel_type: ChannelType, instances: Iterable[Instance]) -> Standing | None:
    best = type_channels.best(instances)
    return Standing(channel_type, best.status, best.updated_at) if best else None
