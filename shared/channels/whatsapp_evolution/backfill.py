"""Asking Evolution for what was said while its webhooks did not arrive; it repeats those for half an hour only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shared.channel.lifecycle import PastMessage
from shared.channel.webhook import RawPart
from shared.channelkit import jid
from shared.channelkit.whatsapp import messages
from shared.channelkit.whatsapp.wire import Fields, fields, integer, moment, objects
from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.accounts import name_of
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.registration import ok
from shared.channels.whatsapp_evolution.webhook import chat_key, slim
from shared.deps import Deps
from shared.domain.instances import Instance

_EVENT = "messages.upsert"
_PAGE = 100
_MOST_PAGES = 20
_MOST_BYTES = 16 * 1024 * 1024


def past_messages(deps: Deps, instance: Instance, config: EvolutionConfig, since: datetime) -> list[PastMessage]:
    """What Evolution has stored of the chats since then; it needs `DATABASE_SAVE_DATA_NEW_MESSAGE`."""
    now = deps.now()
    body: dict[str, Any] = {"event": _EVENT, "instance": name_of(instance, config), "backfilled_at": now.isoformat()}
    if instance.phone_number:
        body["sender"] = jid.bare(instance.phone_number)
    past: list[PastMessage] = []
    for record in _records(deps, instance, config, since, now):
        # Older versions tell everything, whatever they are asked.
        key = chat_key("MESSAGES_UPSERT", record, body) if moment(record.get("messageTimestamp")) >= since else None
        external_id = messages.id_of(record)
        if key is not None and external_id is not None:
            past.append(PastMessage(external_id, RawPart(key=key, payload=body | {"data": slim(record)})))
    return past[::-1]


def _records(
    deps: Deps, instance: Instance, config: EvolutionConfig, since: datetime, until: datetime
) -> Iterator[Fields]:
    """The newest first."""
    where = {"messageTimestamp": {"gte": since.isoformat(), "lte": until.isoformat()}}
    for page in range(1, _MOST_PAGES + 1):
        query = {"where": where, "page": page, "offset": _PAGE}
        answer = api.call(
            deps, instance, config, "POST", "chat/findMessages", json=query, timeout=20.0, max_bytes=_MOST_BYTES
        )
        listing = ok(answer).json()
        # 1.x answers with a bare array.
        messages_page = fields(fields(listing).get("messages"))
        yield from objects(messages_page.get("records", listing))
        if page >= (integer(messages_page.get("pages")) or 1):
            return
