"""Evolution's webhooks: which events there are, and how a webhook is cut into parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.channelkit.whatsapp import messages
from shared.channelkit.whatsapp.wire import Fields, text
from shared.channels.whatsapp_evolution import connection_events
from shared.channels.whatsapp_evolution.chat_presence import writer
from shared.channels.whatsapp_evolution.event_names import canonical, items, note_unknown
from shared.domain.automatic_answers import ANSWERED_WITHIN
from shared.domain.inbound import ChannelEvent, CustomerTyping, MessageReceived
from shared.errors import PayloadInvalid

log = logging.getLogger(__name__)


def _presence_changed(item: Fields, payload: Fields) -> list[ChannelEvent]:
    key = writer(item)
    return [CustomerTyping(chat_key=key)] if key is not None else []


Reader = Callable[[Fields, Fields], list[ChannelEvent]]

_READERS: Mapping[str, Reader] = {
    "MESSAGES_UPSERT": messages.upserted,
    "MESSAGES_SET": messages.from_history,
    "SEND_MESSAGE": messages.upserted,
    "MESSAGES_UPDATE": messages.status_changed,
    "MESSAGES_EDITED": messages.edited,
    "SEND_MESSAGE_UPDATE": messages.edited_by_api,
    "MESSAGES_DELETE": messages.deleted,
    "PRESENCE_UPDATE": _presence_changed,
    "CONNECTION_UPDATE": connection_events.state_changed,
    "STATUS_INSTANCE": connection_events.state_changed,
    "QRCODE_UPDATED": connection_events.qr_issued,
    "LOGOUT_INSTANCE": connection_events.logged_out,
    "REMOVE_INSTANCE": connection_events.removed,
    "INSTANCE_DELETE": connection_events.deleted,
}


def parse(payload: Any) -> list[ChannelEvent]:
    """Turn a part's payload into normal events; raises `PayloadInvalid`.

    Where a time is missing or cannot be right, `sent_at` is 1970: the caller,
    who knows when the event arrived, takes that instead.
    """
    if not isinstance(payload, Mapping):
        raise PayloadInvalid("the event is not a JSON object")
    event_name = text(payload.get("event"))
    if event_name is None:
        raise PayloadInvalid("the event has no name")
    name = canonical(event_name)
    reader = _READERS.get(name)
    if reader is None:
        note_unknown(name)
        return []
    events = [event for item in items(name, payload.get("data")) for event in reader(item, payload)]
    backfilled_at = text(payload.get("backfilled_at"))
    return [_late(event, datetime.fromisoformat(backfilled_at)) for event in events] if backfilled_at else events


def _late(event: ChannelEvent, backfilled_at: datetime) -> ChannelEvent:
    """Mark what was written so long before it was found that no machine is to answer it any more."""
    if isinstance(event, MessageReceived) and backfilled_at - event.sent_at > ANSWERED_WITHIN:
        return replace(event, extra=event.extra | {"late": True})
    return event
