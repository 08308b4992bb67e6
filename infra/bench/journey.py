"""A message's way through the hub, one step at a time in one thread, so that each step's cost can be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.deliver.main import consume as deliver
from functions.hub.main import blueprints
from functions.normalize.main import consume as normalize
from functions.reply.main import consume as reply
from infra.bench.counting import Cost, CountingStore, Meter
from infra.bench.updates import update
from shared.deps import Deps
from shared.domain.events import Event, Topic
from shared.http.app import create_app
from shared.ports.bus import Choice, Consumer, DeadLetterPage

if TYPE_CHECKING:
    from flask.testing import FlaskClient


class HeldBus:
    """`Bus` that keeps what is published until somebody takes it."""

    def __init__(self) -> None:
        self._held: dict[Topic, list[Event]] = {topic: [] for topic in Topic}

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        self._held[topic].append(event)

    def take(self, topic: Topic) -> list[Event]:
        events, self._held[topic] = self._held[topic], []
        return events

    def consume(self, consumers: Mapping[Topic, Consumer]) -> Callable[[], None]:
        return lambda: None

    @property
    def alive(self) -> bool:
        return True

    def dead_letters(self, topic: Topic, limit: int = 100, cursor: str | None = None) -> DeadLetterPage:
        return DeadLetterPage([])

    def redrive(self, topic: Topic, letter_id: str) -> None:
        """Nothing ever dies here."""

    def replay(self, topic: Topic, since: datetime) -> int:
        return 0

    def erase(self, topic: Topic, choose: Choice) -> int:
        return 0

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What each step of one message took."""

    webhook: Cost
    inbound: Cost
    reply: Cost
    deliver: Cost

    @property
    def answer(self) -> Cost:
        return self.reply + self.deliver


@dataclass
class Journey:
    """A hub with one tenant and one Telegram bot, whose provider is what the settings of `deps` say.

    Costs are what was asked of the store, unless another `meter` is given.
    """

    deps: Deps
    store: CountingStore = field(init=False)
    bus: HeldBus = field(default_factory=HeldBus)
    meter: Meter | None = None
    webhook_path: str = field(init=False)
    _client: FlaskClient = field(init=False)
    _headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = CountingStore(self.deps.store)
        self.deps = dataclasses.replace(self.deps, store=self.store, bus=self.bus)
        self._client = create_app(self.deps, blueprints()).test_client()
        owner = {"email": "owner@example.com", "password": "correct horse"}
        self._headers["Authorization"] = f"Bearer {self._post('/api/auth/register', owner)['accessToken']}"
        channel = {
            "name": "Support",
            "type": "TELEGRAM_BOT",
            "config": {"botToken": "7:token", "pacePerSecond": 0, "messagesPerMinute": 0},
        }
        self.webhook_path = f"/api/telegram/bot/webhook/{self._post('/api/channels', channel)['id']}"

    def hire_echo(self) -> None:
        """From now on customers are answered."""
        self._post("/api/agents", {"name": "Echo"})

    def get(self, path: str) -> tuple[Any, Cost]:
        """A request of the owner's, and what it cost."""
        before = self._spent()
        answer = self._client.get(path, headers=self._headers)
        return _checked(answer.status_code, answer.json), self._spent() - before

    def call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """A request of the owner's."""
        answer = self._client.open(path, method=method, json=body, headers=self._headers)
        return _checked(answer.status_code, answer.json)

    def write(self, chat: int, number: int) -> Costs:
        """A customer writes: the webhook, and all that follows from it."""
        return Costs(**{name: self._cost(step) for name, step in self.steps(chat, number).items()})

    def steps(self, chat: int, number: int) -> dict[str, Callable[[], object]]:
        """The same, one call for each function; to be made in this order."""
        return {
            "webhook": lambda: self._post(self.webhook_path, update(chat, number)),
            "inbound": lambda: self._consume(Topic.INBOUND, normalize),
            "reply": lambda: self._consume(Topic.REPLIES, reply),
            "deliver": lambda: self._consume(Topic.OUTBOUND, deliver),
        }

    def _consume(self, topic: Topic, consume: Callable[[Deps, Any], None]) -> None:
        for event in self.bus.take(topic):
            consume(self.deps, event)

    def _cost(self, step: Callable[[], object]) -> Cost:
        before = self._spent()
        step()
        return self._spent() - before

    def _spent(self) -> Cost:
        return (self.meter or self.store).spent

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self._client.post(path, json=body, headers=self._headers)
        return _checked(answer.status_code, answer.json)


def _checked(status: int, body: Any) -> Any:
    if not 200 <= status < 300:
        raise RuntimeError(f"the hub answered {status}: {body}")
    return body
