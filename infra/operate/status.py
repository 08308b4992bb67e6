"""How the hub is, on one screen."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Tenant
from shared.domain.instances import InstanceStatus
from shared.domain.outbox import OutboxStatus
from shared.errors import StoreError
from shared.ports.machine import Machine
from shared.usecases.reporting import health

TENANTS = 100
"""How many tenants are looked through, and how many channels of each."""

_COUNTED = 1_000
_OLD_SECONDS = 300.0


@dataclass(slots=True)
class Status:
    """Lines to read, each with its heading, and what needs somebody's attention."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The screen."""
        width = max((len(heading) for heading, _ in self.lines), default=0)
        rows = [f"{heading:<{width}}  {text}" for heading, text in self.lines]
        rows += (
            ["", "needs attention:", *(f"  {reason}" for reason in self.attention)]
            if self.attention
            else ["", "all is well"]
        )
        return "\n".join(rows)


def of(deps: Deps) -> Status:
    """Look at everything; a store that does not answer is told, not raised."""
    status = Status()
    settings = deps.settings
    place = f"data in {settings.data_dir}" if settings.backend == "embedded" else f"project {settings.cloud_project}"
    status.lines.append(("hub", f"version {health.VERSION}, {settings.environment}, {settings.backend}, {place}"))
    try:
        if deps.machine is not None:
            _machine(deps.machine, status)
        _outbox(deps, status)
        _tenants(deps, status)
    except StoreError as error:
        status.attention.append(f"the store does not answer: {error.detail}")
    return status


def _machine(machine: Machine, status: Status) -> None:
    status.lines.append(("process", "a hub is running" if machine.is_served else "no hub is running"))
    if not machine.is_served:
        status.attention.append("no hub is running on this data")
    disk, backlog = machine.disk(), machine.backlog()
    parts = ", ".join(f"{name} {_size(size)}" for name, size in sorted(disk.parts.items(), key=lambda part: -part[1]))
    status.lines.append(("disk", f"{_size(disk.used)} used ({parts}); {_size(disk.free)} free"))
    if disk.is_nearly_full:
        status.attention.append(f"less than {_size(disk.reserve)} free: files are not kept any more (DISK_RESERVE_MB)")
    waiting = ", ".join(f"{topic} {count}" for topic, count in backlog.waiting.items() if count)
    status.lines.append(("events", f"waiting: {waiting or 'none'}"))
    for topic, count in backlog.dead.items():
        if count:
            status.attention.append(f"{count} dead letters on {topic}: operate dead-letters {topic}")


def _outbox(deps: Deps, status: Status) -> None:
    query = UnitOfWork(deps.store).outbox.query().where(lambda item: item.open, "==", True)
    depth = query.count(_COUNTED)
    oldest = query.order_by(lambda item: item.created_at).first()
    if oldest is None:
        status.lines.append(("outbox", "nothing waits"))
        return
    age = max(0.0, (deps.now() - oldest.created_at).total_seconds())
    status.lines.append(("outbox", f"{_up_to(depth)} waiting, the oldest for {_duration(age)}"))
    if age > _OLD_SECONDS:
        status.attention.append(f"a message of tenant {oldest.tenant_id} has waited for {_duration(age)} to be sent")


def _tenants(deps: Deps, status: Status) -> None:
    page = UnitOfWork(deps.store).tenants.query().page(TENANTS)
    more = " (the first ones; there are more)" if page.cursor else ""
    status.lines.append(("tenants", f"{len(page.documents)}{more}"))
    for tenant in page.documents:
        _tenant(deps, tenant, status)


def _tenant(deps: Deps, tenant: Tenant, status: Status) -> None:
    query = UnitOfWork(deps.store).instances.query().where(lambda instance: instance.tenant_id, "==", tenant.id)
    instances = [i for i in query.page(TENANTS).documents if i.status is not InstanceStatus.DELETED]
    counted = {each: sum(i.status is each for i in instances) for each in InstanceStatus}
    statuses = ", ".join(f"{count} {each.value.replace('_', ' ')}" for each, count in counted.items() if count)
    status.lines.append((f"  {tenant.id}", f"{tenant.name}: channels: {statuses or 'none'}"))
    for instance in instances:
        if instance.status is InstanceStatus.ERROR:
            status.attention.append(f"channel {instance.name} of tenant {tenant.id} is in error")
    dead = UnitOfWork(deps.store).outbox.query().where(lambda item: item.tenant_id, "==", tenant.id)
    count = dead.where(lambda item: item.status, "==", OutboxStatus.DEAD).count(_COUNTED)
    if count:
        status.attention.append(
            f"{_up_to(count)} dead messages of tenant {tenant.id}: operate outbox --tenant {tenant.id}"
        )


def _up_to(count: int) -> str:
    return f"{count} or more" if count >= _COUNTED else str(count)


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
