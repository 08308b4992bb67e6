"""Editing and deleting what the account wrote, over its own connection."""

from __future__ import annotations

from shared.channelkit import jid
from shared.channelkit.rendering import apply_markup
from shared.channels.whatsapp_web import contents
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.outbound import line_for
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload


def edit(
    deps: Deps, instance: Instance, config: WhatsAppWebConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Change a message's text, or its file's caption, which WhatsApp lets one do for 15 minutes."""
    change = {
        "key": contents.key(payload, external_message_id),
        "type": "MESSAGE_EDIT",
        "editedMessage": contents.replacement(apply_markup("whatsapp", payload)),
        "timestampMs": int(deps.now().timestamp() * 1000),
    }
    edited = {"editedMessage": {"message": {"protocolMessage": change}}}
    line_for(deps, instance).send(jid.bare(payload.to), edited)


def delete(
    deps: Deps, instance: Instance, config: WhatsAppWebConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Delete a message for everybody, which WhatsApp lets one do for about two days."""
    revocation = {"key": contents.key(payload, external_message_id), "type": "REVOKE"}
    line_for(deps, instance).send(jid.bare(payload.to), {"protocolMessage": revocation})
