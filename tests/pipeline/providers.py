"""Accounts at providers that take everything, and what the providers call a hub with that waits for the test."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from itertools import count
from typing import Any

from shared.domain.events import InboundEvent
from tests.evolution import MARIA, evolution_rules, written
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply

APP_SECRET = "the-app-secret-of-meta"
PAGE, FACEBOOK_CUSTOMER = "77", "p1"
NUMBER = "106540352242922"
"""Meta's id of the number."""
OUR_NUMBER = "5511900000000@s.whatsapp.net"
"""The account on the Evolution server."""


@dataclass(frozen=True)
class Telegram:
    """A bot, and what Telegram calls it with."""

    hub: ManualHub
    id: str

    @classmethod
    def of(cls, hub: ManualHub) -> Telegram:
        return cls(hub, hub.telegram())

    def posts(self, update: dict[str, Any]) -> list[InboundEvent]:
        return self.hub.post_webhook(f"/api/telegram/bot/webhook/{self.id}", update)

    def brings(self, update: dict[str, Any]) -> None:
        self.hub.read(*self.posts(update))

    def writes(self, text: str, chat: int = 5) -> None:
        self.brings(self.hub.update(chat, text))

    def edit(self, message: dict[str, Any], text: str, at: int) -> dict[str, Any]:
        """The update by which a message has another text since `at`, in Unix seconds."""
        changed = message["message"] | {"text": text, "edit_date": at}
        return {"update_id": message["update_id"] + 1_000_000, "edited_message": changed}


@dataclass(frozen=True)
class WhatsApp:
    """An account on an Evolution server that takes everything, and what the server calls with."""

    hub: ManualHub
    id: str

    @classmethod
    def of(cls, hub: ManualHub) -> WhatsApp:
        evolution_rules(hub.provider)
        return cls(hub, hub.whatsapp())

    def posts(self, event: str, data: Any) -> list[InboundEvent]:
        body = {"event": event, "instance": "shop", "sender": OUR_NUMBER, "data": data}
        return self.hub.post_webhook(f"/webhook/whatsapp/{self.id}", body)

    def brings(self, event: str, data: Any) -> None:
        self.hub.read(*self.posts(event, data))

    def writes(self, text: str, **key: Any) -> None:
        """Maria writes; with `fromMe` the business does on its own telephone."""
        self.brings("messages.upsert", written(text, **key))

    def reports(self, message_id: str, status: str) -> None:
        """A receipt, in Evolution's words."""
        self.brings("messages.update", {"keyId": message_id, "remoteJid": MARIA, "fromMe": True, "status": status})

    def edits(self, message_id: str, text: str, at: int, *, from_me: bool = False) -> None:
        """Maria gave a message another text, `at` in Unix seconds, or a program of the business did."""
        change = {"type": "MESSAGE_EDIT", "editedMessage": {"conversation": text}, "timestampMs": str(at * 1000)}
        key = {"remoteJid": MARIA, "fromMe": from_me, "id": message_id}
        self.brings("send.message.update" if from_me else "messages.edited", change | {"key": key})

    def deletes(self, message_id: str, *, from_me: bool = False) -> None:
        self.brings("messages.delete", {"remoteJid": MARIA, "fromMe": from_me, "id": message_id})

    def reacts(self, message_id: str, emoji: str, at: int, **key: Any) -> None:
        """Maria reacts at `at`, in Unix seconds; with `fromMe` the business does. An empty one takes it back."""
        reaction = {"key": {"remoteJid": MARIA, "fromMe": False, "id": message_id}, "text": emoji}
        content = {"messageType": "reactionMessage", "message": {"reactionMessage": reaction}, "messageTimestamp": at}
        self.brings("messages.upsert", written("", id=f"{message_id}-{emoji}-{at}", **key) | content)

    def takes_as(self, message_id: str) -> None:
        """Evolution gives what is sent next this id."""
        key = {"remoteJid": MARIA, "fromMe": True, "id": message_id}
        self.hub.provider.on("POST", "/message/sendText", Reply(201, {"key": key, "status": "PENDING"}), times=1)


