"""How an account's connection stands, and ending it. It begins with a login, which takes two or three requests."""

from __future__ import annotations

import logging

from shared.channel.lifecycle import Connection
from shared.channelkit import auth
from shared.channelkit.auth import AuthState
from shared.channels.telegram_user.api import gateway, is_configured
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus

_log = logging.getLogger(__name__)

_NOT_LOGGED_IN = "not logged in: POST /api/telegram/user/start"
_NOT_CONFIGURED = "TELEGRAM_API_ID and TELEGRAM_API_HASH are not set"


def connect(deps: Deps, instance: Instance, config: TelegramUserConfig) -> Connection:
    """How it stands: only a login connects an account."""
    return status(deps, instance, config)


def status(deps: Deps, instance: Instance, config: TelegramUserConfig) -> Connection:
    """From the login's document: asking Telegram would open the session a second time."""
    login, _ = auth.read(deps, instance)
    if login.state is AuthState.CONNECTED:
        return Connection(status=InstanceStatus.CONNECTED)
    detail = _NOT_LOGGED_IN if is_configured(deps.settings) else _NOT_CONFIGURED
    return Connection(status=InstanceStatus.DISCONNECTED, detail=detail)


def logout(deps: Deps, instance: Instance, config: TelegramUserConfig) -> Connection:
    """End the session at Telegram and destroy it here.

    When Telegram cannot be asked, the session is used no more but kept, so that
    the next try can end it; raises then what the gateway raises.
    """
    login = auth.stop(deps, instance)
    if login is None or login.secret is None:
        return Connection(status=InstanceStatus.DISCONNECTED)
    session = auth.secret_of(deps, login).get("session")
    if session and login.state not in (AuthState.CODE_SENT, AuthState.PASSWORD_NEEDED):
        gateway(deps.settings).log_out(session)
    auth.forget(deps, instance)
    _log.info("a Telegram account was logged out", extra={"instance_id": instance.id})
    return Connection(status=InstanceStatus.DISCONNECTED)


def remove(deps: Deps, instance: Instance, config: TelegramUserConfig) -> Connection:
    """As `logout`, and whatever Telegram says, nothing of the session stays here."""
    try:
        logout(deps, instance, config)
    finally:
        auth.forget(deps, instance)
    return Connection(status=InstanceStatus.DELETED)
