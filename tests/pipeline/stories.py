"""Stories: each step's changes of the store, field by field, and the events that it put on the bus."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.documents.collection import Schema
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import Topic
from tests.overlaps import Clock, Published
from tests.pipeline.manual_hub import ManualHub

GOLDEN = Path(__file__).parent / "golden"
BEGINNING = datetime(2026, 11, 21, 10, 2, tzinfo=UTC)
SCHEMAS: Mapping[str, Schema[Any]] = {
    schema.collection: schema for schema in vars(UnitOfWork).values() if isinstance(schema, Schema)
}
"""By collection; of `messages` the one that reads all that can lie there."""

KINDS = {"customers": "customer", "identities": "identity", "conversations": "conversation", "messages": "message"}
COUNTERS = ("stats", "campaign_counters")
"""In shards: the sums matter."""

TOLD_AGAIN = ("audit_entries", "audit_chains")
"""What tells of the other changes; `tests/functions/omnichat/test_audit.py` is about it."""

RANDOM = {"password_hash", "prefix", "last_used_at", "secret_name"}
"""Fields that are of chance, or of the real time."""

_PICTURE = re.compile(r"[A-Za-z0-9+/]{200,}=*")
_ID = re.compile(r"(?:http://)?127\.0\.0\.1:\d+|00-[0-9a-f]{32}-[0-9a-f]{16}-01|\b[0-9a-f]{16,64}\b")


class StoppedClock(Clock):
    """Stands still until the test lets time pass."""

    def __call__(self) -> datetime:
        return BEGINNING + self._later


@dataclass
class Story:
    """Records step after step what has changed, and compares it with the recording of that name in `golden`.

    Fields that have their default are left out, ids are shown by what they belong to. After a change that is meant,
    read the difference of the file that the failing test has written, and rename it.
    """

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
        changes = {name: _difference(former.get(name, {}), form) for name, form in self._documents.items()}
        changed: dict[str, Any] = {name: change for name, change in changes.items() if change}
        changed |= dict.fromkeys(sorted(former.keys() - self._documents.keys()))
        return changed | {"events": [self._named(_form(each)) for each in new_events]}

    def _collected(self) -> dict[str, Any]:
        """The forms of all documents, by collection and name."""
        forms = {
            (collection, each.ref.id): schema.parse(each.data).model_dump(
                mode="json", exclude_defaults=True, exclude=RANDOM
            )
            for collection, schema in SCHEMAS.items()
            if collection not in COUNTERS + TOLD_AGAIN
            for each in self.hub.store.find(collection, limit=1000).documents
        }
        names = {key: self._name(*key) for key in sorted(forms, key=lambda each: self._content(each[1], forms[each]))}
        forms_by_name = {f"{key[0]}: {names[key]}": self._named(form) for key, form in forms.items()}
        for collection in COUNTERS:
            for document in self.hub.store.find(collection, limit=1000).documents:
                form = self._named(json.loads(json.dumps(document.data, default=str)))
                name = " ".join([f"{collection}:", *(form[key] for key in ("instance_id", "hour") if key in form)])
                forms_by_name[name] = _sum(forms_by_name.get(name, {}), form)
        return dict(sorted(forms_by_name.items()))

    def _named(self, form: Any) -> Any:
        text = _PICTURE.sub("(a picture)", json.dumps(form))
        return json.loads(_ID.sub(lambda match: self._name("id", _address(match[0])), text))

    def _content(self, own_id: str, form: dict[str, Any]) -> str:
        """What a document is ordered by: what it holds, without the ids that are of chance."""
        text = json.dumps(form).replace(own_id, "its own")
        return _ID.sub(lambda match: self.names.get(match[0], ""), text)

    def _name(self, kind: str, id_: str) -> str:
        if id_ not in self.names:
            self._numbers[kind] += 1
            self.names[id_] = f"{KINDS.get(kind, kind)} {self._numbers[kind]}"
        return self.names[id_]


def _address(id_: str) -> str:
    """The provider's address is also told without its scheme."""
    return f"http://{id_}" if id_.startswith("127.") else id_


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
