"""Which deleted channels leave something at their provider that has to be deleted, too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import InstanceStatus, NameReservation
from shared.usecases.instances import removals
from tests.documents import an_instance

KEPT, NOT_KEPT = an_instance("whatsapp_evolution"), an_instance("telegram_bot")
UNKEPT_STATUSES = [InstanceStatus.DELETED, InstanceStatus.NOT_CONFIGURED]


@pytest.mark.parametrize(
    ("instance", "is_left"),
    [(KEPT, True), *((KEPT.model_copy(update={"status": status}), False) for status in UNKEPT_STATUSES)],
    ids=["connected once", "deleted already", "never set up"],
)
def test_what_its_provider_has_is_left_there_with_its_name_until_it_is_deleted(
    deps: Deps, instance: object, is_left: bool
) -> None:
    assert isinstance(instance, type(KEPT))
    unit = UnitOfWork(deps.store)
    unit.instance_names.add(NameReservation(tenant_id="t1", instance_id=instance.id), instance.name)
    unit.commit()
    unit = UnitOfWork(deps.store)
    now = deps.now()
    removal = removals.add(deps, unit, instance)
    unit.commit()
    stored = UnitOfWork(deps.store)
    assert (stored.instance_names.get(instance.name) is not None) is is_left
    assert stored.removals.get(instance.id) == removal
    if is_left:
        assert removal is not None
        assert timedelta(0) <= removal.created_at - now < timedelta(seconds=30)
        due_at = removal.created_at + timedelta(minutes=1)
        assert abs(removal.due_at - due_at) < timedelta(seconds=1)
    else:
        assert removal is None
