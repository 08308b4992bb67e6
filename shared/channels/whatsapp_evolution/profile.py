"""How the account looks to those it writes to: https://doc.evolution-api.com/v2/api-reference/profile-settings."""

from __future__ import annotations

from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.deps import Deps
from shared.domain.instances import Instance


def set_picture(deps: Deps, instance: Instance, config: EvolutionConfig, url: str) -> None:
    """Have Evolution fetch the picture and show it."""
    answer = api.call(deps, instance, config, "POST", "chat/updateProfilePicture", json={"picture": url})
    if not api.succeeded(answer):
        raise api.failure(answer)
