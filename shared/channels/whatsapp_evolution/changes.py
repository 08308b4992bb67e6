"""Editing and deleting what the account wrote, as Evolution's `chat` calls do it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit import jid
from shared.channelkit.rendering import apply_markup
from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.outbound import number_of
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload


def edit(
    deps: Deps, instance: Instance, config: EvolutionConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Change a message's text, or its file's caption, which WhatsApp lets one do for 15 minutes."""
    key = _key(payload, external_message_id)
    text = apply_markup("whatsapp", payload).text
    body = {"number": number_of(payload.to), "key": key, "text": text}
    _call(deps, instance, config, "POST", "chat/updateMessage", body)


def delete(
    deps: Deps, instance: Instance, config: EvolutionConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Delete a message for everybody, which WhatsApp lets one do for about two days."""
    body = _key(payload, external_message_id)
    _call(deps, instance, config, "DELETE", "chat/deleteMessageForEveryone", body)


def _key(payload: OutboxPayload, external_message_id: str) -> dict[str, Any]:
    return {"remoteJid": jid.bare(payload.to), "fromMe": True, "id": external_message_id}


def _call(
    deps: Deps, instance: Instance, config: EvolutionConfig, method: str, action: str, body: Mapping[str, Any]
) -> None:
    answer = api.call(deps, instance, config, method, action, json=body)
    if not api.succeeded(answer):
        raise api.failure(answer)
