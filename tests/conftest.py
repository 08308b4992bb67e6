"""Fixtures for all tests, and the check of all queries against the declared indexes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import hypothesis
import pytest

from shared.config import Settings
from shared.deps import Deps
from shared.setting_index import DECLARED_BY
from tests.google.deployment import Shared, deployment, provider, shared_functions
from tests.google.web_client import WebClient
from tests.index_check import INDEXES, SHAPES, Shape, recorded, unused
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.pipeline.manual_hub import ManualHub, manual_hub_of
from tests.stubs import Stub

if TYPE_CHECKING:
    from flask.testing import FlaskClient

__all__ = ["deployment", "provider", "shared_functions"]  # fixtures for every test

# How fast a machine is must not decide whether a test passes.
hypothesis.settings.register_profile("hub", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("hub")


@pytest.fixture
def settings(tmp_path: Path, provider: Stub, deployment: str, shared_functions: Shared) -> Settings:
    """Development settings whose providers are all the stub, with short pauses."""
    if deployment == "google":
        return shared_functions.hub.settings
    return Settings(
        data_dir=tmp_path / "data",
        openai_base_url=f"{provider.url}/v1",
        evolution_url=provider.url,
        retry_min_seconds=0.05,
        retry_max_seconds=0.2,
        reply_debounce_seconds=0,
        **{name: provider.url for name in DECLARED_BY if name.endswith("_api_url")},
    )


@pytest.fixture
def deps(settings: Settings) -> Iterator[Deps]:
    """Everything a use case needs, on the embedded backend in a directory of the test's own.

    A query that no index in `infra/firestore/indexes.json` would serve fails the test that made it.
    """
    with recorded(settings) as opened:
        yield opened


@pytest.fixture
def hub(deps: Deps, provider: Stub, deployment: str, shared_functions: Shared) -> Iterator[Hub]:
    """A running hub, the owner of a fresh tenant, and a Telegram that takes everything.

    In this process; where a test is marked so, also as functions, of which `realtime` tells nothing.
    """
    telegram_rules(provider)
    if deployment == "google":
        client = cast("FlaskClient", WebClient(shared_functions.hub.url))
        functions = Hub(deps, client, provider)
        functions.register()
        yield functions
        return
    with running_hub(deps, provider) as running:
        running.register()
        yield running


@pytest.fixture
def manual_hub(deps: Deps, provider: Stub) -> Iterator[ManualHub]:
    """A hub whose workers wait for the test's `work`, the owner of a fresh tenant, and a Telegram that takes all.

    What a test asked to happen in between must have happened in the end.
    """
    hub = manual_hub_of(deps, provider)
    yield hub
    assert hub.overlaps.all_happened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests over a running hub, which `make quick` leaves out; a channel's conversation makes its own.

    The long tests come first, and so to one worker: it alone starts what they share, others are busy while it waits,
    and none of them is left when the rest is done.
    """
    for item in items:
        fixtures = item.fixturenames if isinstance(item, pytest.Function) else ()
        if {"hub", "manual_hub"} & set(fixtures) or item.path.name == "test_conversation.py":
            item.add_marker("hub")
    items.sort(key=_is_short)


def _is_short(item: pytest.Item) -> bool:
    """Whether a test starts no program: neither is it marked so, nor does it run over Google's functions."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return item.get_closest_marker("slow") is None and parameters.get("deployment") != "google"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a parallel run a worker hands its shapes to the controller, which ends last."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["shapes"] = json.dumps([dataclasses.astuple(shape) for shape in SHAPES], default=sorted)
    elif session.exitstatus == 0 and _is_whole_suite(session.config) and (idle := unused(SHAPES, INDEXES)):
        session.exitstatus = 1
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        assert reporter is not None
        reporter.write_line(f"indexes that no query of the suite needs: {idle}", red=True)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The controller takes over what a worker noted."""
    for collection, equal, any_of, over, orders in json.loads(getattr(node, "workeroutput", {}).get("shapes", "[]")):
        ordered = tuple((path, direction) for path, direction in orders)
        SHAPES.add(Shape(collection, frozenset(equal), frozenset(any_of), over, ordered))


def _is_whole_suite(config: pytest.Config) -> bool:
    return config.args == config.getini("testpaths") and not config.option.keyword and not config.option.markexpr
