"""An account on an Evolution API server: connecting, pairing, ending; and whether the server takes a key."""

from __future__ import annotations

from shared.channels.whatsapp_evolution import accounts, api
from shared.channels.whatsapp_evolution.backfill import past_messages
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.pairing import pair, restart
from shared.channels.whatsapp_evolution.registration import connect, status
from shared.channels.whatsapp_evolution.removal import logout, remove
from shared.deps import Deps
from shared.domain.instances import Instance

__all__ = ["account", "connect", "logout", "pair", "past_messages", "probe", "remove", "restart", "status"]

_TIMEOUT = 10.0


def probe(deps: Deps, instance: Instance, config: EvolutionConfig) -> None:
    """List the instances that the key may see, which every version allows and which changes nothing."""
    answer = api.call(
        deps,
        instance,
        config,
        "GET",
        "instance/fetchInstances",
        per_instance=False,
        by_server_key=True,
        timeout=_TIMEOUT,
    )
    if not api.succeeded(answer):
        raise api.failure(answer)


def account(deps: Deps, instance: Instance, config: EvolutionConfig) -> str | None:
    """The server and the account's name there; None while a guest of the shared server has no account yet."""
    return None if accounts.has_none(deps, instance, config) else accounts.account_of(instance, config)
