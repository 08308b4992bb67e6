"""That an answer is being written, and what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.message_keys import key_of
from shared.channels.whatsapp_evolution.outbound import number_of
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_SHOWN_SECONDS = 4


def show_typing(deps: Deps, instance: Instance, config: EvolutionConfig, payload: OutboxPayload) -> float:
    """Show it for four seconds; Evolution answers when they have passed."""
    body = {"number": number_of(payload.to), "delay": _SHOWN_SECONDS * 1000, "presence": "composing"}
    _post(deps, instance, config, "chat/sendPresence", body)
    return 0.0


def mark_read(
    deps: Deps, instance: Instance, config: EvolutionConfig, payload: OutboxPayload, external_message_ids: Sequence[str]
) -> None:
    """Mark each of the messages. Evolution leaves out chats that it knows by a hidden id alone (`@lid`)."""
    keys = [key_of(deps, instance, payload, external_id) for external_id in external_message_ids]
    _post(deps, instance, config, "chat/markMessageAsRead", {"readMessages": keys})


def _post(deps: Deps, instance: Instance, config: EvolutionConfig, action: str, body: Mapping[str, Any]) -> None:
    answer = api.call(deps, instance, config, "POST", action, json=body, timeout=_SHOWN_SECONDS + 5.0)
    if not api.succeeded(answer):
        raise api.failure(answer)
