"""What happens to a conversation, field by field: the documents that each step makes or changes, and the bus's events.

The recordings lie in `golden`. Fields that have their default are left out, ids are shown by what they belong to. After
a change that is meant, read the difference and take over the file that the failing test has written.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from shared.deps import Deps
from shared.domain.calls import Call
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer, Identity
from shared.domain.events import Topic
from shared.domain.messages import OutboxItem, message_place
from shared.domain.notifications import Notification
from shared.domain.ratings import Rating
from tests.evolution import MARIA, written
from tests.overlaps import Clock, Published
from tests.pipeline.manual_hub import PHONE, ManualHub
from tests.stubs import Reply

GOLDEN = Path(__file__).parent / "golden"
BEGINNING = datetime(2026, 11, 21, 10, 2, tzinfo=UTC)
GROUP = "120363025246125486@g.us"
MODELS: Mapping[str, Callable[[Any], BaseModel]] = {
    "customers": Customer.model_validate,
    "identities": Identity.model_validate,
    "conversations": Conversation.model_validate,
    "messages": message_place,
    "outbox": OutboxItem.model_validate,
    "calls": Call.model_validate,
    "ratings": Rating.model_validate,
    "notifications": Notification.model_validate,
}
KINDS = {"customers": "customer", "identities": "identity", "conversations": "conversation", "messages": "message"}
COUNTERS = ("stats", "campaign_counters")
_ID = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01|\b[0-9a-f]{16,64}\b")


class StoppedClock(Clock):
    """Stands still until the test lets time pass."""

    def __call__(self) -> datetime:
        return BEGINNING + self._later


@pytest.fixture
def deps(deps: Deps) -> Deps:
    return replace(deps, now=StoppedClock())


@dataclass
class Story:
    """Records step after step what has changed."""

    hub: ManualHub
    names: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)
    _documents: dict[str, Any] = field(default_factory=dict)
    _seen: int = 0

    def begins(self, **ids: str) -> None:
        """What there is already is no part of the story."""
        self.names |= {id_: name for name, id_ in ids.items()}
        self._changes()

    def step(self, name: str, minutes: float = 1) -> None:
        """What has happened since the last step; afterwards time passes."""
        self.steps[name] = self._changes()
        self.hub.overlaps.clock.advance(minutes=minutes)

    def is_as_recorded(self, name: str) -> None:
        recording = GOLDEN / f"{name}.json"
        recorded = json.loads(recording.read_text("utf-8")) if recording.exists() else {}
        if self.steps != recorded:
            recording.with_suffix(".new.json").write_text(_text(self.steps), "utf-8")
        assert self.steps == recorded

    def _changes(self) -> dict[str, Any]:
        events = list(self.hub.overlaps.bus.published)
        new_events, self._seen = events[self._seen :], len(events)
        former, self._documents = self._documents, self._collected()
        assert former.keys() <= self._documents.keys(), "nothing is deleted"
        changes = {name: _difference(former.get(name, {}), form) for name, form in self._documents.items()}
        changed: dict[str, Any] = {name: change for name, change in changes.items() if change}
        return changed | {"events": [self._named(_form(each)) for each in new_events]}

    def _collected(self) -> dict[str, Any]:
        """The forms of all documents, by collection and name."""
        forms = {
            (collection, each.ref.id): read(each.data).model_dump(mode="json", exclude_defaults=True)
            for collection, read in MODELS.items()
            for each in self.hub.store.find(collection, limit=1000).documents
        }
        names = {key: self._name(*key) for key in sorted(forms, key=lambda each: _ID.sub("", json.dumps(forms[each])))}
        named = {f"{key[0]}: {names[key]}": self._named(form) for key, form in forms.items()}
        for collection in COUNTERS:
            for document in self.hub.store.find(collection, limit=1000).documents:
                form = self._named(json.loads(json.dumps(document.data, default=str)))
                name = " ".join([f"{collection}:", *(form[key] for key in ("instance_id", "hour") if key in form)])
                named[name] = _sum(named.get(name, {}), form)
        return dict(sorted(named.items()))

    def _named(self, form: Any) -> Any:
        return json.loads(_ID.sub(lambda match: self._name("id", match[0]), json.dumps(form)))

    def _name(self, kind: str, id_: str) -> str:
        if id_ not in self.names:
            self._numbers[kind] += 1
            self.names[id_] = f"{KINDS.get(kind, kind)} {self._numbers[kind]}"
        return self.names[id_]


def _sum(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Of the shards of counters, whose other fields are alike."""

    def added(name: str) -> Any:
        values = [each[name] for each in (one, other) if name in each]
        if isinstance(values[0], dict):
            return _sum(*values) if len(values) == 2 else values[0]
        return values[0] if isinstance(values[0], str) else sum(values)

    return {name: added(name) for name in one | other}


