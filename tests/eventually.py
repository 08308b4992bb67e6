"""Waiting for conditions that other threads or processes fulfil; a timeout shows the state of the hubs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from shared.deps import Deps
from shared.domain.events import Topic
from shared.errors import HubError
from tests.overlaps import OverlapBus

T = TypeVar("T")

_MOST = 20
_COLLECTIONS: dict[str, tuple[str, ...]] = {
    "outbox": ("status", "attempts", "reason", "error", "open", "due_at", "next_retry_at", "lease_owner"),
    "conversations": (
        "status",
        "external_conversation_id",
        "needs_reply_since",
        "needs_human",
        "assignee_id",
        "last_inbound_message_id",
        "last_auto_reply_at",
    ),
    "messages": ("direction", "status", "text", "error", "conversation_id", "sent_at", "early", "alias_of"),
    "notifications": ("type", "message"),
}
"""What is shown of a hub's documents."""

_states: list[Callable[[], str]] = []


def eventually(look: Callable[[], T], timeout: float = 15.0) -> T:
    """Repeat until the result is truthy, and not a look-up that fails; a failure shows the state of the test's hubs."""
    deadline = time.monotonic() + timeout
    while True:
        answer: T | LookupError
        try:
            answer = look()
        except LookupError as error:
            answer = error
        else:
            if answer:
                return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"it never came true: {answer!r}\n" + "\n".join(state() for state in _states))
        time.sleep(0.01)


@contextmanager
def shown_on_failure(state: Callable[[], str]) -> Iterator[None]:
    """Within this context a failing `eventually` also shows `state`."""
    _states.append(state)
    try:
        yield
    finally:
        _states.remove(state)


def state_of(deps: Deps) -> str:
    """The documents and events that a message's way is made of, the newest last, each cut to what decides its fate."""
    return "\n".join([*_documents(deps), *_events(deps)])


def _documents(deps: Deps) -> Iterator[str]:
    for collection, fields in _COLLECTIONS.items():
        try:
            documents = deps.store.find(collection, limit=500).documents
        except HubError as error:
            yield f"{collection}: {error.detail}"
            continue
        documents.sort(key=lambda document: str(document.data.get("created_at")))
        yield f"{collection}: {len(documents)}"
        for document in documents[-_MOST:]:
            present_fields = {name: document.data[name] for name in fields if document.data.get(name) is not None}
            yield f"  {document.id} {_short(present_fields)}"


def _events(deps: Deps) -> Iterator[str]:
    if isinstance(deps.bus, OverlapBus):
        yield f"published: {len(deps.bus.published)}"
        for each in list(deps.bus.published)[-_MOST:]:
            yield f"  {each.topic} {each.key} {_short(each.event.model_dump(exclude_none=True))}"
    for topic in Topic:
        try:
            letters = deps.bus.dead_letters(topic, limit=_MOST).letters
        except HubError as error:
            yield f"dead letters: {topic}: {error.detail}"
            continue
        for letter in letters:
            yield f"dead letter: {topic} {letter.reason} {_short(letter.event.model_dump(exclude_none=True))}"


def _short(what: object) -> str:
    text = str(what)
    return text if len(text) <= 400 else f"{text[:400]}…"
