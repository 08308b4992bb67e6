"""Which accounts are reached by a connection of their own, and where each one's login stands.

    channel_auth/{instance}    state, lease, how far updates were taken; the name of the secret
    secret                     the login that is under way, or the finished session; of a bot, its token

A secret is never changed: what is new gets a new name, and the document is
pointed there. So no process can take a former value, which it may still have in
its cache, for the present one.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import AlreadyExists, Collision, Conflict, SecretLost
from shared.ports.store import Create, Delete, Ref, Set

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_TRIES = 5


class AuthState(StrEnum):
    """`PAIRING` is a session whose code nobody has scanned yet; one that is `LOGGING_OUT` is still to be ended at its
    provider, over the connection that a process holds.
    """

    CODE_SENT = "code_sent"
    PASSWORD_NEEDED = "password_needed"  # noqa: S105 - a state's name
    PAIRING = "pairing"
    CONNECTED = "connected"
    LOGGING_OUT = "logging_out"
    LOGGED_OUT = "logged_out"


HELD = frozenset({AuthState.PAIRING, AuthState.CONNECTED, AuthState.LOGGING_OUT})
"""Sessions whose connection some process is to hold."""


UNHELD_AFTER = timedelta(minutes=3)
"""How long nobody has to have held a session before it counts as one that finds no holder; a hand-over takes less than
one, and a start with 200 accounts less than three.
"""

NO_HOLDER = (
    "no process holds the account's connection: either none runs, or all are full "
    "(WHATSAPP_ACCOUNTS and HOLDERS_MAX say when)"
)


class ChannelAuth(BaseModel):
    """What is known of a login, without anything secret.

    Whoever is named in `lease_owner` may use the session until `lease_expires_at`; `epoch` is higher with every holder.
    `position` is JSON, for the store would merge a map with its former self.
    """

    instance_id: str
    tenant_id: str
    adapter: str
    session_type: str = "user"
    state: AuthState = AuthState.LOGGED_OUT
    secret: str | None = None
    lease_owner: str | None = None
    lease_expires_at: datetime = NEVER
    epoch: int = 0
    position: str | None = None
    updated_at: datetime


def ref(instance_id: str) -> Ref:
    return Ref("channel_auth", instance_id)


def read(deps: Deps, instance: Instance) -> tuple[ChannelAuth, str | None]:
    """The login and its version; None as the version of one that was never begun."""
    document = deps.store.get([ref(instance.id)]).get(ref(instance.id))
    if document is None:
        fresh = ChannelAuth(
            instance_id=instance.id, tenant_id=instance.tenant_id, adapter=instance.adapter, updated_at=deps.now()
        )
        return fresh, None
    return ChannelAuth.model_validate(document.data), document.version


def move(
    deps: Deps, instance: Instance, version: str | None, state: AuthState, content: dict[str, str] | None
) -> ChannelAuth:
    """Take the login to another state, with a new secret or none; the former one is destroyed.

    Raises `Collision` when somebody else moved it meanwhile.
    """
    login, current = read(deps, instance)
    if current != version:
        raise Collision("another login of this channel is under way, try again")
    name = f"{instance.secret_name}-session-{secrets.token_hex(8)}" if content else None
    after = ChannelAuth(
        instance_id=instance.id,
        tenant_id=instance.tenant_id,
        adapter=instance.adapter,
        state=state,
        secret=name,
        updated_at=deps.now(),
    )
    if name and content:
        deps.secrets.write(name, content)
    try:
        _put(deps, after, version)
    except (Conflict, AlreadyExists):
        if name:
            deps.secrets.delete(name)
        raise Collision("another login of this channel is under way, try again") from None
    if login.secret:
        deps.secrets.delete(login.secret)
    return after


def enrol(deps: Deps, instance: Instance, content: dict[str, str]) -> None:
    """Have somebody hold the connection of an account that needs no login, with these credentials.

    Who holds it with the same ones already goes on; whoever holds it renews its
    lease now and then, hence the tries. Raises `Collision` when they are used up.
    """
    for tries_left in reversed(range(_TRIES)):
        login, version = read(deps, instance)
        if login.state is AuthState.CONNECTED and secret_of(deps, login) == content:
            return
        try:
            move(deps, instance, version, AuthState.CONNECTED, content)
        except Collision:
            if not tries_left:
                raise
        else:
            return


def stop(deps: Deps, instance: Instance) -> ChannelAuth | None:
    """Have nobody use the session any more, and keep the secret, with which it can be ended; None without a login.

    Returns the login as it was. Who holds the lease renews it now and then, hence the tries.
    """
    for tries_left in reversed(range(_TRIES)):
        login, version = read(deps, instance)
        if version is None:
            return None
        after = login.model_copy(update={"state": AuthState.LOGGED_OUT, "lease_owner": None, "updated_at": deps.now()})
        try:
            _put(deps, after, version)
        except Conflict:
            if not tries_left:
                raise
            continue
        return login
    return None


def end_at_provider(deps: Deps, instance: Instance) -> bool:
    """Have the process that holds the connection end the session at its provider; False where there is none to end.

    One that nobody has paired yet has nothing there, and is forgotten. Raises `Conflict` when it keeps changing.
    """
    for tries_left in reversed(range(_TRIES)):
        login, version = read(deps, instance)
        if login.state is AuthState.PAIRING or login.state not in HELD:
            forget(deps, instance)
            return False
        after = login.model_copy(update={"state": AuthState.LOGGING_OUT, "updated_at": deps.now()})
        try:
            _put(deps, after, version)
        except Conflict:
            if not tries_left:
                raise
            continue
        return True
    return False


def forget(deps: Deps, instance: Instance) -> None:
    """Destroy secret and document; those of an instance that has none are fine."""
    login, version = read(deps, instance)
    if login.secret:
        deps.secrets.delete(login.secret)
    if version is not None:
        deps.store.commit([Delete(ref(instance.id))])


def is_unheld(deps: Deps, login: ChannelAuth) -> bool:
    """Whether nobody has held the session for so long that somebody has to look into it."""
    return max(login.lease_expires_at, login.updated_at) <= deps.now() - UNHELD_AFTER


def secret_of(deps: Deps, login: ChannelAuth) -> dict[str, str]:
    """What the login left; nothing once it cannot be opened any more."""
    try:
        return deps.secrets.read(login.secret) if login.secret else {}
    except SecretLost:
        return {}


def _put(deps: Deps, after: ChannelAuth, version: str | None) -> None:
    where, data = ref(after.instance_id), after.model_dump()
    deps.store.commit([Set(where, data, version) if version is not None else Create(where, data)])
