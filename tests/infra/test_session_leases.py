"""Leases of sessions on both stores: one holder, who alone renews it; free when released or expired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from pydantic import SecretStr

from infra.local import secret_manager
from shared.bootstrap import bootstrap, close
from shared.channelkit import auth
from shared.channels.telegram_user.gateway import PROVIDER
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.usecases.instances import session_leases
from tests.adapters.backends import emulators, google
from tests.documents import an_instance
from tests.index_check import recorded


@pytest.fixture(params=["embedded", "google"])
def deps(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deps]:
    if cast("str", request.param) == "embedded":
        with recorded(Settings(data_dir=tmp_path)) as opened:
            yield opened
        return
    missing = emulators.missing()
    if missing and emulators.environment("REQUIRE_EMULATORS") == "1":
        pytest.fail(f"REQUIRE_EMULATORS=1, but {missing}")
    if missing:
        pytest.skip(missing)
    with secret_manager.serving() as server:
        opened = bootstrap(
            Settings(
                backend="google",
                google_cloud_project=google.project(),
                firestore_emulator_host=emulators.firestore(),
                pubsub_emulator_host=emulators.pubsub(),
                secret_manager_emulator_host=server.address,
                jwt_secret=SecretStr("x" * 32),
            )
        )
        yield opened
        close(opened)


def _logged_in(deps: Deps, id_: str) -> Instance:
    instance = an_instance(PROVIDER, id=id_)
    auth.move(deps, instance, None, auth.AuthState.CONNECTED, {"session": f"session of {id_}"})
    return instance


def _ids(leases: list[session_leases.Lease]) -> set[str]:
    return {lease.instance_id for lease in leases}


def test_a_session_has_one_holder_until_it_is_released_or_expires(deps: Deps) -> None:
    for id_ in ("i1", "i2", "i3"):
        _logged_in(deps, id_)
    one, two = replace(deps, owner="one"), replace(deps, owner="two")
    first = session_leases.take(one, PROVIDER, 2)
    second = session_leases.take(two, PROVIDER, 5)
    assert (len(first), len(second)) == (2, 1)
    assert _ids(first) | _ids(second) == {"i1", "i2", "i3"}
    session_leases.release(two, first[0])
    assert session_leases.take(two, PROVIDER, 5) == []
    session_leases.release(one, first[0], position={"0": {"pts": 3}})
    (retaken,) = session_leases.take(two, PROVIDER, 5)
    assert (retaken.instance_id, retaken.position) == (first[0].instance_id, {"0": {"pts": 3}})
    later = replace(two, now=lambda: deps.now() + session_leases.LEASE + timedelta(seconds=1))
    assert first[1].instance_id in _ids(session_leases.take(later, PROVIDER, 5))
    assert session_leases.renew(one, first, {}) == {}


def test_all_sessions_of_a_dead_process_can_be_freed_at_once(deps: Deps) -> None:
    for id_ in ("i1", "i2"):
        _logged_in(deps, id_)
    dead, present = replace(deps, owner="dead"), replace(deps, owner="present")
    session_leases.take(dead, PROVIDER, 5)
    assert session_leases.take(present, PROVIDER, 5) == []
    session_leases.release_all(present)
    assert _ids(session_leases.take(present, PROVIDER, 5)) == {"i1", "i2"}


def test_renewing_moves_the_end_and_notes_the_place(deps: Deps) -> None:
    _logged_in(deps, "i1")
    (lease,) = session_leases.take(deps, PROVIDER, 1)
    later = replace(deps, now=lambda: deps.now() + timedelta(seconds=30))
    renewed = session_leases.renew(later, [lease], {"i1": {"0": {"pts": 9}}})
    assert renewed["i1"].until > lease.until
    session_leases.release(deps, renewed["i1"])
    (again,) = session_leases.take(deps, PROVIDER, 1)
    assert again.position == {"0": {"pts": 9}}


def test_of_several_leases_all_but_the_lost_one_are_renewed(deps: Deps) -> None:
    for id_ in ("i1", "i2", "i3"):
        _logged_in(deps, id_)
    leases = session_leases.take(deps, PROVIDER, 3)
    for lost in leases:
        auth.stop(deps, an_instance(PROVIDER, id=lost.instance_id))
        leases = [lease for lease in leases if lease is not lost]
        assert set(session_leases.renew(deps, [lost, *leases], {})) == _ids(leases)


def test_a_new_login_is_not_the_old_ones_lease(deps: Deps) -> None:
    instance = _logged_in(deps, "i1")
    (lease,) = session_leases.take(deps, PROVIDER, 1)
    auth.stop(deps, instance)
    assert session_leases.renew(deps, [lease], {}) == {}
    _, version = auth.read(deps, instance)
    auth.move(deps, instance, version, auth.AuthState.CONNECTED, {"session": "another"})
    assert session_leases.renew(deps, [lease], {}) == {}
    assert deps.secrets.read(lease.secret) == {}
    (anew,) = session_leases.take(deps, PROVIDER, 1)
    assert deps.secrets.read(anew.secret) == {"session": "another"}


def test_a_session_that_is_let_go_for_a_while_is_nobodys_meanwhile(deps: Deps) -> None:
    _logged_in(deps, "i1")
    (lease,) = session_leases.take(deps, PROVIDER, 1)
    session_leases.release(deps, lease, timedelta(minutes=5))
    now = deps.now()
    for minutes, free in ((0, False), (4, False), (6, True)):
        later = replace(deps, now=lambda minutes=minutes: now + timedelta(minutes=minutes))  # type: ignore[misc]  # bound
        assert bool(session_leases.take(later, PROVIDER, 1)) is free


def _logs_in_anew(deps: Deps, instance: Instance) -> None:
    auth.stop(deps, instance)
    _, version = auth.read(deps, instance)
    auth.move(deps, instance, version, auth.AuthState.CONNECTED, {"session": "another"})


def test_a_lease_of_a_former_login_has_no_say_in_the_one_that_its_own_process_has_taken_since(deps: Deps) -> None:
    instance = _logged_in(deps, "i1")
    (former,) = session_leases.take(deps, PROVIDER, 1)
    _logs_in_anew(deps, instance)
    (present,) = session_leases.take(deps, PROVIDER, 1)
    assert session_leases.renew(deps, [former], {"i1": {"0": {"pts": 9}}}) == {}
    session_leases.release(deps, former, position={"0": {"pts": 9}})
    session_leases.end(deps, former, "the former session is gone")
    assert not session_leases.is_ours(deps, former)
    assert session_leases.is_ours(deps, present)
    document, _ = auth.read(deps, instance)
    assert (document.state, document.lease_owner, document.position) == (auth.AuthState.CONNECTED, deps.owner, None)
    assert document.lease_expires_at == present.until
    assert deps.secrets.read(present.secret) == {"session": "another"}
    assert list(session_leases.renew(deps, [present], {})) == ["i1"]


def test_a_lease_that_another_process_has_taken_is_renewed_released_and_ended_by_it_alone(deps: Deps) -> None:
    instance = _logged_in(deps, "i1")
    (lost,) = session_leases.take(deps, PROVIDER, 1)
    later = deps.now() + session_leases.LEASE + timedelta(seconds=1)
    another = replace(deps, owner="another", now=lambda: later)
    (new_lease,) = session_leases.take(another, PROVIDER, 1)
    assert session_leases.renew(deps, [lost], {}) == {}
    session_leases.release(deps, lost)
    session_leases.end(deps, lost, "it is gone")
    document, _ = auth.read(deps, instance)
    assert (document.state, document.lease_owner) == (auth.AuthState.CONNECTED, "another")
    assert list(session_leases.renew(another, [new_lease], {})) == ["i1"]
