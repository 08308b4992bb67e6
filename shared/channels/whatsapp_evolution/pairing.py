"""Bringing an account online: a code to scan, a restart, or an instance made anew.

An instance that was logged out and is connected again hears nothing any more
until the server restarts
(https://github.com/evolution-foundation/evolution-api/issues/2186), so it is
deleted and made again under its name instead.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from pydantic import SecretStr

from shared.channel.lifecycle import Claim, Connection
from shared.channelkit.signatures import same_secret
from shared.channelkit.whatsapp.wire import Fields, fields, integer, objects, text
from shared.channels.whatsapp_evolution import accounts, api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.connection_events import LOGGED_OUT, STATES, png_of
from shared.channels.whatsapp_evolution.registration import (
    Hook,
    claimed_state,
    connection_in,
    create,
    done,
    hook_of,
    is_missing,
    new,
    ok,
    profile,
    register,
    state,
    token_of,
    unclaimed,
    unreachable,
    with_webhook,
)
from shared.channels.whatsapp_evolution.removal import delete
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable

log = logging.getLogger(__name__)

_SETTINGS = (
    "rejectCall",
    "msgCall",
    "groupsIgnore",
    "alwaysOnline",
    "readMessages",
    "readStatus",
    "syncFullHistory",
    "wavoipToken",
)
# Evolution itself waits 2 s for a code before it answers that there is none yet.
_TIMES_ASKED = 3
# It deletes an instance's rows after it has answered.
_LOOKS = 12
_PAUSE = 0.25


def pair(deps: Deps, instance: Instance, config: EvolutionConfig, claim: Claim = unclaimed) -> Connection:
    """Get a code to scan; an account that is online is left alone.

    Without a code the status is `CONNECTING`: Evolution had none ready, its
    webhook brings it. Raises a `ProviderError`.
    """
    link_state = claimed_state(deps, instance, config, claim)
    if link_state == "open" and instance.link_lost_at is not None:
        return _restart(deps, instance, config)
    return _bring_up(deps, instance, config, link_state)


def restart(deps: Deps, instance: Instance, config: EvolutionConfig, claim: Claim = unclaimed) -> Connection:
    """Open the socket to WhatsApp anew; where there is none to restart, begin a pairing."""
    if accounts.has_none(deps, instance, config):
        return _create(deps, instance, config)
    if claim is not unclaimed and instance.account != accounts.account_of(instance, config):
        claimed_state(deps, instance, config, claim)
    return _restart(deps, instance, config)


def _restart(deps: Deps, instance: Instance, config: EvolutionConfig) -> Connection:
    answer = api.call(deps, instance, config, "POST", "instance/restart")
    if answer.status == 404 and not is_missing(answer):
        # 1.x has it under another method.
        answer = api.call(deps, instance, config, "PUT", "instance/restart")
    body = fields(answer.json())
    # A closed instance is answered with 200 and an error.
    if is_missing(answer) or body.get("error") is True:
        return _bring_up(deps, instance, config, state(deps, instance, config))
    restarted = _connection_of(deps, instance, config, done(answer))
    return with_webhook(deps, instance, config, restarted)


def _bring_up(deps: Deps, instance: Instance, config: EvolutionConfig, link_state: str | None) -> Connection:
    if link_state is None:
        return _create(deps, instance, config)
    if link_state == "open":
        return with_webhook(deps, instance, config, connection_in(deps, instance, config, link_state))
    if link_state != "connecting":
        account = profile(deps, instance, config)
        if _logged_out(instance, account):
            return _create_again(deps, instance, config, account)
    return _request_code(deps, instance, config, hook_of(deps, instance, config))


def _logged_out(instance: Instance, account: Fields) -> bool:
    noted = str(instance.status_detail or "").startswith(LOGGED_OUT)
    return noted or integer(account.get("disconnectionReasonCode")) is not None


def _create(deps: Deps, instance: Instance, config: EvolutionConfig, settings: Fields | None = None) -> Connection:
    hook = hook_of(deps, instance, config)
    if hook is None:
        raise unreachable(instance, config)
    to_create = accounts.to_create(deps, instance, config)
    created = create(deps, instance, to_create, hook, code=True)
    if created is None:
        # Somebody else was faster, and has it.
        raise ProviderUnavailable(api.PROVIDER, "the instance was just created: try again", 5.0)
    connection = new(created, hook, instance, to_create)
    created_config = to_create.model_copy(update={"instance_token": SecretStr(token_of(created) or "")})
    if settings:
        _set_settings(deps, instance, created_config, settings)
    if connection.status is InstanceStatus.WAITING_FOR_SCAN:
        return connection
    pairing = _request_code(deps, instance, created_config, None)
    return replace(
        connection,
        status=pairing.status,
        qr_text=pairing.qr_text,
        qr_png_base64=pairing.qr_png_base64,
        pairing_code=pairing.pairing_code,
    )


def _create_again(deps: Deps, instance: Instance, config: EvolutionConfig, account: Fields) -> Connection:
    if hook_of(deps, instance, config) is None:
        raise ProviderRejected(api.PROVIDER, "the account was logged out; set PUBLIC_URL to make its instance anew")
    key = config.evolution_key.get_secret_value() if config.evolution_key else ""
    if same_secret(text(account.get("token")), key):
        # Whoever deletes with the instance's own key cannot create it again.
        raise ProviderRejected(
            api.PROVIDER, "the account was logged out: set evolution_key to the server's global key to pair it again"
        )
    settings = _settings(deps, instance, config)
    delete(deps, instance, config)
    if not accounts.is_guest(deps, instance, config):
        # A guest's next account has another name.
        _wait_until_gone(deps, instance, config)
    return _create(deps, instance, config, settings)


def _settings(deps: Deps, instance: Instance, config: EvolutionConfig) -> Fields:
    """How the account behaves (`groupsIgnore`, `rejectCall`, …); none where the server's version does not tell."""
    answer = api.call(deps, instance, config, "GET", "settings/find", timeout=10.0)
    if answer.status in (400, 404):
        return {}
    settings = fields(ok(answer).json())
    return {name: settings[name] for name in _SETTINGS if name in settings and settings[name] is not None}