def _difference(former: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    """The fields that have another value; None for one that has its default again."""
    return {name: form.get(name) for name in former | form if former.get(name) != form.get(name)}


def _form(published: Published) -> dict[str, Any]:
    """Of what clients are told the names alone: `tests/infra` has the rest."""
    left_out = {"id", "payload", "tenant_id", "request_id"}
    if published.topic is Topic.REALTIME:
        left_out |= {"traceparent"}
    event = published.event.model_dump(mode="json", exclude_defaults=True, exclude=left_out)
    return {"topic": published.topic, "key": published.key, "delay": published.delay} | event


def _text(steps: Mapping[str, Any]) -> str:
    """As JSON with a line for each document and each event."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    def block(changes: Mapping[str, Any]) -> str:
        entries = [f"  {line(name)}: {line(change)}" for name, change in changes.items() if name != "events"]
        events = ",\n".join(f"   {line(event)}" for event in changes["events"])
        return "{\n" + ",\n".join([*entries, f'  "events": [\n{events}\n  ]']) + "\n }"

    return "{\n" + ",\n".join(f" {line(name)}: {block(changes)}" for name, changes in steps.items()) + "\n}\n"


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def story(hub: ManualHub, bot: str, whatsapp: str) -> Story:
    story = Story(hub)
    story.begins(tenant=hub.tenant_id, worker=hub.deps.owner, bot=bot, shop=whatsapp, group=GROUP.partition("@")[0])
    return story


def _writes(hub: ManualHub, bot: str, text: str) -> None:
    """A customer does, by Telegram."""
    update = hub.update(5, text)
    update["message"]["date"] = int(hub.deps.now().timestamp())
    hub.deliver_update(bot, update)
    hub.work(Topic.INBOUND)


def _brings(hub: ManualHub, whatsapp: str, event: str, data: Any) -> None:
    body = {"event": event, "instance": "shop", "sender": "5511900000000@s.whatsapp.net", "data": data}
    assert hub.client.post(f"/webhook/whatsapp/{whatsapp}", json=body).status_code == 200
    hub.work(Topic.INBOUND)


def _written(hub: ManualHub, text: str, **key: Any) -> dict[str, Any]:
    return written(text, **key) | {"messageTimestamp": int(hub.deps.now().timestamp())}


def test_a_conversation_is_answered_closed_rated_and_opened_again(hub: ManualHub, bot: str, story: Story) -> None:
    hub.patch(f"/api/channels/{bot}", {"config": {"csat": True}})
    story.begins()
    _writes(hub, bot, "hello")
    story.step("the customer writes")
    _writes(hub, bot, "anybody there?")
    story.step("the customer writes again")
    session = hub.conversation().id
    hub.say(session, "I am", key="a-key-of-the-client")
    story.step("a person answers")
    hub.work()
    story.step("the answer is delivered")
    hub.set_status(session, "CLOSED")
    story.step("the conversation is closed")
    hub.work()
    story.step("the survey is delivered")
    _writes(hub, bot, "4")
    story.step("the customer rates it")
    hub.post(f"/sessions/{session}/rating", {"score": 2, "comment": "on second thoughts"})
    story.step("the rating is changed")
    hub.snooze(session)
    story.step("it is opened again, to sleep")
    hub.say(session, "one thing more")
    hub.work()
    story.step("an answer wakes it")
    story.is_as_recorded("conversation")


def test_a_message_is_tried_again_and_dies(hub: ManualHub, bot: str, story: Story) -> None:
    _writes(hub, bot, "hello")
    session = hub.conversation().id
    story.begins()
    hub.provider.on("POST", "/sendMessage", Reply(403, {"ok": False, "description": "Forbidden: blocked"}), times=1)
    hub.provider.on("POST", "/sendMessage", Reply(503, {"ok": False, "description": "Unavailable"}), times=1)
    hub.say(session, "first")
    hub.work()
    story.step("the provider is not available")
    hub.work()
    story.step("the provider refuses")
    hub.provider.on("POST", "/sendMessage", Reply(drop=True), times=1)
    hub.say(session, "second")
    hub.work()
    story.step("the connection breaks")
    [item] = [each["id"] for each in hub.documents("outbox", reason="outcome_unknown")]
    hub.post(f"/api/outbox/{item}/redrive", {}, 202)
    story.step("it is sent again by hand")
    hub.work()
    story.step("and delivered")
    story.is_as_recorded("failures")


def test_a_session_is_begun_and_moves(hub: ManualHub, bot: str, whatsapp: str, story: Story) -> None:
    _writes(hub, bot, "hello")
    conversation = hub.conversation()
    customer = conversation.customer_id
    hub.put(f"/customers/{customer}/profile", {"phone": PHONE, "name": "Ann"})
    story.begins()
    body = {"customer_id": customer, "channel_type": "whatsapp", "priority": "high", "initial_message": "my order?"}
    begun = hub.post("/sessions/create", body)["session_id"]
    story.step("somebody begins a session for the customer")
    hub.snooze(begun)
    hub.post("/sessions/create", body | {"priority": "urgent", "initial_message": "my order!"})
    story.step("and once more while it sleeps")
    hub.set_status(begun, "CLOSED")
    story.step("it is closed")
    hub.snooze(conversation.id)
    hub.move(conversation.id, reason="on the road", agent_id="agent-7")
    story.step("the other one moves to WhatsApp")
    hub.say(conversation.id, "hello over there")
    hub.work()
    story.step("and is answered there")
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "hello too"))
    story.step("the customer writes there")
    hub.move(conversation.id, from_channel="whatsapp", to_channel="telegram_bot")
    story.step("it moves back")
    story.is_as_recorded("sessions")


def test_an_account_of_whatsapp_tells_all_that_it_can(hub: ManualHub, whatsapp: str, story: Story) -> None:
    _brings(hub, whatsapp, "messages.set", [written("long ago") | {"messageTimestamp": 1_790_000_000}])
    story.step("history")
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "hello"))
    story.step("the customer writes")
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "from our telephone", fromMe=True))
    story.step("the business answers by telephone")
    hub.say(hub.conversation().id, "and by the hub")
    hub.work()
    story.step("and by the hub")
    for status in ("DELIVERY_ACK", "READ"):
        receipt = {"keyId": "OUT1", "remoteJid": MARIA, "fromMe": True, "status": status}
        _brings(hub, whatsapp, "messages.update", receipt)
    story.step("the answer is read")
    key = {"remoteJid": MARIA, "fromMe": False, "id": "IN-hello"}
    edit = {"type": "MESSAGE_EDIT", "editedMessage": {"conversation": "hello!"}, "timestampMs": "1795255400000"}
    _brings(hub, whatsapp, "messages.edited", edit | {"key": key})
    story.step("the customer's message is edited")
    content = {"messageType": "reactionMessage", "message": {"reactionMessage": {"key": key, "text": "👍"}}}
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "", id="R1", fromMe=True) | content)
    story.step("reacted to")
    _brings(hub, whatsapp, "messages.delete", key)
    story.step("and deleted")
    early = {"keyId": "EARLY", "remoteJid": MARIA, "fromMe": True, "status": "READ"}
    _brings(hub, whatsapp, "messages.update", early)
    story.step("a receipt comes early")
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "late", id="EARLY", fromMe=True))
    story.step("and its message late")
    key = {"remoteJid": GROUP, "participant": "5511922222222@s.whatsapp.net"}
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "hello all", **key) | {"pushName": "Bob"})
    story.step("somebody writes in a group")
    hidden = {"remoteJid": "77@lid", "id": "H1"}
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "by a hidden address", **hidden))
    story.step("somebody writes by a hidden address")
    hidden |= {"remoteJidAlt": MARIA, "id": "H2"}
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "it is me", **hidden))
    story.step("who turns out to be the customer")
    story.is_as_recorded("whatsapp")


def test_a_machine_answers_and_a_campaign_comes(hub: ManualHub, bot: str, story: Story) -> None:
    agent = hub.echo_agent()
    hub.post("/routing/rules", {"condition": "text contains order", "action": "set_priority:high"}, 201)
    story.begins(agent=agent)
    _writes(hub, bot, "my order?")
    story.step("the customer writes")
    hub.work()
    story.step("the machine answers")
    audience = {"customer_ids": [hub.conversation().customer_id]}
    sale = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!", "audience": audience}
    campaign = str(hub.post("/campaigns", sale, 201)["campaign_id"])
    hub.post(f"/campaigns/{campaign}/launch", {}, 202)
    hub.tick()
    story.step("a campaign comes")
    _writes(hub, bot, "how much?")
    story.step("the customer responds")
    story.is_as_recorded("machine")
