"""A tenant's channels of one type: the Dashboard and its sessions speak of types, not of single channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.deps import Deps
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import NotFound
from shared.usecases.instances import instance_lookup

_BEST_FIRST = (
    InstanceStatus.CONNECTED,
    InstanceStatus.WAITING_FOR_SCAN,
    InstanceStatus.CONNECTING,
    InstanceStatus.CONFIGURED,
    InstanceStatus.DISCONNECTED,
    InstanceStatus.ERROR,
    InstanceStatus.NOT_CONFIGURED,
    InstanceStatus.DELETED,
)


def every(deps: Deps, tenant_id: str) -> list[Instance]:
    """The tenant's channels, oldest first; those after the first 1000 are not looked at."""
    return instance_lookup.list_after(deps, tenant_id, limit=instance_lookup.MAX_PAGE)[0]


def of_type(deps: Deps, tenant_id: str, channel_type: ChannelType) -> list[Instance]:
    """The tenant's channels of a type: its default one first if it is of the type, then the oldest."""
    instances = [instance for instance in every(deps, tenant_id) if instance.type is channel_type]
    return sorted(instances, key=lambda instance: (not instance.is_default, instance.seq))


def chosen(instances: Sequence[Instance], spellings: Sequence[str]) -> Instance:
    """The one with that id, name, slug or number, under the first spelling that leads to one; raises `NotFound`."""
    for spelling in spellings:
        for instance in instances:
            if spelling in (instance.id, instance.name, instance.slug, str(instance.seq)):
                return instance
    raise NotFound("there is no such channel of this type")


def best(instances: Iterable[Instance]) -> Instance | None:
    """The one that stands best, of several the one that was heard of last."""
    return min(
        instances,
        key=lambda instance: (_BEST_FIRST.index(instance.status), -instance.updated_at.timestamp()),
        default=None,
    )
