"""Google's adapters over the emulators and a Secret Manager in memory; each in a project of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from infra.local import secret_manager
from shared.adapters.google.bus import PubSubBus
from shared.adapters.google.consumption import Pace
from shared.adapters.google.pubsub import PubSub, ensure_topics
from shared.adapters.google.search import FirestoreSearch
from shared.adapters.google.secrets import SecretManagerSecrets
from shared.adapters.google.store import FirestoreStore
from shared.ports.bus import Bus
from shared.ports.search import Search
from shared.ports.secrets import Secrets
from shared.ports.store import Store
from tests.adapters.backends import BusUnderTest, emulators

# The shortest lease that Pub/Sub supports: it takes that long to notice that a consumer was killed.
PACE = Pace(max_attempts=4, min_backoff=0.02, max_backoff=0.1, lease=10, workers=8)


def available() -> str | None:
    return emulators.missing()


@contextmanager
def open_store() -> Iterator[Store]:
    store = FirestoreStore(project(), emulator_host=emulators.firestore())
    yield store
    store.close()


@contextmanager
def open_bus() -> Iterator[BusUnderTest]:
    pubsub = PubSub(project(), emulator_host=emulators.pubsub())
    ensure_topics(pubsub)
    where = f"{pubsub.emulator_host}/{pubsub.project}"
    bus = connect_bus(where)
    yield BusUnderTest(bus=bus, where=where, max_attempts=PACE.max_attempts)
    bus.close()
    pubsub.close()


def connect_bus(where: str) -> Bus:
    host, name = where.split("/")
    return PubSubBus(name, emulator_host=host, pace=PACE)


@contextmanager
def open_search() -> Iterator[tuple[Store, Search]]:
    with open_store() as store:
        assert isinstance(store, FirestoreStore)
        yield store, FirestoreSearch(store)


@contextmanager
def open_secrets() -> Iterator[Secrets]:
    with secret_manager.serving() as server:
        adapter = SecretManagerSecrets(project(), endpoint=server.address)
        yield adapter
        adapter.close()


def project() -> str:
    """A new project id; the emulators keep projects apart, and create one when it is first named."""
    return f"test-{secrets.token_hex(6)}"
