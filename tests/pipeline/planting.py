"""A customer whose traces can be counted: a word planted wherever the hub keeps something, counted in raw storage."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from functions.tick.main import tick
from shared.adapters.embedded.blobs import FileBlobs
from shared.adapters.embedded.files import DirectoryFiles
from shared.adapters.google.peek import all_messages
from shared.adapters.google.pubsub import PubSub
from shared.adapters.google.search_entries import field_name
from shared.adapters.google.wire import attributes_of, failure_attributes
from shared.bootstrap import bootstrap, close, ensure_emulated_topics, utc_now
from shared.documents import ids
from shared.documents.collection import Schema
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.agents import AgentCollaboration, AgentRun
from shared.domain.calls import Call
from shared.domain.events import Event, InboundEvent, RealtimeEvent, Topic
from shared.domain.instances import ChannelType
from shared.errors import StoreError
from shared.ports.search import Kind
from shared.ports.store import Create, Ref
from tests.adapters.backends import emulators
from tests.adapters.backends.google import project
from tests.documents import a_user
from tests.eventually import eventually
from tests.google.deployment import require_emulators
from tests.index_check import recorded
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.stubs import Reply, Stub

WORD = "zebrafinch"
"""What nobody else says."""

CHAT, OTHER_CHAT = 771_234_567, 771_234_568
PNG = b"\x89PNG\r\n\x1a\n" + WORD.encode() * 50


@dataclass
class Traces:
    """A running hub, and how often the word stands in each place of its raw storage."""

    hub: Hub
    count: Callable[[], Counter[str]]
    bury: Callable[[Topic, Event, str], None]

    def later(self, minutes: float) -> None:
        """What the schedule does some minutes from now."""
        deps = self.hub.deps
        tick(replace(deps, now=lambda: utc_now() + timedelta(minutes=minutes)))

    def settle(self) -> None:
        eventually(self.hub.idle)


@contextmanager
def embedded_traces(settings: Any, provider: Stub) -> Iterator[Traces]:
    """On one machine: every byte of every file in the data directory."""
    with recorded(settings) as deps:
        telegram_rules(provider)
        with running_hub(deps, provider) as hub:
            hub.register()
            yield Traces(hub, lambda: _in_directory(settings.data_dir), lambda *letter: _bury(settings, *letter))


@contextmanager
def google_traces(settings: Any, provider: Stub) -> Iterator[Traces]:
    """On Google's emulators: every document of Firestore, every message that Pub/Sub keeps, and every file."""
    require_emulators()
    here = settings.model_copy(
        update={
            "backend": "google",
            "google_cloud_project": project(),
            "firestore_emulator_host": emulators.firestore(),
            "pubsub_emulator_host": emulators.pubsub(),
        }
    )
    ensure_emulated_topics(here)
    embedded = bootstrap(settings, durable=False)
    google = bootstrap(here)
    directory = settings.data_dir / "objects"
    deps = replace(
        google,
        secrets=embedded.secrets,
        files=DirectoryFiles(directory / "files"),
        blobs=FileBlobs(directory / "blobs", utc_now),
    )
    pubsub = PubSub(here.google_cloud_project or "", emulator_host=here.pubsub_emulator_host)
    telegram_rules(provider)
    try:
        with running_hub(deps, provider) as hub:
            hub.register()

            def count() -> Counter[str]:
                return _in_firestore(hub) + _in_pubsub(pubsub) + _in_directory(directory)

            yield Traces(hub, count, lambda *letter: _bury_on_pubsub(pubsub, *letter))
    finally:
        pubsub.close()
        close(google)
        close(embedded)


def _in_directory(directory: Path) -> Counter[str]:
    files = (path for path in directory.rglob("*") if path.is_file())
    counts = {str(path.relative_to(directory)): path.read_bytes().lower().count(WORD.encode()) for path in files}
    return +Counter(counts)


