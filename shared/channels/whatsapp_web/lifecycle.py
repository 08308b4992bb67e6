"""Pairing an account, how it stands, and ending it; its holder does what takes a connection."""

from __future__ import annotations

import base64
import secrets
import time

from shared.channel.connection import RESTART
from shared.channel.lifecycle import Connection
from shared.channelkit import auth
from shared.channelkit.auth import AuthState, ChannelAuth
from shared.channelkit.held_lines import have_holders_look, tell_holders
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.gateway import PROVIDER
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderUnavailable
from shared.security.sealed import KEY_BYTES

_NOT_PAIRED = "not paired: connect the channel and scan its code with the phone"
_LEAVING = "the account is still being unlinked: see that a holder runs, and try again"
# A holder needs about a second for it.
_LOOKS = 32
_PAUSE = 0.25


def connect(deps: Deps, instance: Instance, config: WhatsAppWebConfig) -> Connection:
    """Begin a pairing, whose code comes as an update; an account that is paired is left alone."""
    login, version = auth.read(deps, instance)
    if login.state is AuthState.LOGGING_OUT:
        raise ProviderUnavailable(PROVIDER, _LEAVING, 5.0)
    if login.state not in auth.HELD:
        content = {
            "session": secrets.token_hex(16),
            "key": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        } | ({"phone": config.phone_number} if config.phone_number else {})
        auth.move(deps, instance, version, AuthState.PAIRING, content)
        have_holders_look(deps, instance.tenant_id, instance.id)
    return status(deps, instance, config)


def pair(deps: Deps, instance: Instance, config: WhatsAppWebConfig) -> Connection:
    """As `connect`."""
    return connect(deps, instance, config)


def restart(deps: Deps, instance: Instance, config: WhatsAppWebConfig) -> Connection:
    """Have the holder close the connection and open it again; an account that is not paired begins a pairing."""
    login, _ = auth.read(deps, instance)
    if login.state is not AuthState.CONNECTED:
        return connect(deps, instance, config)
    tell_holders(deps, instance.tenant_id, instance.id, RESTART)
    return status(deps, instance, config)


def status(deps: Deps, instance: Instance, config: WhatsAppWebConfig) -> Connection:
    """From the session's document: only its holder speaks with WhatsApp."""
    login, _ = auth.read(deps, instance)
    if login.state is AuthState.CONNECTED and auth.is_unheld(deps, login):
        return Connection(status=InstanceStatus.ERROR, detail=auth.NO_HOLDER)
    if login.state is AuthState.CONNECTED:
        return Connection(status=InstanceStatus.CONNECTED)
    if login.state is AuthState.PAIRING:
        return Connection(status=InstanceStatus.CONNECTING)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=_NOT_PAIRED)


def logout(deps: Deps, instance: Instance, config: WhatsAppWebConfig) -> Connection:
    """Have the holder unlink the account, and wait a while for it; what is not unlinked by then still will be.

    While nobody holds it, the next holder does that first of all.
    """
    _unlink(deps, instance)
    return Connection(status=InstanceStatus.DISCONNECTED)


def remove(deps: Deps, instance: Instance, config: WhatsAppWebConfig) -> Connection:
    """As `logout`; raises `ProviderUnavailable` while no holder has unlinked the account."""
    if not _unlink(deps, instance):
        raise ProviderUnavailable(PROVIDER, _LEAVING, 30.0)
    auth.forget(deps, instance)
    return Connection(status=InstanceStatus.DELETED)


def _unlink(deps: Deps, instance: Instance) -> bool:
    """Whether nothing is left of the session."""
    has_session = auth.end_at_provider(deps, instance)
    have_holders_look(deps, instance.tenant_id, instance.id)
    if not has_session:
        return True
    for _ in range(_LOOKS):
        login, _ = auth.read(deps, instance)
        if login.state is not AuthState.LOGGING_OUT:
            return True
        if not _is_being_held(deps, login):
            return False
        time.sleep(_PAUSE)
    return False


def _is_being_held(deps: Deps, login: ChannelAuth) -> bool:
    return login.lease_owner is not None and login.lease_expires_at > deps.now()
