"""What Prometheus is told, by whom it may be asked, and that a full disk keeps room for messages."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from functions.hub.main import blueprints
from infra.local import metrics
from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.domain.events import InboundEvent, Topic
from shared.errors import ConfigurationInvalid, ProviderUnavailable
from tests.apps import create_app
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Reply, Stub


@pytest.fixture
def address(deps: Deps) -> Iterator[str]:
    with metrics.serving(replace(deps, settings=deps.settings.model_copy(update={"metrics_port": 0}))) as address:
        assert address is not None
        yield address


def _values(address: str) -> dict[str, float]:
    """By name with labels."""
    answer = requests.get(address, timeout=10)
    assert answer.headers["content-type"].startswith("text/plain")
    samples = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", answer.text, re.MULTILINE)
    return {name: float(value) for name, value in samples}


def test_a_message_and_its_answer_are_counted_and_what_fails_too(hub: Hub, address: str) -> None:
    channel = hub.telegram()
    hub.echo_agent()
    hub.customer_writes(channel, "hello")
    eventually(lambda: hub.sent_texts() == ["Echo: hello"] and hub.idle())
    hub.provider.on("POST", "sendMessage", Reply(403, {"ok": False, "error_code": 403, "description": "blocked"}))
    hub.customer_writes(channel, "again", chat=6)
    of_telegram = 'channel="telegram_bot"'
    died = f'hub_messages_dead_total{{{of_telegram},reason="rejected"}}'
    eventually(lambda: _values(address).get(died) == 1.0)
    values = _values(address)
    assert values[f"hub_webhook_lag_seconds_count{{{of_telegram}}}"] == 2.0
    assert values[f"hub_outbox_seconds_count{{{of_telegram}}}"] == 1.0
    assert values[f"hub_reply_seconds_count{{{of_telegram}}}"] == 1.0
    assert values[f'hub_send_failures_total{{{of_telegram},reason="rejected"}}'] == 1.0
    assert values['hub_http_requests_total{method="POST",route="/api/channels",status="2xx"}'] == 1.0
    assert values["process_resident_memory_bytes"] > 0
    assert values['hub_disk_used_bytes{part="database"}'] > 0


def test_labels_hold_nothing_that_a_caller_can_choose(hub: Hub, address: str) -> None:
    channel = hub.telegram()

    def call(number: int) -> None:
        hub.client.open(f"/api/channels/{channel}{number}", method=f"STRANGE{number}", headers=hub.headers)
        hub.client.get(f"/no/such/page/{number}", headers=hub.headers)
        hub.get(f"/api/canned-replies?limit={number}")

    call(1)
    names = set(_values(address))
    for number in range(2, 6):
        call(number)
    assert set(_values(address)) == names, "further calls add none"
    assert not [name for name in names if "STRANGE" in name or channel in name or hub.tenant_id in name]


def test_events_that_wait_and_dead_letters_are_counted_by_topic(deps: Deps, address: str) -> None:
    def event(number: int) -> InboundEvent:
        return InboundEvent(
            id=f"e{number}", tenant_id="t", instance_id="i", channel="c", payload={}, received_at=deps.now()
        )

    def refuse(_: object) -> None:
        raise ProviderUnavailable("test", "no")

    deps.bus.publish(Topic.INBOUND, event(1), key="k")
    assert _values(address)['hub_events_waiting{topic="inbound"}'] == 1.0
    stop = deps.bus.consume({Topic.INBOUND: refuse})
    eventually(lambda: deps.bus.dead_letters(Topic.INBOUND).letters)
    stop()
    values = _values(address)
    assert values['hub_dead_letters{topic="inbound"}'] == 1.0
    assert values['hub_events_waiting{topic="inbound"}'] == 0.0


def test_lines_are_counted_also_where_they_are_not_written(deps: Deps, address: str) -> None:
    log = logging.getLogger("shared.usecases.reporting.metrics")
    assert log.isEnabledFor(logging.INFO)
    root, level = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)
    try:
        log.info("the outbox was measured", extra={"depth": 7, "oldest_seconds": 1.5})
    finally:
        root.setLevel(level)
    assert _values(address)["hub_outbox_depth"] == 7.0


def test_without_a_port_nothing_is_served_and_a_port_that_is_taken_is_named(deps: Deps, address: str) -> None:
    with metrics.serving(deps) as none:
        assert none is None
    occupied = deps.settings.model_copy(update={"metrics_port": int(address.rpartition(":")[2].partition("/")[0])})
    with pytest.raises(ConfigurationInvalid, match="METRICS_PORT"), metrics.serving(replace(deps, settings=occupied)):
        pass


def test_unless_told_otherwise_only_the_machine_itself_may_ask() -> None:
    assert (Settings().metrics_port, Settings().metrics_host) == (None, "127.0.0.1")


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Deps]:
    """A hub whose disk has less free than is to be left free."""
    opened = bootstrap(Settings(data_dir=tmp_path / "full", disk_reserve_mb=10**7), durable=False)
    yield opened
    close(opened)


def test_on_a_disk_that_is_nearly_full_files_are_refused_and_channels_still_made(full: Deps, provider: Stub) -> None:
    hub = Hub(full, create_app(full, blueprints()).test_client(), provider)
    hub.register()
    refused = hub.client.post(
        "/api/files?fileName=a.txt", data=b"text", headers=hub.headers | {"Content-Type": "text/plain"}
    )
    assert refused.status_code == 503, refused.text
    assert refused.json is not None
    assert (refused.json["code"], refused.headers["retry-after"]) == ("overloaded", "600")
    assert "DISK_RESERVE_MB" in refused.json["detail"]
    assert hub.post("/api/channels", {"name": "web", "type": "WIDGET"}, 201)["id"]