def _in_firestore(hub: Hub) -> Counter[str]:
    """Also the words of the search index, which are hashed."""
    hashed = [field_name(hub.tenant_id, kind, WORD) for kind in Kind]
    schemas = (each for each in vars(UnitOfWork).values() if isinstance(each, Schema))
    counts: Counter[str] = Counter()
    for collection in {"search_entries", *(schema.collection for schema in schemas)}:
        for document in hub.store.find(collection, limit=2000).documents:
            raw = repr(document.data).lower()
            counts[collection] += sum(raw.count(word) for word in (WORD, *hashed))
    return +counts


def _in_pubsub(pubsub: PubSub) -> Counter[str]:
    subscriptions = [pubsub.dead_subscription(topic) for topic in Topic]
    counts: Counter[str] = Counter()
    for subscription in [*subscriptions, pubsub.retained_subscription(Topic.INBOUND)]:
        with all_messages(pubsub, subscription, 10_000) as messages:
            data = [received.message.data.lower() for received in messages]
        counts[subscription.rpartition("/")[2]] += sum(each.count(WORD.encode()) for each in data)
    return +counts


def _bury(settings: Any, topic: Topic, event: Event, key: str) -> None:
    with closing(sqlite3.connect(settings.data_dir / "hub.db", timeout=10)) as database, database:
        database.execute(
            "INSERT INTO dead_letters (topic, key, event, reason, died_at) VALUES (?, ?, ?, 'broken', ?)",
            (topic.value, key, event.model_dump_json(), utc_now().isoformat()),
        )


def _bury_on_pubsub(pubsub: PubSub, topic: Topic, event: Event, key: str) -> None:
    attributes = attributes_of(event) | failure_attributes(StoreError("broken"))
    pubsub.send(pubsub.dead_topic(topic), event.model_dump_json().encode(), attributes, key)


@dataclass(frozen=True)
class Planted:
    """The customer, their conversation and the channel, and what their provider may send once more."""

    customer_id: str
    conversation_id: str
    channel_id: str
    updates: list[dict[str, Any]]


def plant(traces: Traces, receiver: Stub) -> Planted:
    """Have a customer leave the word everywhere: what they write, are sent, are called, and what is noted of them."""
    hub = traces.hub
    hub.provider.on("POST", "/getFile", Reply(json={"ok": True, "result": {"file_id": "F", "file_path": "a.png"}}))
    hub.provider.on("GET", "/file/", Reply(content=PNG, headers={"content-type": "image/png"}))
    hub.post("/api/webhooks", {"url": f"{receiver.url}/hook", "topics": ["message", "conversation", "customer"]}, 201)
    channel_id = hub.telegram()
    updates = [_update(hub, f"hello {WORD}"), _picture(hub), _update(hub, "as you wish")]
    for update in updates:
        hub.deliver_update(channel_id, update)
    eventually(lambda: len(hub.messages()) == 3)
    edit = _update(hub, f"no, {WORD}")
    edited = {
        "update_id": edit["update_id"],
        "edited_message": edit["message"] | {"edit_date": edit["message"]["date"]},
    }
    edited["edited_message"]["message_id"] = updates[2]["message"]["message_id"]
    early = json.loads(json.dumps(edited)) | {"update_id": edit["update_id"] + 5000}
    early["edited_message"]["message_id"] += 5000  # of a message that never comes
    for update in (edited, early):
        hub.deliver_update(channel_id, update)
    eventually(lambda: len([each for each in hub.documents("messages") if "early" in each]) == 1)
    conversation = hub.conversation()
    customer_id = conversation.customer_id
    _fetch_before_it_is_copied(hub)
    traces.later(0)
    eventually(lambda: [copy["state"] for copy in hub.documents("file_copies")] == ["stored"])
    _work_on(traces, conversation.id, customer_id)
    _merge_another(traces, channel_id, customer_id)
    _leave_what_takes_long_to_make(traces, conversation.id, channel_id)
    traces.settle()
    return Planted(customer_id, conversation.id, channel_id, [*updates, edited, early])


def _update(hub: Hub, text: str, chat: int = CHAT) -> dict[str, Any]:
    update = hub.update(chat, text)
    update["message"]["from"]["first_name"] = f"Ann {WORD}"
    return update


