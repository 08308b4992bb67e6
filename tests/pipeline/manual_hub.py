"""A hub in which nobody works until a test says so: what happens in between is exactly what the test does."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from functions.announce.main import consume as announce
from functions.deliver.main import consume as deliver
from functions.hub.main import blueprints
from functions.normalize.main import consume as normalize
from functions.reply.main import consume as reply
from functions.tick.main import tick
from shared.cache import TTLCache
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.events import EndpointEvent, Event, InboundEvent, OutboundEvent, RealtimeEvent, ReplyEvent, Topic
from shared.domain.messages import Direction, Message
from shared.errors import HubError
from shared.security.pacing import Pacer
from tests.apps import create_app
from tests.evolution import MARIA, upsert, written
from tests.overlaps import Overlaps, Published, overlaps
from tests.pipeline.hub import Hub, telegram_rules
from tests.stubs import Stub

H = TypeVar("H", bound=Hub)

PHONE = MARIA.partition("@")[0]
"""The number by which WhatsApp knows Maria."""


@dataclass
class _Owed:
    """An event that no worker has dealt with yet; `attempt` is 1 for its first delivery."""

    published: Published
    due_at: datetime
    attempt: int = 1


@dataclass
class ManualHub(Hub):
    """`work` is what the bus would do, on the test's own thread: afterwards all that could be done has been.

    A test that says itself which event is consumed, in which order and how often, takes it from `post_webhook` or
    `new_events`, and has it consumed by `read` and `deliver`.
    """

    _seen: int = 0
    _owed: list[_Owed] = field(default_factory=list)
    _offsets: Counter[Topic] = field(default_factory=Counter)

    @property
    def overlaps(self) -> Overlaps:
        return overlaps(self.deps)

    def work(self, *topics: Topic) -> None:
        """Let the workers of these topics, or of all, take what is due, until nothing is left.

        What a worker raises is raised here, and its event comes again with the next `work`.
        """
        while owed := self._next(topics or tuple(Topic)):
            self._owed.remove(owed)  # what happens meanwhile may let the workers work too
            event = owed.published.event.model_copy(update={"attempt": owed.attempt})
            try:
                self._consume(owed.published.topic, event)
            except HubError:
                self._owed.insert(0, replace(owed, attempt=owed.attempt + 1))
                raise

    def tick(self) -> None:
        """What the schedule does once a minute, and what comes of it."""
        tick(self.deps)
        self.work()

    def forget_owed(self) -> None:
        """Lose what the bus still holds, as a crash of its process may."""
        self._owed.clear()

    def wait(self, **duration: float) -> None:
        """Let time pass; the names are those of `timedelta`."""
        self.overlaps.clock.advance(**duration)

    def new_events(self, topic: Topic) -> list[Event]:
        """The topic's events since the last look at them."""
        events = [each.event for each in self.overlaps.bus.published if each.topic is topic]
        new = events[self._offsets[topic] :]
        self._offsets[topic] = len(events)
        return new

    def new_realtime_events(self) -> list[str]:
        """The names of the realtime events since the last look at them."""
        return [cast("RealtimeEvent", event).name for event in self.new_events(Topic.REALTIME)]

    def post_webhook(self, path: str, body: Any, headers: dict[str, str] | None = None) -> list[InboundEvent]:
        """A provider's call; returns its events, which nobody has read yet."""
        self.new_events(Topic.INBOUND)
        answer = self.client.post(path, data=json.dumps(body), content_type="application/json", headers=headers)
        assert answer.status_code == 200, answer.text
        return [cast("InboundEvent", event) for event in self.new_events(Topic.INBOUND)]

    def read(self, *events: InboundEvent) -> None:
        for event in events:
            normalize(self.deps, event)

    def deliver(self) -> None:
        """Send what was accepted since the last time."""
        for event in self.new_events(Topic.OUTBOUND):
            deliver(self.deps, cast("OutboundEvent", event))

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self._checked(self.client.put(path, json=body, headers=self.headers), status)

    def writes(self, channel_id: str, *texts: str, chat: int = 5) -> None:
        """A customer writes, and it is stored; nobody has answered yet."""
        for text in texts:
            self.customer_writes(channel_id, text, chat)
        self.work(Topic.INBOUND)

    def maria_writes(self, whatsapp: str, *texts: str) -> None:
        """The same by WhatsApp."""
        for text in texts:
            answer = self.client.post(f"/webhook/whatsapp/{whatsapp}", json=upsert(written(text)))
            assert answer.status_code == 200, answer.text
        self.work(Topic.INBOUND)

    def say(self, session: str, text: str, status: int = 202, key: str | None = None) -> Any:
        """A person of the business writes, under an idempotency key if there is one."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/api/messages/send", {"conversationId": session, "text": text}, status, **headers)

    def set_status(self, session: str, value: str, status: int = 200) -> None:
        self.patch(f"/api/conversations/{session}", {"status": value}, status)

    def snooze(self, session: str, **changes: str) -> None:
        """For five minutes."""
        until = (self.deps.now() + timedelta(minutes=5)).isoformat()
        self.patch(f"/api/conversations/{session}", {"status": "SNOOZED", "snoozedUntil": until} | changes)

    def move(self, session: str, status: int = 200, **more: str) -> Any:
        """From Telegram to WhatsApp unless it is said otherwise."""
        body = {"from_channel": "telegram_bot", "to_channel": "whatsapp", **more}
        return self.post(f"/sessions/{session}/transfer", body, status)

    def secret_names(self) -> set[str]:
        """The names of all secrets that an embedded hub keeps."""
        with closing(sqlite3.connect(self.deps.settings.data_dir / "hub.db")) as database:
            return {name for (name,) in database.execute("SELECT name FROM secrets")}

    def of(self, session: str) -> Conversation:
        return next(each for each in self.conversations() if each.id == session)

    def others(self, session: str) -> list[Conversation]:
        return [each for each in self.conversations() if each.id != session]

    def message(self, text: str) -> Message:
        """The one message with this text."""
        matching = [message for message in self.messages() if message.text == text]
        assert len(matching) == 1, matching
        return matching[0]

    def all_texts(self) -> list[str | None]:
        """What was said and noted in all conversations."""
        return [message.text for message in self.messages()]

    def texts(self, session: str) -> list[str | None]:
        """What was said, without what the hub noted."""
        messages = [message for message in self.messages() if message.conversation_id == session]
        return [message.text for message in messages if message.direction is not Direction.SYSTEM]

    def arrival(self, text: str) -> datetime:
        [message] = [each for each in self.messages(Direction.INBOUND) if each.text == text]
        return message.created_at

    def _next(self, topics: tuple[Topic, ...]) -> _Owed | None:
        published = list(self.overlaps.bus.published)
        now = self.deps.now()
        self._owed += [_Owed(each, now + timedelta(seconds=each.delay)) for each in published[self._seen :]]
        self._seen = len(published)
        return next((each for each in self._owed if each.published.topic in topics and each.due_at <= now), None)

    def _consume(self, topic: Topic, event: Any) -> None:
        match topic:
            case Topic.INBOUND:
                normalize(self.deps, cast("InboundEvent", event))
            case Topic.REPLIES:
                reply(self.deps, cast("ReplyEvent", event))
            case Topic.OUTBOUND:
                deliver(self.deps, cast("OutboundEvent", event))
            case Topic.EVENTS:
                announce(self.deps, cast("EndpointEvent", event))
            case Topic.REALTIME:
                self.realtime.append(cast("RealtimeEvent", event))


def manual_hub_of(deps: Deps, provider: Stub) -> ManualHub:
    """Such a hub, the owner of a fresh tenant, and a Telegram that takes everything."""
    telegram_rules(provider)
    hub = ManualHub(deps, create_app(deps, blueprints(), documented=False).test_client(), provider)
    hub.register()
    return hub


def another_process(deps: Deps, owner: str = "another process") -> Deps:
    """What a second process of the same hub works with: its own cache, and its own count of what it sent."""
    return replace(deps, owner=owner, pacer=Pacer(), cache=TTLCache(overlaps(deps).clock.monotonic))


def seen_from(hub: H, process: Deps) -> H:
    """The same hub for the same person, served by another process."""
    return replace(hub, deps=process, client=create_app(process, blueprints(), documented=False).test_client())
