"""Building Evolution's webhooks and answers for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.channel.webhook import RawPart
from shared.channels.whatsapp_evolution import inbound
from shared.channels.whatsapp_evolution import webhook as webhook_module
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.domain.inbound import ChannelEvent, MessageReceived
from shared.domain.instances import Instance
from tests.channels.golden import webhook
from tests.documents import an_instance

HERE = Path(__file__).parent
MARIA = "5511988887777@s.whatsapp.net"
MARIA_LID = "99887766554433@lid"
OWN = "5511900000000@s.whatsapp.net"
GROUP = "120363025246125486@g.us"
SENT_AT = 1_795_216_880


def body(event: str, data: object, **changes: Any) -> dict[str, Any]:
    """A webhook body of 2.3, with any field changed."""
    return {
        "event": event,
        "instance": "acme-support",
        "data": data,
        "destination": "https://hub.example/webhook/evolution/acme?token=s3cret",
        "date_time": "2026-11-20T20:21:20.000Z",
        "sender": OWN,
        "server_url": "http://evolution:8080",
        "apikey": "ACME-INSTANCE-TOKEN",
        **changes,
    }


def message(content: object, key: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The `data` of an upsert."""
    return {
        "key": {"remoteJid": MARIA, "fromMe": False, "id": "ACA1"} | (key or {}),
        "pushName": "Maria Souza",
        "message": content,
        "messageTimestamp": SENT_AT,
        **changes,
    }


def parts(what: dict[str, Any], **changes: Any) -> list[RawPart]:
    return webhook_module.accept(webhook(what, **changes))


def events(what: dict[str, Any]) -> list[ChannelEvent]:
    """All events of a webhook, split and parsed as in the hub."""
    return [event for part in parts(what) for event in inbound.parse(json.loads(json.dumps(part.payload)))]


def only(what: dict[str, Any]) -> ChannelEvent:
    (event,) = events(what)
    return event


def received(content: object, key: dict[str, Any] | None = None, **changes: Any) -> MessageReceived:
    """The one message in an upsert of 2.3 with this content."""
    event = only(body("messages.upsert", message(content, key, **changes)))
    assert isinstance(event, MessageReceived)
    return event


def answer(name: str) -> Any:
    """A recorded answer of Evolution's own API."""
    return json.loads((HERE / "captures" / f"rest-{name}.json").read_text("utf-8"))["response"]


def instance(**changes: Any) -> Instance:
    return an_instance("whatsapp_evolution", **({"name": "acme"} | changes))


def config(**changes: Any) -> EvolutionConfig:
    return EvolutionConfig.model_validate({"whatsapp_instance": "acme-support", "evolution_key": "K3Y"} | changes)