def _picture(hub: Hub) -> dict[str, Any]:
    update = _update(hub, "")
    del update["message"]["text"]
    update["message"]["document"] = {"file_id": "F", "file_unique_id": "F", "file_name": f"{WORD}.png"}
    return update


def _fetch_before_it_is_copied(hub: Hub) -> None:
    """So that a cache has it."""
    [picture] = [message for message in hub.messages() if message.attachments]
    answer = hub.client.get(f"/media/{picture.id}-0", headers=hub.headers)
    assert answer.status_code == 200


def _work_on(traces: Traces, conversation_id: str, customer_id: str) -> None:
    hub = traces.hub
    file = hub.client.post("/api/files", data=PNG + b"ours", content_type="image/png", headers=hub.headers)
    assert file.status_code == 201, file.text
    attachment = {"type": "document", "fileId": (file.json or {})["id"]}
    hub.post("/api/messages/send", {"conversationId": conversation_id, "text": f"yes, {WORD}"}, 202)
    hub.post("/api/messages/send", {"conversationId": conversation_id, "text": WORD, "attachments": [attachment]}, 202)
    hub.store.commit([Create(Ref("users", "bea"), a_user(id="bea", tenant_id=hub.tenant_id).model_dump())])
    note = {"text": f"mind the {WORD}", "mentionedIds": ["bea"]}
    hub.post(f"/api/conversations/{conversation_id}/notes", note, 201)
    hub.patch(f"/api/conversations/{conversation_id}", {"tags": [WORD]})
    hub.patch(
        f"/api/customers/{customer_id}",
        {"email": f"ann@{WORD}.example", "tags": [WORD], "customFields": {"bird": WORD}},
    )
    hub.post(f"/sessions/{conversation_id}/rating", {"score": 5, "comment": WORD})
    traces.settle()


def _merge_another(traces: Traces, channel_id: str, customer_id: str) -> None:
    hub = traces.hub
    hub.deliver_update(channel_id, _update(hub, f"me again, {WORD}", OTHER_CHAT))
    [other] = eventually(lambda: [each for each in hub.conversations() if each.customer_id != customer_id])
    hub.post(f"/api/customers/{customer_id}/merge", {"sourceId": other.customer_id})


def _leave_what_takes_long_to_make(traces: Traces, conversation_id: str, channel_id: str) -> None:
    """What an agent, a call or a failure would leave."""
    hub, now = traces.hub, utc_now()
    about = {"tenant_id": hub.tenant_id, "conversation_id": conversation_id}
    unit = UnitOfWork(hub.store)
    unit.collaborations.add(
        AgentCollaboration(
            id="collaboration",
            message_id="m",
            team_id="t",
            team_name="Team",
            lead_agent_id="a",
            question=WORD,
            answer=WORD,
            created_at=now,
            **about,
        )
    )
    run = AgentRun(conversation_id=conversation_id, rounds=[WORD], expires_at=now + timedelta(days=1))
    unit.agent_runs.add(run, ids.agent_run(conversation_id, now))
    unit.calls.add(
        Call(
            id="call",
            instance_id=channel_id,
            channel=ChannelType.VOICE,
            external_call_id=WORD,
            open=False,
            started_at=now,
            updated_at=now,
            **about,
        )
    )
    unit.commit()
    payload = {"update_id": 9, "message": {"chat": {"id": CHAT}, "from": {"id": CHAT}, "voice": WORD}}
    inbound = InboundEvent(
        tenant_id=hub.tenant_id, instance_id=channel_id, channel="telegram_bot", payload=payload, received_at=now
    )
    message_event = RealtimeEvent(
        tenant_id=hub.tenant_id,
        room=channel_id,
        name="message-created",
        payload={"conversation_id": conversation_id, "message": {"text": WORD}},
    )
    traces.bury(Topic.INBOUND, inbound, f"{channel_id}:{CHAT}")
    traces.bury(Topic.REALTIME, message_event, channel_id)
