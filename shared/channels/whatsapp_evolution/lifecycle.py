"""An account on an Evolution API server: connecting, pairing, ending; and whether the server takes a key."""

from __future__ import annotations

from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.pairing import pair, restart
from shared.channels.whatsapp_evolution.registration import connect, status
from shared.channels.whatsapp_evolution.removal import logout, remove
from shared.deps import Deps
from shared.domain.instances import Instance

__all__ = ["connect", "logout", "pair", "probe", "remove", "restart", "status"]

_TIMEOUT = 10.0


def probe(deps: Deps, instance: Instance, config: EvolutionConfig) -> None:
    """List the instances that the key may see, which every version allows and which changes nothing."""
    answer = api.call(deps, instance, config, "GET", "instance/fetchInstances", per_instance=False, timeout=_TIMEOUT)
    if not api.succeeded(answer):
        raise api.failure(answer)
