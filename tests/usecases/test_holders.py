"""As many holders as the accounts need, by a real client at a Cloud Run in memory; and accounts that none has taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import grpc
import pytest

from functions.tick.main import tick
from shared.adapters.embedded.holders import OneHolder
from shared.adapters.google.holders import WorkerPoolHolders
from shared.channelkit.auth import NEVER, AuthState, ChannelAuth
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.ports.store import Create, Merge, Ref
from shared.usecases.instances import holders, session_leases
from tests.adapters.cloud_run import POOL, CloudRun, serving
from tests.documents import an_instance

ADAPTER = "whatsapp_web"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"whatsapp_accounts": 20})


@pytest.fixture
def cloud_run() -> Iterator[CloudRun]:
    with serving() as cloud_run:
        yield cloud_run


@pytest.fixture
def scaled(deps: Deps, cloud_run: CloudRun) -> Iterator[Deps]:
    """A hub whose holders are a worker pool."""
    pool = WorkerPoolHolders(POOL, most=11, endpoint=cloud_run.address)
    yield replace(deps, holders=pool)
    pool.close()


def _keep(deps: Deps, count: int, held_until: datetime | None = None, begun_at: datetime | None = None) -> None:
    """Accounts that are to be held, and are held until then."""
    logins = [
        ChannelAuth(
            instance_id=f"i{number}",
            tenant_id="t1",
            adapter=ADAPTER,
            state=AuthState.CONNECTED,
            secret=f"s{number}",
            lease_owner="a-holder" if held_until else None,
            lease_expires_at=held_until or NEVER,
            updated_at=begun_at or deps.now(),
        )
        for number in range(count)
    ]
    for start in range(0, count, 100):
        part = logins[start : start + 100]
        deps.store.commit([Create(Ref("channel_auth", login.instance_id), login.model_dump()) for login in part])


def _long_ago(deps: Deps) -> datetime:
    return deps.now() - timedelta(minutes=4)


def _account(deps: Deps) -> Instance:
    """The channel of the account `i0`."""
    instance = an_instance(ADAPTER, id="i0").model_copy(update={"status": InstanceStatus.CONNECTED})
    deps.store.commit([Create(Ref("instances", instance.id), instance.model_dump())])
    return instance


def _alerts(deps: Deps) -> list[str]:
    return [str(document.data["message"]) for document in deps.store.find("notifications").documents]


@pytest.mark.parametrize(("accounts", "instances"), [(0, 1), (20, 1), (21, 2), (200, 10), (201, 11), (250, 11)])
def test_there_is_a_place_for_every_account_as_far_as_there_may_be_holders(
    scaled: Deps, cloud_run: CloudRun, accounts: int, instances: int
) -> None:
    _keep(scaled, accounts)
    tick(scaled)
    assert cloud_run.pools[POOL] == instances


@pytest.mark.parametrize(
    ("accounts", "instances", "remaining"), [(0, 3, 2), (0, 1, 1), (36, 3, 2), (37, 3, 3), (40, 3, 3)]
)
def test_holders_end_one_by_one_while_the_others_have_room_to_spare(
    scaled: Deps, cloud_run: CloudRun, accounts: int, instances: int, remaining: int
) -> None:
    cloud_run.pools[POOL] = instances
    _keep(scaled, accounts, held_until=scaled.now() + session_leases.LEASE)
    holders.provide(scaled)
    assert cloud_run.pools[POOL] == remaining


def test_no_holder_ends_while_an_account_is_handed_over(scaled: Deps, cloud_run: CloudRun) -> None:
    cloud_run.pools[POOL] = 3
    _keep(scaled, 5, held_until=scaled.now() + session_leases.LEASE)
    scaled.store.commit([Merge(Ref("channel_auth", "i3"), {"lease_owner": None, "lease_expires_at": scaled.now()})])
    holders.provide(scaled)
    assert cloud_run.pools[POOL] == 3


def test_a_pool_that_is_right_is_only_looked_at(scaled: Deps, cloud_run: CloudRun) -> None:
    _keep(scaled, 3, held_until=scaled.now() + session_leases.LEASE)
    holders.provide(scaled)
    assert cloud_run.calls == ["GetWorkerPool"]


def test_a_tenant_is_alerted_once_when_no_holder_takes_their_account(
    scaled: Deps, caplog: pytest.LogCaptureFixture
) -> None:
    instance = _account(scaled)
    _keep(scaled, 1, begun_at=_long_ago(scaled))
    assert [holders.provide(scaled), holders.provide(scaled)] == [1, 1]
    (alert,) = _alerts(scaled)
    assert "no process holds the account's connection" in alert
    lines = [record for record in caplog.records if record.getMessage() == "an account has no holder"]
    assert [vars(line)["instance_id"] for line in lines] == [instance.id, instance.id]


@pytest.mark.parametrize("is_held", [True, False], ids=["held", "just_begun"])
def test_nobody_is_alerted_of_an_account_that_is_held_or_has_just_begun(scaled: Deps, is_held: bool) -> None:
    _account(scaled)
    if is_held:
        _keep(scaled, 1, held_until=scaled.now() + session_leases.LEASE, begun_at=_long_ago(scaled))
    else:
        _keep(scaled, 1)
    assert holders.provide(scaled) == 0
    assert _alerts(scaled) == []


def test_a_tenant_is_alerted_though_the_holders_cannot_be_scaled(
    scaled: Deps, cloud_run: CloudRun, caplog: pytest.LogCaptureFixture
) -> None:
    cloud_run.refusal = grpc.StatusCode.PERMISSION_DENIED
    _account(scaled)
    _keep(scaled, 21, begun_at=_long_ago(scaled))
    assert holders.provide(scaled) == 21
    assert len(_alerts(scaled)) == 1
    assert "the holders could not be scaled" in caplog.messages


def test_an_embedded_hub_is_its_only_holder(deps: Deps) -> None:
    assert isinstance(deps.holders, OneHolder)
    _keep(deps, 300)
    holders.provide(deps)
    assert (deps.holders.count(), deps.holders.most) == (1, 1)
