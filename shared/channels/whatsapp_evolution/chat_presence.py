"""What Evolution tells of people who write (`presence.update`)."""

from __future__ import annotations

from shared.channelkit import jid
from shared.channelkit.whatsapp.people import address, chat_of
from shared.channelkit.whatsapp.wire import Fields, fields, text

_WRITES = frozenset({"composing", "recording"})


def writer(item: Fields) -> str | None:
    """The canonical address of who writes in a private chat now; None where nobody does, and for groups."""
    chat = address(item.get("id"))
    if chat is None or jid.is_group(chat):
        return None
    presences = fields(item.get("presences"))
    writes = any(text(fields(each).get("lastKnownPresence")) in _WRITES for each in presences.values())
    named = chat_of({"remoteJid": chat}, None) if writes else None
    return named.key if named is not None else None
