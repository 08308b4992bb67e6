"""How Evolution wants a message of a chat to be named."""

from __future__ import annotations

from typing import Any

from shared.channelkit import jid
from shared.deps import Deps
from shared.documents.provider_messages import author_of
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload


def key_of(
    deps: Deps, instance: Instance, payload: OutboxPayload, external_message_id: str, *, from_me: bool = False
) -> dict[str, Any]:
    """In a group with the message's author, where the hub has the message."""
    chat = jid.bare(payload.to)
    key = {"remoteJid": chat, "fromMe": from_me, "id": external_message_id}
    author = author_of(UnitOfWork(deps.store), instance, external_message_id) if jid.is_group(chat) else None
    return key | ({"participant": author} if author is not None else {})
