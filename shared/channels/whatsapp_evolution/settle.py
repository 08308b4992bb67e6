"""Asking Evolution what an account has sent.

Evolution keeps messages in its own database, from where `POST /chat/findMessages/{instance}` gives the latest first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.channel.outbound import Sent
from shared.channelkit import jid
from shared.channelkit.comparing import says_the_same
from shared.channelkit.whatsapp import messages
from shared.channelkit.whatsapp.wire import Fields, fields, objects
from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.deps import Deps
from shared.domain.inbound import MessageReceived
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import PayloadInvalid

_LATEST = 30
_TIMEOUT = 15.0


def sent_messages(
    deps: Deps, instance: Instance, config: EvolutionConfig, payload: OutboxPayload, since: datetime
) -> list[Sent]:
    """What the account has sent to the chat since then that says the same, the oldest first."""
    chat = {"remoteJid": jid.bare(payload.to), "fromMe": True}
    question = {"where": {"key": chat}, "page": 1, "offset": _LATEST}
    answer = api.call(deps, instance, config, "POST", "chat/findMessages", json=question, timeout=_TIMEOUT)
    if not api.succeeded(answer):
        raise api.failure(answer)
    records = objects(fields(fields(answer.json()).get("messages")).get("records"))
    candidates = [message for record in records for message in _read(record)]
    return [
        Sent(external_message_id=message.external_message_id)
        for message in sorted(candidates, key=lambda message: message.sent_at)
        if message.from_me and message.sent_at >= since and _is_this(payload, message)
    ]


def _read(record: Fields) -> Iterator[MessageReceived]:
    """A record has the form of a webhook's `data`. One that cannot be read is none that we sent."""
    try:
        events = messages.upserted(record, {})
    except PayloadInvalid:
        return
    yield from (event for event in events if isinstance(event, MessageReceived))


def _is_this(payload: OutboxPayload, message: MessageReceived) -> bool:
    return says_the_same(payload, "whatsapp", message.text, [attachment.type for attachment in message.attachments])