def _set_settings(deps: Deps, instance: Instance, config: EvolutionConfig, settings: Fields) -> None:
    """Make a new account behave as the one before; what fails is logged, for the account itself is there."""
    try:
        ok(api.call(deps, instance, config, "POST", "settings/set", json=settings, timeout=10.0))
    except ProviderError as error:
        extra = {"instance_id": instance.id, "why": error.detail, "settings": dict(settings)}
        log.warning("the settings of a new account could not be set", extra=extra)


def _wait_until_gone(deps: Deps, instance: Instance, config: EvolutionConfig) -> None:
    params = {"instanceName": accounts.name_of(instance, config)}
    for _ in range(_LOOKS):
        answer = api.call(
            deps, instance, config, "GET", "instance/fetchInstances", params=params, per_instance=False, timeout=10.0
        )
        if answer.status == 404 or (answer.ok and not objects(answer.json())):
            return
        time.sleep(_PAUSE)
    raise ProviderUnavailable(api.PROVIDER, "the logged-out instance is still being deleted; try again", 5.0)


def _request_code(deps: Deps, instance: Instance, config: EvolutionConfig, hook: Hook | None) -> Connection:
    """Ask for a code, after registering `hook`, which Evolution may call while it answers."""
    if hook is not None:
        register(deps, instance, config, hook)
    for _ in range(_TIMES_ASKED):
        connection = _connection_of(
            deps, instance, config, done(api.call(deps, instance, config, "GET", "instance/connect")), hook
        )
        if connection.status is not InstanceStatus.CONNECTING:
            break
    return connection


def _connection_of(
    deps: Deps, instance: Instance, config: EvolutionConfig, body: Fields, hook: Hook | None = None
) -> Connection:
    """What `connect` and `restart` answer: a code, `{"count": 0}` when there is none yet, or the state."""
    link_state = text((fields(body.get("instance")) or body).get("state"))
    if STATES.get(link_state or "") is InstanceStatus.CONNECTED:
        return connection_in(deps, instance, config, link_state or "", hook)
    qr = fields(body.get("qrcode")) or body
    code, png = text(qr.get("code")), png_of(qr.get("base64"))
    return Connection(
        status=InstanceStatus.WAITING_FOR_SCAN if code or png else InstanceStatus.CONNECTING,
        webhook_url=hook.url if hook else None,
        account=accounts.account_of(instance, config),
        qr_text=code,
        qr_png_base64=png,
        pairing_code=text(qr.get("pairingCode")),
        secrets=hook.secrets if hook else {},
    )
