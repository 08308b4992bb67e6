"""The names of Evolution's events, in their several spellings."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from shared.channelkit.whatsapp.wire import Fields, objects

log = logging.getLogger(__name__)

# `group-participants.update` is written GROUP_PARTICIPANTS_UPDATE when subscribing, in v1 and on message queues,
# and group-participants-update in addresses: all are compared in the second form.
MESSAGE_EVENTS = frozenset(
    {
        "MESSAGES_UPSERT",
        "MESSAGES_SET",
        "SEND_MESSAGE",
        "MESSAGES_UPDATE",
        "MESSAGES_EDITED",
        "SEND_MESSAGE_UPDATE",
        "MESSAGES_DELETE",
    }
)
PRESENCE_EVENT = "PRESENCE_UPDATE"
CONNECTION_EVENTS = frozenset(
    {
        "CONNECTION_UPDATE",
        "STATUS_INSTANCE",
        "QRCODE_UPDATED",
        "LOGOUT_INSTANCE",
        "REMOVE_INSTANCE",
        "INSTANCE_DELETE",
    }
)
_IGNORED = frozenset(
    {
        "APPLICATION_STARTUP",
        "CALL",
        "CHATS_DELETE",
        "CHATS_SET",
        "CHATS_UPDATE",
        "CHATS_UPSERT",
        "CONTACTS_SET",
        "CONTACTS_UPDATE",
        "CONTACTS_UPSERT",
        "ERROR",
        "GROUPS_UPDATE",
        "GROUPS_UPSERT",
        "GROUP_PARTICIPANTS_UPDATE",
        "GROUP_UPDATE",
        "INSTANCE_CREATE",
        "LABELS_ASSOCIATION",
        "LABELS_EDIT",
        "MESSAGING_HISTORY_SET",
        "NEW_JWT_TOKEN",
        "TYPEBOT_CHANGE_STATUS",
        "TYPEBOT_START",
    }
)


def canonical(event: str) -> str:
    return re.sub(r"[.\-\s]", "_", event.strip()).upper()


def note_unknown(name: str) -> None:
    if name not in _IGNORED:
        log.warning("ignored an unknown Evolution event", extra={"event_name": name[:60]})


def items(name: str, data: object) -> list[Fields]:
    """One object or many; what is said about the connection may come without any."""
    if isinstance(data, list):
        objects_ = objects(data)
    elif isinstance(data, Mapping) and name in MESSAGE_EVENTS and "key" not in data and "messages" in data:
        objects_ = objects(data["messages"])
    else:
        objects_ = [data] if isinstance(data, Mapping) else []
    return objects_ or ([{}] if name in CONNECTION_EVENTS else [])
