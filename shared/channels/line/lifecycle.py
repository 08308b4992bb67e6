"""Making an account's events come to us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channel.lifecycle import Connection
from shared.channelkit.reachable import only_sends
from shared.channels.line.api import call, result
from shared.channels.line.config import PROVIDER, LineConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""

_ENDPOINT = "channel/webhook/endpoint"
_ELSEWHERE = "LINE calls another address for this account: connect the instance"
_SWITCHED_OFF = "LINE does not call us: turn on 'Use webhook' in the channel's Messaging API settings at LINE"


def connect(deps: Deps, instance: Instance, config: LineConfig) -> Connection:
    """Ask whose token it is and, where `PUBLIC_URL` is set, have LINE call this instance's own address.

    Whether LINE calls at all is a switch in its console that no call can turn.
    """
    bot = _bot(deps, config)
    if not deps.settings.public_url:
        return _connection(bot, InstanceStatus.CONNECTED, only_sends(deps.settings))
    url = _callback(deps, instance)
    result(call(deps, config, "PUT", _ENDPOINT, json={"endpoint": url}))
    return _listening(deps, config, bot, url)


def status(deps: Deps, instance: Instance, config: LineConfig) -> Connection:
    """Check the token, and that LINE calls us."""
    bot = _bot(deps, config)
    if not deps.settings.public_url:
        return _connection(bot, InstanceStatus.CONNECTED, only_sends(deps.settings))
    return _listening(deps, config, bot, _callback(deps, instance))


def probe(deps: Deps, instance: Instance, config: LineConfig) -> None:
    """Ask LINE whose token it is."""
    result(call(deps, config, "GET", "info", timeout=PROBE_TIMEOUT))


def _bot(deps: Deps, config: LineConfig) -> Mapping[str, Any]:
    bot = result(call(deps, config, "GET", "info"))
    if not isinstance(bot.get("userId"), str):
        raise ProviderRejected(PROVIDER, "the token names no account; check config.channelAccessToken and LINE_API_URL")
    return bot


def _listening(deps: Deps, config: LineConfig, bot: Mapping[str, Any], url: str) -> Connection:
    endpoint = result(call(deps, config, "GET", _ENDPOINT))
    if endpoint.get("endpoint") != url:
        return _connection(bot, InstanceStatus.DISCONNECTED, _ELSEWHERE)
    if endpoint.get("active") is not True:
        return _connection(bot, InstanceStatus.DISCONNECTED, _SWITCHED_OFF, url)
    return _connection(bot, InstanceStatus.CONNECTED, None, url)


def _connection(
    bot: Mapping[str, Any], status: InstanceStatus, detail: str | None, url: str | None = None
) -> Connection:
    name = bot.get("displayName")
    return Connection(
        status=status,
        webhook_url=url,
        external_id=bot["userId"],
        display_name=name if isinstance(name, str) else None,
        detail=detail,
    )


def _callback(deps: Deps, instance: Instance) -> str:
    return f"{deps.settings.public_url}/webhook/line/{instance.id}"
