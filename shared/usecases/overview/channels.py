"""The status of a tenant's channels and what they carry, from instances and counters alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.conversations import ConversationStatus
from shared.domain.instances import CALLS, ChannelType, Instance, InstanceStatus
from shared.domain.status_details import StatusDetail
from shared.usecases.conversations import calls
from shared.usecases.instances import instance_lookup, providers, type_channels
from shared.usecases.reporting import analytics


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """A channel's figures: how many sessions are open now, or on a channel of calls how many calls are in progress.

    `counters` reach back 30 days, and over all of the first one (UTC).
    """

    instance: Instance
    active: int
    counters: Counters


@dataclass(frozen=True, slots=True)
class TypeStatus:
    """The status of a channel type: its best channel's, when that channel was last checked or changed, and why.

    With `provider` it is the status of all channels behind that provider, of whatever type.
    """

    type: ChannelType
    status: InstanceStatus
    updated_at: datetime | None
    detail: StatusDetail | None = None
    provider: str | None = None


def list_channels(
    deps: Deps, tenant_id: str, limit: int, cursor: str | None
) -> tuple[list[ChannelFigures], str | None]:
    """One page of the tenant's channels, oldest first.

    A channel's open sessions are counted by the store's index, all else is read
    from roll-ups: the cost does not depend on how much was written.
    """
    instances, next_cursor = instance_lookup.list_after(deps, tenant_id, limit, cursor)
    if not instances:
        return [], next_cursor
    counters = analytics.instance_counters(deps, tenant_id, [instance.id for instance in instances])
    figures = [ChannelFigures(instance, _active(deps, instance), counters[instance.id]) for instance in instances]
    return figures, next_cursor


def type_status(
    deps: Deps, tenant_id: str, channel_type: ChannelType, spellings: Sequence[str] = ()
) -> tuple[TypeStatus, int]:
    """The status of a type, or of one channel of it, and how many sessions are open there; raises `NotFound`."""
    instances = type_channels.of_type(deps, tenant_id, channel_type)
    if not spellings:
        not_configured = TypeStatus(channel_type, InstanceStatus.NOT_CONFIGURED, None)
        status = _best_status(channel_type, instances) or not_configured
        return status, _open_sessions_of_type(deps, tenant_id, channel_type)
    instance = type_channels.chosen(instances, spellings)
    return _status_of(instance), _open_sessions(deps, instance)


def type_statuses(deps: Deps, tenant_id: str) -> list[TypeStatus]:
    """The status of every type that the tenant has a channel of, and of every provider behind several types."""
    instances = sorted(type_channels.every(deps, tenant_id), key=lambda instance: instance.type)
    by_type = groupby(instances, key=lambda instance: instance.type)
    of_types = [_best_status(channel_type, of_type) for channel_type, of_type in by_type]
    carriers = providers.types_by_provider().items()
    of_providers = [_provider_status(name, types[0], instances) for name, types in carriers]
    return [status for status in (*of_types, *of_providers) if status is not None]


def _provider_status(provider: str, first_type: ChannelType, instances: Sequence[Instance]) -> TypeStatus | None:
    status = _best_status(first_type, providers.carried_by(provider, instances))
    return replace(status, provider=provider) if status else None


def _open_sessions_of_type(deps: Deps, tenant_id: str, channel_type: ChannelType) -> int:
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    query = query.where(lambda conversation: conversation.channel, "==", channel_type)
    return query.where(lambda conversation: conversation.status, "==", ConversationStatus.OPEN).count()


def _active(deps: Deps, instance: Instance) -> int:
    return calls.count_open(deps, instance.id) if instance.type in CALLS else _open_sessions(deps, instance)


def _open_sessions(deps: Deps, instance: Instance) -> int:
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.instance_id, "==", instance.id)
    return query.where(lambda conversation: conversation.status, "==", ConversationStatus.OPEN).count()


def _best_status(channel_type: ChannelType, instances: Iterable[Instance]) -> TypeStatus | None:
    best = type_channels.best(instances)
    return replace(_status_of(best), type=channel_type) if best else None


def _status_of(instance: Instance) -> TypeStatus:
    return TypeStatus(instance.type, instance.status, instance.updated_at, instance.status_detail)
