"""Evolution's webhooks: which events there are, and how a webhook is cut into parts."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from shared.channel import RawPart, Webhook
from shared.channels.whatsapp_evolution import connection, messages
from shared.channels.whatsapp_evolution.people import address, chat_of, own_address
from shared.channels.whatsapp_evolution.wire import Fields, fields, objects, parse_object, text
from shared.domain.inbound import ChannelEvent
from shared.errors import PayloadInvalid

log = logging.getLogger(__name__)

Reader = Callable[[Fields, Fields], list[ChannelEvent]]

# `group-participants.update` is written GROUP_PARTICIPANTS_UPDATE when subscribing, in v1 and on message queues,
# and group-participants-update in addresses: all are compared in the second form.
_ABOUT_MESSAGES: Mapping[str, Reader] = {
    "MESSAGES_UPSERT": messages.upserted,
    "MESSAGES_SET": messages.from_history,
    "SEND_MESSAGE": messages.upserted,
    "MESSAGES_UPDATE": messages.status_changed,
    "MESSAGES_EDITED": messages.edited,
    "SEND_MESSAGE_UPDATE": messages.edited,
    "MESSAGES_DELETE": messages.deleted,
}
_ABOUT_CONNECTION: Mapping[str, Reader] = {
    "CONNECTION_UPDATE": connection.state_changed,
    "STATUS_INSTANCE": connection.state_changed,
    "QRCODE_UPDATED": connection.qr_issued,
    "LOGOUT_INSTANCE": connection.logged_out,
    "REMOVE_INSTANCE": connection.removed,
    "INSTANCE_DELETE": connection.deleted,
}
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
        "PRESENCE_UPDATE",
        "TYPEBOT_CHANGE_STATUS",
        "TYPEBOT_START",
    }
)
_READERS = {**_ABOUT_MESSAGES, **_ABOUT_CONNECTION}

_CONNECTION_KEY = "connection"
# `destination` is our own address with its token, `apikey` the account's credential.
_DROPPED = frozenset({"apikey", "api_key", "destination", "data"})
# Files are fetched by id; inline they would make events too large to publish.
_LARGEST_INLINE = 64 * 1024


def accept(webhook: Webhook) -> list[RawPart]:
    """Cut a webhook into one part per message or change of connection; raises `PayloadInvalid`.

    Ignored and unknown events give no part. Parts of one chat have the same key.
    """
    body = parse_object(webhook.body)
    event = text(body.get("event")) or text(webhook.suffix.strip("/"))
    if event is None:
        raise PayloadInvalid("the webhook's body names no event")
    name = _canonical(event)
    if name not in _READERS:
        _note_unknown(name)
        return []
    rest = {field: value for field, value in body.items() if field not in _DROPPED} | {"event": event}
    parts = [(_key(name, item, body), _slim(item)) for item in _items(name, body.get("data"))]
    return [RawPart(key=key, payload={**rest, "data": item}) for key, item in parts if key is not None]


def parse(payload: Any) -> list[ChannelEvent]:
    """Turn a part's payload into normal events; raises `PayloadInvalid`.

    Where a time is missing or cannot be right, `sent_at` is 1970: the caller,
    who knows when the event arrived, takes that instead.
    """
    if not isinstance(payload, Mapping):
        raise PayloadInvalid("the event is not a JSON object")
    event = text(payload.get("event"))
    if event is None:
        raise PayloadInvalid("the event has no name")
    name = _canonical(event)
    reader = _READERS.get(name)
    if reader is None:
        _note_unknown(name)
        return []
    return [found for item in _items(name, payload.get("data")) for found in reader(item, payload)]


def _canonical(event: str) -> str:
    return re.sub(r"[.\-\s]", "_", event.strip()).upper()


def _note_unknown(name: str) -> None:
    if name not in _IGNORED:
        log.warning("ignored an unknown Evolution event", extra={"event_name": name[:60]})


def _items(name: str, data: object) -> list[Fields]:
    """One object or many; what is said about the connection may come without any."""
    if isinstance(data, list):
        found = objects(data)
    elif isinstance(data, Mapping) and name in _ABOUT_MESSAGES and "key" not in data and "messages" in data:
        found = objects(data["messages"])
    else:
        found = [data] if isinstance(data, Mapping) else []
    return found or ([{}] if name in _ABOUT_CONNECTION else [])


def _key(name: str, item: Fields, body: Fields) -> str | None:
    """The chat's canonical address; None for what is no chat, such as status stories."""
    if name in _ABOUT_CONNECTION:
        return _CONNECTION_KEY
    key = messages.key_of(item)
    if address(key.get("remoteJid")) is None:
        return (messages.id_of(item) or "unknown")[:128]
    chat = chat_of(key, own_address(body))
    return chat.key if chat else None


def _slim(item: Fields) -> Fields:
    message = fields(item.get("message"))
    inline = message.get("base64")
    if not isinstance(inline, str) or len(inline) <= _LARGEST_INLINE:
        return item
    return {**item, "message": {name: value for name, value in message.items() if name != "base64"}}
