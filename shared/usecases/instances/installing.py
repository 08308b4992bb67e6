"""Connecting an account in a browser: the addresses to go to, and what comes back from there.

Whoever opens the address need not have an account of ours (a workspace's admin
agrees to the app), so what they bring back carries all the proof there is: a
token that names one instance, for an hour, and only once.
"""

from __future__ import annotations

from pydantic import BaseModel

from shared import channels
from shared.channel.oauth import Links, OAuthModule, Redirect, SupportsInstall
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.domain.instances import InstallState, Instance
from shared.errors import AlreadyExists, BadRequest, Collision, NotFound, Unauthorized
from shared.security.tokens import InstallClaims, sign, span, verify
from shared.usecases.accounts.credentials import access_key
from shared.usecases.instances import instance_config, instance_connection, instance_lookup

VALID_SECONDS = 3600
"""How long an address may lie in somebody's mailbox."""


def links(deps: Deps, caller: Principal, instance: Instance) -> Links | None:
    """Where to go to connect an account to the instance; None when that is not how its channel is connected."""
    module = channels.ability(instance.adapter, OAuthModule[BaseModel])
    if module is None:
        return None
    try:
        config = instance_config.load_config(deps, instance)
    except BadRequest as error:
        return Links(message=error.detail)
    return module.links(deps.settings, config, _return(deps, caller, instance))


def _return(deps: Deps, caller: Principal, instance: Instance) -> Redirect | None:
    url = _url(deps, instance.adapter)
    if url is None:
        return None
    issued, expires = span(deps.now(), VALID_SECONDS)
    claims = InstallClaims(
        user_id=caller.user_id or "key",
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        type="install",
        iat=issued,
        exp=expires,
    )
    return Redirect(url=url, state=sign(claims, access_key(deps)))


def _url(deps: Deps, adapter: str) -> str | None:
    return f"{deps.settings.own_address}/oauth/{adapter}/callback" if deps.settings.own_address else None


def finish(deps: Deps, adapter: str, state: str, code: str) -> Instance:
    """Exchange the code that came back, and keep the account and its credentials.

    Raises `NotFound` for a channel that is not connected so, `Unauthorized` for
    a state that is not ours or has expired, `Collision` for one that was used
    and for an account that another instance has, or a `ProviderError`.
    """
    module, url = channels.ability(adapter, SupportsInstall[BaseModel]), _url(deps, adapter)
    if module is None or url is None:
        raise NotFound("there is no such channel to install")
    claims = verify(state, access_key(deps), InstallClaims, deps.now())
    instance = _instance(deps, claims, adapter)
    _use_up(deps, claims)
    connection = module.install(deps, instance, instance_config.load_config(deps, instance), code, url)
    connected = instance_connection.record(deps, instance, connection)
    instance_connection.tell(deps, instance, connected)
    return connected


def _instance(deps: Deps, claims: InstallClaims, adapter: str) -> Instance:
    try:
        instance = instance_lookup.by_id(deps, claims.tenant_id, claims.instance_id)
    except NotFound:
        raise Unauthorized("the instance that this link was for is gone") from None
    if instance.adapter != adapter:
        raise Unauthorized("the instance that this link was for is of another type now")
    return instance


def _use_up(deps: Deps, claims: InstallClaims) -> None:
    """Of two that bring the same state, only one makes its document."""
    unit = UnitOfWork(deps.store)
    expires_at = deps.now().fromtimestamp(claims.exp, deps.now().tzinfo)
    unit.install_states.add(InstallState(expires_at=expires_at), claims.jti)
    try:
        unit.commit()
    except AlreadyExists:
        raise Collision("this link was used already: ask for a new one") from None
