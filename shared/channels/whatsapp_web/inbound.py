"""An account's updates into the normal form; `infra/sockets/whatsapp/protocol.py` says what a worker reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shared.channelkit import jid
from shared.channelkit.whatsapp import messages
from shared.channelkit.whatsapp.people import address, chat_of, own_address
from shared.channelkit.whatsapp.wire import Fields, fields, integer, text
from shared.domain.inbound import (
    ChannelEvent,
    ConnectionChanged,
    CustomerTyping,
    MessageReceived,
    PairingCodeIssued,
    Receipt,
    VoteCast,
)
from shared.domain.instances import InstanceStatus
from shared.errors import PayloadInvalid

Reader = Callable[[Fields, Fields], list[ChannelEvent]]

_QR_SECONDS = 20
"""How long WhatsApp takes a code, after the first one of a pairing."""


def parse(payload: Any) -> list[ChannelEvent]:
    """Turn an update into normal events; raises `PayloadInvalid`. Where a time is missing `sent_at` is 1970."""
    if not isinstance(payload, Mapping):
        raise PayloadInvalid("the update is not a JSON object")
    name = text(payload.get("event"))
    reader = _READERS.get(name or "")
    if reader is None:
        raise PayloadInvalid("the update has no event that this channel knows")
    return reader(fields(payload.get("data")), payload)


def _message(data: Fields, payload: Fields) -> list[ChannelEvent]:
    return [_with_place(event, data) for event in messages.upserted(data, payload)]


def _with_place(event: ChannelEvent, data: Fields) -> ChannelEvent:
    """With the addresses that WhatsApp wants back where something is done to the chat's messages (`presence.py`)."""
    if isinstance(event, VoteCast):
        return replace(event, message=_placed(event.message, data))
    return _placed(event, data) if isinstance(event, MessageReceived) else event


def _placed(received: MessageReceived, data: Fields) -> MessageReceived:
    key = messages.key_of(data)
    author = None if received.from_me else address(key.get("participant"))
    place = {"chat": address(key.get("remoteJid")), "participant": author}
    return replace(received, context={name: value for name, value in place.items() if value})


def _receipt(data: Fields, payload: Fields) -> list[ChannelEvent]:
    part_id = text(data.get("part_id"))
    return [
        replace(event, part_id=part_id) if isinstance(event, Receipt) else event
        for event in messages.status_changed(data, payload)
    ]


def _typing(data: Fields, payload: Fields) -> list[ChannelEvent]:
    chat = chat_of(messages.key_of(data), own_address(payload))
    return [CustomerTyping(chat_key=chat.key)] if chat is not None and not chat.is_group else []


def _code_issued(data: Fields, payload: Fields) -> list[ChannelEvent]:
    code, pairing_code = text(data.get("code")), text(data.get("pairing_code"))
    if code is None:
        return []
    seconds = integer(data.get("seconds")) or _QR_SECONDS
    issued = PairingCodeIssued(text=code, png_base64=None, pairing_code=pairing_code, valid_seconds=seconds)
    return [issued]


def _connected(data: Fields, payload: Fields) -> list[ChannelEvent]:
    own = own_address(payload)
    return [
        ConnectionChanged(
            status=InstanceStatus.CONNECTED,
            phone_number=jid.phone(own) if own else None,
            display_name=text(data.get("name")),
        )
    ]


def _offline(data: Fields, payload: Fields) -> list[ChannelEvent]:
    return [ConnectionChanged(status=InstanceStatus.CONNECTING, detail=text(data.get("why")))]


def _banned(data: Fields, payload: Fields) -> list[ChannelEvent]:
    return [ConnectionChanged(status=InstanceStatus.ERROR, detail=text(data.get("why")))]


_READERS: Mapping[str, Reader] = {
    "message": _message,
    "history": messages.from_history,
    "receipt": _receipt,
    "typing": _typing,
    "qr": _code_issued,
    "connected": _connected,
    "offline": _offline,
    "banned": _banned,
}
