"""A whole hub in this process: every dialect behind a test client, the bus's consumers on their threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from functions.announce.main import consume as announce
from functions.deliver.main import consume as deliver
from functions.hub.main import blueprints
from functions.normalize.main import consume as normalize
from functions.reply.main import consume as reply
from shared.deps import Deps
from shared.domain.agents import Agent
from shared.domain.conversations import Conversation
from shared.domain.events import EndpointEvent, InboundEvent, OutboundEvent, RealtimeEvent, ReplyEvent, Topic
from shared.domain.instances import ChannelType
from shared.domain.messages import Direction, Message
from shared.ports.store import Merge, Order, Store, Where
from shared.usecases.instances import instances
from tests import refs
from tests.apps import create_app
from tests.eventually import eventually
from tests.functions.keys import new_owner, signed_in
from tests.index_check import stored_in
from tests.stubs import Received, Reply, Stub

UPDATE = {
    "update_id": 1,
    "message": {
        "message_id": 1,
        "date": 1_795_000_000,
        "chat": {"id": 5, "type": "private"},
        "from": {"id": 5, "is_bot": False, "first_name": "Ann"},
        "text": "hello",
    },
}
"""What a customer's first message is to a Telegram bot."""


@dataclass
class Hub:
    """What the tests drive: `post`/`get`/`patch` as the owner of a fresh tenant, `send_telegram` as a customer."""

    deps: Deps
    client: FlaskClient
    provider: Stub
    headers: dict[str, str] = field(default_factory=dict)
    tenant_id: str = ""
    realtime: list[RealtimeEvent] = field(default_factory=list)
    _updates: Iterator[int] = field(default_factory=lambda: count(1))

    def register(self, email: str = "owner@example.com") -> dict[str, str]:
        """Make a tenant and act as its owner from now on."""
        owner = new_owner(self.deps, email)
        self.tenant_id = owner.tenant_id
        self.headers = signed_in(self.deps, owner)
        return self.headers

    def post(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        return self._checked(self.client.post(path, json=body, headers=self.headers | headers), status)

    def get(self, path: str, status: int = 200) -> Any:
        return self._checked(self.client.get(path, headers=self.headers), status)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return self._checked(self.client.patch(path, json=body, headers=self.headers), status)

    def _checked(self, answer: TestResponse, status: int) -> Any:
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return answer.json

    def telegram(self, label: str = "Support") -> str:
        """Create a Telegram bot channel; returns its id."""
        body = {"name": label, "type": "TELEGRAM_BOT", "config": {"botToken": "7:token"}}
        return str(self.post("/api/channels", body, 201)["id"])

    def whatsapp(self, **config: Any) -> str:
        """Create a WhatsApp channel with the name `shop`; returns its id."""
        config = {"whatsappInstance": "shop", "evolutionKey": "k" * 16} | config
        return str(self.post("/api/channels", {"name": "shop", "type": "WHATSAPP", "config": config}, 201)["id"])

    def echo_agent(self, **fields: Any) -> str:
        return str(self.post("/api/agents", {"name": "Echo"} | fields, 201)["id"])

    def update(self, chat: int, text: str, message_id: int | None = None) -> dict[str, Any]:
        number = next(self._updates)
        person = {"id": chat, "is_bot": False, "first_name": f"Customer {chat}"}
        return {
            "update_id": number,
            "message": {
                "message_id": message_id or number,
                "date": int(time.time()),
                "chat": {"id": chat, "type": "private", "first_name": f"Customer {chat}"},
                "from": person,
                "text": text,
            },
        }

    def deliver_update(self, channel_id: str, update: dict[str, Any], status: int = 200) -> TestResponse:
        answer = self.client.post(f"/api/telegram/bot/webhook/{channel_id}", json=update)
        assert answer.status_code == status, answer.text
        return answer

    def customer_writes(self, channel_id: str, text: str, chat: int = 5) -> None:
        self.deliver_update(channel_id, self.update(chat, text))

    @property
    def store(self) -> Store:
        """The store itself: what a test looks up is no query of the hub's."""
        return stored_in(self.deps)

    def documents(self, collection: str, **equal: Any) -> list[dict[str, Any]]:
        """What the store holds, by equality of fields."""
        where = [Where(name, "==", value) for name, value in equal.items()]
        return [document.data for document in self.store.find(collection, where, limit=1000).documents]

    def conversations(self) -> list[Conversation]:
        return [Conversation.model_validate(data) for data in self.documents("conversations", tenant_id=self.tenant_id)]

    def conversation(self) -> Conversation:
        """The one conversation there is, as soon as it is there."""
        conversations = eventually(self.conversations)
        assert len(conversations) == 1, conversations
        return conversations[0]

    def messages(self, direction: Direction | None = None) -> list[Message]:
        """All of the tenant's messages, in their order."""
        order = [Order("sent_at"), Order("created_at")]
        messages = []
        for conversation in self.conversations():
            page = self.store.find("messages", [Where("conversation_id", "==", conversation.id)], order, 1000)
            messages += [Message.model_validate(document.data) for document in page.documents]
        return [message for message in messages if direction in (None, message.direction)]

    def sent_texts(self, path: str = "/sendMessage") -> list[str]:
        return [request.json["text"] for request in self.provider.to(path)]

    def idle(self) -> bool:
        """Nothing waits on the bus's way any more: every accepted message has been dealt with."""
        return not self.documents("outbox", open=True)


def telegram_rules(provider: Stub) -> None:
    """Play a Telegram that takes everything."""
    numbers = count(1000)

    def accept(request: Received) -> Reply:
        result = {"message_id": next(numbers), "date": 1, "chat": {"id": request.json["chat_id"], "type": "private"}}
        return Reply(json={"ok": True, "result": result})

    me = {"ok": True, "result": {"id": 7, "is_bot": True, "first_name": "Bot", "username": "the_bot"}}
    provider.on("POST", r"/bot[^/]+/getMe", Reply(json=me))
    provider.on("GET", r"/bot[^/]+/getMe", Reply(json=me))
    provider.on("POST", r"/bot[^/]+/setWebhook", Reply(json={"ok": True, "result": True}))
    provider.on("POST", r"/bot[^/]+/send", accept)


def answered_bot(deps: Deps) -> str:
    """A Telegram bot whose customers are answered; returns its id."""
    now = deps.now()
    agent = Agent(id="echo", tenant_id="default", name="Echo", created_at=now, updated_at=now)
    tenant = {"id": "default", "name": "Default", "created_at": now, "responder": agent.model_dump()}
    deps.store.commit([Merge(refs.tenant("default"), tenant)])
    new = instances.NewInstance(channel_type=ChannelType.TELEGRAM_BOT, name="bot", config={"bot_token": "7:token"})
    return instances.create(deps, "default", new).id


@contextmanager
def running_hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    """Start the consumers; they are stopped at the end."""
    hub = Hub(deps, create_app(deps, blueprints()).test_client(), provider)
    stop = deps.bus.consume(
        {
            Topic.INBOUND: lambda event: normalize(deps, cast("InboundEvent", event)),
            Topic.REPLIES: lambda event: reply(deps, cast("ReplyEvent", event)),
            Topic.OUTBOUND: lambda event: deliver(deps, cast("OutboundEvent", event)),
            Topic.EVENTS: lambda event: announce(deps, cast("EndpointEvent", event)),
            Topic.REALTIME: lambda event: hub.realtime.append(cast("RealtimeEvent", event)),
        }
    )
    try:
        yield hub
    finally:
        stop()
