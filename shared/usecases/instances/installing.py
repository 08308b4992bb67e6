"""Connecting an account in a browser: the links to go to, and what comes back from there.

Whoever opens a link need not have an account of ours (a workspace's admin agrees
to the app), so what they bring back carries all the proof there is: the random
`state` of a link that names one instance, for an hour, and only once. The browser
that begins an installation is the only one that can finish it: somebody who sees the
link, or makes another person open the way back, connects nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from shared import channels
from shared.channel.oauth import Links, OAuthModule, Redirect, SupportsInstall
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import InstallState, Instance
from shared.errors import BadRequest, Collision, NotFound, Unauthorized
from shared.security.tokens import fingerprint
from shared.usecases.instances import instance_config, instance_connection, instance_lookup

VALID = timedelta(hours=1)
"""How long a link may lie in somebody's mailbox."""

_GONE = "this link is not valid any more"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a link is for: the provider's address at which an account is connected to a tenant's instance."""

    instance: Instance
    tenant_name: str
    provider_url: str


def links(deps: Deps, instance: Instance) -> Links | None:
    """Where to go to connect an account to the instance; None when that is not how its channel is connected."""
    module = channels.ability(instance.adapter, OAuthModule[BaseModel])
    if module is None:
        return None
    try:
        config = instance_config.load_config(deps, instance)
    except BadRequest as error:
        return Links(message=error.detail)
    token = secrets.token_urlsafe(32)
    offered = module.links(deps.settings, config, _redirect(deps, instance.adapter, token))
    if offered.auth_url is None:
        return offered
    _add(deps, instance, token)
    return replace(offered, auth_url=f"{_address(deps, instance.adapter)}/start?link={quote(token)}")


def look_up(deps: Deps, adapter: str, token: str) -> Beginning:
    """What the link is for; raises `Unauthorized` if it is not ours or has expired, `Collision` if it was used."""
    return _beginning(deps, UnitOfWork(deps.store), adapter, token)[1]


def begin(deps: Deps, adapter: str, token: str, browser: str) -> str:
    """Bind the link to a browser by the secret that it keeps; returns the provider's address.

    Raises as `look_up` does, and `Unauthorized` for a link that another browser began with.
    """

    def attempt(unit: UnitOfWork) -> str:
        state, beginning = _beginning(deps, unit, adapter, token)
        if state.browser not in (None, fingerprint(browser)):
            raise Unauthorized("this link was opened in another browser")
        state.browser = fingerprint(browser)
        return beginning.provider_url

    return run_with_retry(deps, attempt)


def finish(deps: Deps, adapter: str, state: str, code: str, browser: str) -> Instance:
    """Exchange the code that came back, and keep the account and its credentials.

    Raises `NotFound` for a channel that is not connected so, `Unauthorized` for
    a state that is not ours, has expired, or was begun in another browser, `Collision` for one that was used
    and for an account that another instance has, or a `ProviderError`.
    """
    module = channels.ability(adapter, SupportsInstall[BaseModel])
    redirect = _redirect(deps, adapter, state)
    if module is None or redirect is None:
        raise NotFound("there is no such channel to install")
    instance = run_with_retry(deps, lambda unit: _use_up(deps, unit, adapter, state, browser))
    connection = module.install(deps, instance, instance_config.load_config(deps, instance), code, redirect.url)
    connected = instance_connection.record(deps, instance, connection)
    instance_connection.tell(deps, instance, connected)
    return connected


def _address(deps: Deps, adapter: str) -> str:
    return f"{deps.settings.own_address}/oauth/{adapter}"


def _redirect(deps: Deps, adapter: str, token: str) -> Redirect | None:
    """Where the provider sends the browser back to; None where the hub has no address of its own."""
    if deps.settings.own_address is None:
        return None
    return Redirect(url=f"{_address(deps, adapter)}/callback", state=token)


def _add(deps: Deps, instance: Instance, token: str) -> None:
    unit = UnitOfWork(deps.store)
    unit.install_states.add(
        InstallState(
            id=fingerprint(token),
            tenant_id=instance.tenant_id,
            instance_id=instance.id,
            expires_at=deps.now() + VALID,
        )
    )
    unit.commit()


def _beginning(deps: Deps, unit: UnitOfWork, adapter: str, token: str) -> tuple[InstallState, Beginning]:
    module = channels.ability(adapter, OAuthModule[BaseModel])
    if module is None:
        raise NotFound("there is no such channel to install")
    state = _valid(deps, unit, token)
    instance = _instance(deps, state, adapter)
    config: Any = instance_config.load_config(deps, instance)
    provider_url = module.links(deps.settings, config, _redirect(deps, adapter, token)).auth_url
    if provider_url is None:
        raise Unauthorized("the instance that this link was for is not connected so any more")
    tenant = unit.tenants.get(state.tenant_id)
    return state, Beginning(instance, tenant.name if tenant else state.tenant_id, provider_url)


def _valid(deps: Deps, unit: UnitOfWork, token: str) -> InstallState:
    state = unit.install_states.get(fingerprint(token))
    if state is None or state.expires_at <= deps.now():
        raise Unauthorized(_GONE)
    if state.used:
        raise Collision("this link was used already")
    return state


def _use_up(deps: Deps, unit: UnitOfWork, adapter: str, token: str, browser: str) -> Instance:
    """Of two that bring the same state at once, one finds it used."""
    state = _valid(deps, unit, token)
    if state.browser is None or state.browser != fingerprint(browser):
        raise Unauthorized("this installation was begun in another browser")
    instance = _instance(deps, state, adapter)
    state.used = True
    return instance


def _instance(deps: Deps, state: InstallState, adapter: str) -> Instance:
    try:
        instance = instance_lookup.by_id(deps, state.tenant_id, state.instance_id)
    except NotFound:
        raise Unauthorized("the instance that this link was for is gone") from None
    if instance.adapter != adapter:
        raise Unauthorized("the instance that this link was for is of another type now")
    return instance
