"""That an answer is being written, and what was read."""

from __future__ import annotations

from collections.abc import Sequence

from shared.channelkit import jid
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.connection import have_typing_shown, line_of
from shared.channels.whatsapp_web.contents import chat_of
from shared.channels.whatsapp_web.outbound import line_for
from shared.deps import Deps
from shared.documents.provider_messages import author_of
from shared.documents.unit_of_work import UnitOfWork
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
    """Mark the messages; in a group those of each author, as WhatsApp wants them."""
    chat = chat_of(payload)
    line = line_for(deps, instance)
    if not jid.is_group(chat):
        line.mark_read(chat, chat, external_message_ids)
        return
    for author, written in _by_author(deps, instance, payload, external_message_ids).items():
        line.mark_read(chat, author, written)


def _by_author(
    deps: Deps, instance: Instance, payload: OutboxPayload, external_message_ids: Sequence[str]
) -> dict[str, list[str]]:
    """Messages by who wrote them. The latest author is named as the group does, which may hide numbers."""
    unit = UnitOfWork(deps.store)
    authors = {message_id: author_of(unit, instance, message_id) for message_id in external_message_ids}
    latest, participant = authors[external_message_ids[-1]], payload.context.get("participant")
    by_author: dict[str, list[str]] = {}
    for message_id, author in authors.items():
        name = participant if author == latest and isinstance(participant, str) else author
        if name is not None:
            by_author.setdefault(name, []).append(message_id)
    return by_author