def _signed(body: Any) -> dict[str, str]:
    digest = hmac.new(APP_SECRET.encode(), json.dumps(body).encode(), hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}"}


@dataclass(frozen=True)
class Cloud:
    """A number on Meta's WhatsApp API that takes everything, and what Meta calls with."""

    hub: ManualHub
    id: str

    @classmethod
    def of(cls, hub: ManualHub) -> Cloud:
        numbers = count(1)
        hub.provider.on("GET", rf"/{NUMBER}\?", Reply(json={"id": NUMBER, "verified_name": "Shop"}))
        hub.provider.on(
            "POST", f"/{NUMBER}/messages", lambda _: Reply(json={"messages": [{"id": f"wamid.OUT{next(numbers)}"}]})
        )
        config = {"provider": "cloud", "accessToken": "EAAJ", "phoneNumberId": NUMBER, "appSecret": APP_SECRET}
        return cls(
            hub, str(hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": config}, 201)["id"])
        )

    def brings(self, field: str = "messages", **value: Any) -> None:
        about = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}}
        change = {"field": field, "value": about | value}
        body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
        self.hub.read(*self.hub.post_webhook(f"/webhook/whatsapp/{self.id}", body, _signed(body)))

    def writes(self, text: str, sender: str) -> None:
        self._brings_message(sender, f"{text}-{sender}", {"type": "text", "text": {"body": text}})

    def moves(self, old: str, new: str) -> None:
        """The person with the old number has a new one."""
        system = {"type": "user_changed_number", "wa_id": new, "body": f"changed from {old} to {new}"}
        self._brings_message(old, f"{old}-{new}", {"type": "system", "system": system})

    def reports(self, message_id: str, status: str, *errors: dict[str, Any], recipient: str = "") -> None:
        now = str(int(self.hub.deps.now().timestamp()))
        status_entry = {"id": message_id, "status": status, "timestamp": now, "errors": list(errors)}
        self.brings(statuses=[status_entry | {"recipient_id": recipient}])

    def prefers(self, sender: str, value: str) -> None:
        """The person wants marketing messages to `stop`, or to `resume`."""
        now = int(self.hub.deps.now().timestamp())
        preference = {"wa_id": sender, "category": "marketing_messages", "value": value, "timestamp": now}
        self.brings("user_preferences", user_preferences=[preference])

    def _brings_message(self, sender: str, id_: str, content: dict[str, Any]) -> None:
        now = str(int(self.hub.deps.now().timestamp()))
        self.brings(messages=[{"from": sender, "id": f"wamid.{id_}", "timestamp": now} | content])


@dataclass(frozen=True)
class Facebook:
    """A page, and what Meta calls with about one customer."""

    hub: ManualHub
    id: str

    @classmethod
    def of(cls, hub: ManualHub) -> Facebook:
        hub.provider.on("GET", "/me", Reply(json={"id": PAGE, "name": "Page"}))
        config = {"pageAccessToken": "token-of-page", "appSecret": APP_SECRET}
        return cls(
            hub, str(hub.post("/api/channels", {"name": "page", "type": "FACEBOOK", "config": config}, 201)["id"])
        )

    def brings(self, **event: Any) -> None:
        """One thing that happened; the customer's doing unless the event says otherwise."""
        now = round(self.hub.deps.now().timestamp() * 1000)
        happened = {"sender": {"id": FACEBOOK_CUSTOMER}, "recipient": {"id": PAGE}, "timestamp": now} | event
        body = {"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": [happened]}]}
        self.hub.read(*self.hub.post_webhook("/api/facebook/webhook", body, _signed(body)))

    def writes(self, text: str) -> None:
        self.brings(message={"mid": f"m-{text}", "text": text})

    def takes_as(self, message_id: str) -> None:
        """Meta gives what is sent next this id."""
        sent = Reply(json={"recipient_id": FACEBOOK_CUSTOMER, "message_id": message_id})
        self.hub.provider.on("POST", f"/{PAGE}/messages", sent, times=1)
