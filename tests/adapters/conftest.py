"""The adapters under contract: every test here that takes `store`, `bus` or `secrets` runs once per backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from typing import cast

import pytest

from shared.ports.bus import Bus
from shared.ports.secrets import Secrets
from shared.ports.store import Store
from tests.adapters.backends import Backend, BusUnderTest

EMULATORS_REQUIRED = os.environ.get("REQUIRE_EMULATORS") == "1"  # noqa: TID251  a switch of the tests, not of the hub


@pytest.fixture(params=["embedded", "google"])
def backend_name(request: pytest.FixtureRequest) -> str:
    return cast(str, request.param)


@pytest.fixture
def backend(backend_name: str) -> Backend:
    # A backend that is not selected must not cost its imports.
    backend = cast(Backend, import_module(f"tests.adapters.backends.{backend_name}"))
    missing = backend.available()
    if missing and EMULATORS_REQUIRED:
        pytest.fail(f"REQUIRE_EMULATORS=1, but {missing}")
    if missing:
        pytest.skip(missing)
    return backend


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    with backend.open_store() as store:
        yield store


@pytest.fixture
def bus_under_test(backend: Backend) -> Iterator[BusUnderTest]:
    with backend.open_bus() as bus_under_test:
        yield bus_under_test


@pytest.fixture
def bus(bus_under_test: BusUnderTest) -> Bus:
    return bus_under_test.bus


@pytest.fixture
def secrets(backend: Backend) -> Iterator[Secrets]:
    with backend.open_secrets() as secrets:
        yield secrets
