"""Whose bot it is, and where its interactions go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channel.lifecycle import Connection
from shared.channelkit import auth
from shared.channels.discord.api import NO_TOKEN, PROVIDER, call, result
from shared.channels.discord.config import DiscordConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""

_ENDED = "the instance was logged out: connect it"


def connect(deps: Deps, instance: Instance, config: DiscordConfig) -> Connection:
    """Ask for the application and its public key and, once that key is kept, have its interactions come to us.

    Discord tries the address out while it is told it, with right and wrong
    signatures, so it is told only when the hub can judge them: at the next
    connecting, or at once where `public_key` was given.
    """
    if config.bot_token is None:
        auth.forget(deps, instance)
        return Connection(status=InstanceStatus.NOT_CONFIGURED, detail=NO_TOKEN)
    app = result(call(deps, instance, config, "GET", "applications/@me"))
    application, key = app.get("id"), app.get("verify_key")
    if not isinstance(application, str) or not isinstance(key, str):
        raise ProviderRejected(PROVIDER, "the token names no application; check DISCORD_API_URL")
    url = f"{deps.settings.public_url}/webhook/discord/{instance.id}" if deps.settings.public_url else None
    if url and config.public_key == key and app.get("interactions_endpoint_url") != url:
        _register(deps, instance, config, url)
    if config.gateway:
        token = config.bot_token.get_secret_value()
        auth.enrol(deps, instance, {"session": token, "application": application})
    else:
        auth.forget(deps, instance)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        external_id=application,
        display_name=_name(app),
        config={"client_id": application, "public_key": key},
    )


def _register(deps: Deps, instance: Instance, config: DiscordConfig, url: str) -> None:
    try:
        result(call(deps, instance, config, "PATCH", "applications/@me", {"interactions_endpoint_url": url}))
    except ProviderRejected as refused:
        why = f"Discord does not take {url} for its interactions: {refused.reason}"
        raise ProviderRejected(PROVIDER, why) from None


def _name(app: Mapping[str, Any]) -> str | None:
    bot, name = app.get("bot"), app.get("name")
    username = bot.get("username") if isinstance(bot, dict) else None
    return username if isinstance(username, str) else name if isinstance(name, str) else None


def status(deps: Deps, instance: Instance, config: DiscordConfig) -> Connection:
    """Ask whether Discord takes the token; an instance that was logged out stays so."""
    if config.bot_token is None:
        return Connection(status=InstanceStatus.NOT_CONFIGURED, detail=NO_TOKEN)
    app = result(call(deps, instance, config, "GET", "applications/@me"))
    if instance.status in (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED):
        return Connection(status=InstanceStatus.DISCONNECTED, detail=str(instance.status_detail or _ENDED))
    return Connection(status=InstanceStatus.CONNECTED, display_name=_name(app))


def logout(deps: Deps, instance: Instance, config: DiscordConfig) -> Connection:
    """Have nobody listen any more; what is at Discord stays, for a token has no end of its own."""
    auth.forget(deps, instance)
    return Connection(status=InstanceStatus.DISCONNECTED)


def remove(deps: Deps, instance: Instance, config: DiscordConfig) -> Connection:
    """As `logout`."""
    auth.forget(deps, instance)
    return Connection(status=InstanceStatus.DELETED)


def probe(deps: Deps, instance: Instance, config: DiscordConfig) -> None:
    """Ask Discord whose token it is."""
    result(call(deps, instance, config, "GET", "applications/@me", timeout=PROBE_TIMEOUT))
