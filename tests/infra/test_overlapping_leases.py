"""Two processes that take one session at the same moment: one gets it, the other writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.channelkit import auth
from shared.channels.telegram_user.gateway import PROVIDER
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import Collision
from shared.usecases.instances import session_leases
from shared.usecases.instances.session_leases import Lease
from tests.documents import an_instance
from tests.overlaps import overlaps

PLACE = {"0": {"pts": 9}}


@pytest.fixture
def instance(deps: Deps) -> Instance:
    """Logged in."""
    instance = an_instance(PROVIDER)
    auth.move(deps, instance, None, auth.AuthState.CONNECTED, {"session": "the former"})
    return instance


@pytest.fixture
def another(deps: Deps) -> Deps:
    return replace(deps, owner="another process")


def log_in_anew(deps: Deps, instance: Instance) -> None:
    auth.stop(deps, instance)
    _, version = auth.read(deps, instance)
    auth.move(deps, instance, version, auth.AuthState.CONNECTED, {"session": "another"})


def test_of_two_processes_that_find_a_free_session_one_takes_it(deps: Deps, another: Deps, instance: Instance) -> None:
    other_leases: list[Lease] = []
    overlaps(deps).store.before_commit(
        "channel_auth", lambda: other_leases.extend(session_leases.take(another, PROVIDER, 1))
    )
    assert session_leases.take(deps, PROVIDER, 1) == []
    assert [lease.instance_id for lease in other_leases] == [instance.id]
    document, _ = auth.read(deps, instance)
    assert document.lease_owner == "another process"


def test_one_who_loses_a_session_to_another_takes_the_next(deps: Deps, another: Deps, instance: Instance) -> None:
    auth.move(deps, an_instance(PROVIDER, id="i2"), None, auth.AuthState.CONNECTED, {"session": "of i2"})
    overlaps(deps).store.before_commit("channel_auth", lambda: session_leases.take(another, PROVIDER, 1))
    assert len(session_leases.take(deps, PROVIDER, 1)) == 1
    owners = {auth.read(deps, an_instance(PROVIDER, id=id_))[0].lease_owner for id_ in (instance.id, "i2")}
    assert owners == {deps.owner, "another process"}


def renew(deps: Deps, lease: Lease) -> None:
    renewed = session_leases.renew(deps, [lease], {lease.instance_id: PLACE})
    assert [each.until for each in renewed.values()] in ([], [lease.until]), "it is not said to be good for longer"


def release(deps: Deps, lease: Lease) -> None:
    session_leases.release(deps, lease, timedelta(minutes=5), PLACE)


def end(deps: Deps, lease: Lease) -> None:
    session_leases.end(deps, lease, "it is gone")


@pytest.mark.parametrize("decided", [renew, release, end])
def test_what_was_decided_on_a_lease_does_not_touch_the_login_that_came_meanwhile(
    deps: Deps, another: Deps, instance: Instance, decided: Callable[[Deps, Lease], None]
) -> None:
    (lease,) = session_leases.take(deps, PROVIDER, 1)
    overlaps(deps).store.before_commit("channel_auth", lambda: log_in_anew(deps, instance))
    decided(deps, lease)
    assert overlaps(deps).all_happened
    (present,) = session_leases.take(another, PROVIDER, 1)
    assert (present.position, another.secrets.read(present.secret)) == (None, {"session": "another"})


@pytest.mark.parametrize("decided", [renew, release])
def test_what_was_decided_on_a_lease_does_not_bring_back_a_login_that_was_ended_meanwhile(
    deps: Deps, another: Deps, instance: Instance, decided: Callable[[Deps, Lease], None]
) -> None:
    (lease,) = session_leases.take(deps, PROVIDER, 1)
    overlaps(deps).store.before_commit("channel_auth", lambda: auth.stop(deps, instance))
    decided(deps, lease)
    document, _ = auth.read(deps, instance)
    assert (document.state, document.lease_owner, document.position) == (auth.AuthState.LOGGED_OUT, None, None)
    assert session_leases.take(another, PROVIDER, 1) == []


def test_a_renewal_that_somebody_came_before_keeps_the_old_end_and_goes_through_the_next_time(
    deps: Deps, instance: Instance
) -> None:
    (lease,) = session_leases.take(deps, PROVIDER, 1)
    overlaps(deps).clock.advance(seconds=20)
    overlaps(deps).store.before_commit("channel_auth", lambda: session_leases.renew(deps, [lease], {}))
    assert session_leases.renew(deps, [lease], {}) == {instance.id: lease}
    assert session_leases.renew(deps, [lease], {})[instance.id].until > lease.until


def test_a_logout_gets_past_a_renewal(deps: Deps, instance: Instance) -> None:
    (lease,) = session_leases.take(deps, PROVIDER, 1)
    overlaps(deps).store.before_commit("channel_auth", lambda: session_leases.renew(deps, [lease], {}))
    auth.stop(deps, instance)
    assert session_leases.renew(deps, [lease], {}) == {}


def test_of_two_logins_at_once_one_counts(deps: Deps, instance: Instance) -> None:
    auth.stop(deps, instance)
    _, version = auth.read(deps, instance)
    others: list[str | None] = []

    def faster() -> None:
        others.append(auth.move(deps, instance, version, auth.AuthState.CODE_SENT, {"session": "theirs"}).secret)

    overlaps(deps).store.before_commit("channel_auth", faster)
    with pytest.raises(Collision):
        auth.move(deps, instance, version, auth.AuthState.CODE_SENT, {"session": "ours"})
    document, _ = auth.read(deps, instance)
    assert [document.secret] == others
    assert auth.secret_of(deps, document) == {"session": "theirs"}
