"""The embedded adapters, each in a directory of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.adapters.embedded.bus import SqliteBus
from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.search import SqliteSearch
from shared.adapters.embedded.secrets import SealedSecrets
from shared.adapters.embedded.store import SqliteStore
from shared.ports.bus import Bus
from shared.ports.search import Search
from shared.ports.secrets import Secrets
from shared.ports.store import Store
from tests.adapters.backends import BusUnderTest

MAX_ATTEMPTS = 4


class ExplainingDatabase(Database):
    """Refuses reads for which SQLite would walk through a table or sort more than `in` makes necessary."""

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        for *_, step in super().read(f"EXPLAIN QUERY PLAN {sql}", parameters):
            scans = step.startswith("SCAN") and not any(
                word in step for word in ("USING", "VIRTUAL TABLE", "(subquery")
            )
            sorts = step.startswith("USE TEMP B-TREE") and " in (" not in sql
            assert not scans, f"{step}: {sql}"
            assert not sorts, f"{step}: {sql}"
        return super().read(sql, parameters)


def available() -> str | None:
    return None


@contextmanager
def open_store() -> Iterator[Store]:
    with TemporaryDirectory() as directory:
        store = SqliteStore(ExplainingDatabase(Path(directory)))
        yield store
        store.close()


@contextmanager
def open_bus() -> Iterator[BusUnderTest]:
    with TemporaryDirectory() as directory:
        bus = connect_bus(directory)
        yield BusUnderTest(bus=bus, where=directory, max_attempts=MAX_ATTEMPTS)
        bus.close()


def connect_bus(where: str) -> Bus:
    return SqliteBus(Database(Path(where)), min_backoff=0.02, max_backoff=0.1, max_attempts=MAX_ATTEMPTS)


@contextmanager
def open_search() -> Iterator[tuple[Store, Search]]:
    with TemporaryDirectory() as directory:
        database = Database(Path(directory))
        yield SqliteStore(database), SqliteSearch(database)
        database.close()


@contextmanager
def open_secrets() -> Iterator[Secrets]:
    with TemporaryDirectory() as directory:
        secrets = SealedSecrets(Database(Path(directory)), Path(directory) / "secrets.key")
        yield secrets
        secrets.close()
