"""Messages that are quoted: WhatsApp shows the words that come with the answer, under the name of their author."""

from __future__ import annotations

from typing import Any

from shared.channelkit import jid
from shared.channels.whatsapp_web import contents
from shared.deps import Deps
from shared.documents import provider_messages
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message
from shared.domain.outbox import OutboxPayload


def quotation(deps: Deps, instance: Instance, payload: OutboxPayload, own: str | None) -> dict[str, Any]:
    """The `contextInfo` of an answer to a message; one that the hub does not have is quoted without words.

    `own` is the account's own address.
    """
    if not payload.reply_to:
        return {}
    quoted = provider_messages.stored(UnitOfWork(deps.store), instance, payload.reply_to)
    author = _author(payload, quoted, own)
    message = contents.quoted(quoted) if quoted is not None else {"conversation": ""}
    context = {"stanzaId": payload.reply_to, "quotedMessage": message}
    return {"contextInfo": context | ({"participant": author} if author else {})}


def _author(payload: OutboxPayload, quoted: Message | None, own: str | None) -> str | None:
    if quoted is not None and quoted.direction is Direction.OUTBOUND:
        return own
    chat = contents.chat_of(payload)
    if not jid.is_group(chat):
        return chat
    return quoted.author_id if quoted is not None else None
