"""That an answer is being written, and what was read."""

from __future__ import annotations

from collections.abc import Sequence

from shared.channelkit import jid
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.connection import have_typing_shown, line_of
from shared.channels.whatsapp_web.contents import chat_of
from shared.channels.whatsapp_web.outbound import line_for
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_SHOWN_SECONDS = 8.0
"""WhatsApp's apps take it away after about ten seconds."""


def show_typing(deps: Deps, instance: Instance, config: WhatsAppWebConfig, payload: OutboxPayload) -> float:
    """Show it over the connection; the process that holds it is told where that is another one."""
    line = line_of(deps, instance.id)
    if line is not None:
        line.show_typing(chat_of(payload))
    elif payload.conversation_id is not None:
        have_typing_shown(deps, instance, payload.conversation_id)
    return _SHOWN_SECONDS


def mark_read(
    deps: Deps,
    instance: Instance,
    config: WhatsAppWebConfig,
    payload: OutboxPayload,
    external_message_ids: Sequence[str],
) -> None:
    """Mark the messages; in a group only the latest, for WhatsApp wants each one's author."""
    chat, participant = chat_of(payload), payload.context.get("participant")
    line = line_for(deps, instance)
    if not jid.is_group(chat):
        line.mark_read(chat, chat, external_message_ids)
    elif isinstance(participant, str):
        line.mark_read(chat, participant, external_message_ids[-1:])
