"""Each step of the pipeline works as a function of its own, fed by push requests as Pub/Sub makes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import requests

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.domain.events import Event, Topic
from shared.ports.store import Where
from tests.eventually import eventually
from tests.pipeline.hub import UPDATE, answered_bot, telegram_rules
from tests.split.processes import functions
from tests.stubs import Stub

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(settings: Settings, provider: Stub) -> dict[str, str]:
    telegram_rules(provider)
    return {
        "DATA_DIR": str(settings.data_dir),
        "TELEGRAM_API_URL": provider.url,
        "REPLY_DEBOUNCE_SECONDS": "0",
        "RETRY_MIN_SECONDS": "0.05",
        "RETRY_MAX_SECONDS": "0.2",
    }


@pytest.fixture
def instance_id(deps: Deps, environment: dict[str, str]) -> str:
    return answered_bot(deps)


@pytest.fixture
def events(settings: Settings, instance_id: str) -> Iterator[Queue[tuple[Topic, Event]]]:
    """Takes events off the bus as Pub/Sub would, to push them."""
    queue: Queue[tuple[Topic, Event]] = Queue()
    deps = bootstrap(settings)

    def take(topic: Topic) -> Any:
        return lambda event: queue.put((topic, event))

    stop = deps.bus.consume({topic: take(topic) for topic in (Topic.INBOUND, Topic.REPLIES, Topic.OUTBOUND)})
    yield queue
    stop()
    close(deps)


def _envelope(event: Event) -> dict[str, Any]:
    data = base64.b64encode(event.model_dump_json().encode()).decode()
    message = {"data": data, "messageId": "1", "attributes": event.attributes(), "orderingKey": "k"}
    return {"message": message, "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 1}


def _push(url: str, event: Event, form: str) -> requests.Response:
    """Push an event plainly, or in either form of a CloudEvent."""
    envelope: dict[str, Any] = _envelope(event)
    headers = {"content-type": "application/json"}
    if form == "structured":
        headers = {"content-type": "application/cloudevents+json"}
        envelope = {"specversion": "1.0", "id": "1", "source": "//pubsub", "type": "t", "data": envelope}
    elif form == "binary":
        headers |= {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "//pubsub", "ce-type": "t"}
    return requests.post(url, data=json.dumps(envelope), headers=headers, timeout=10)


def test_a_message_goes_its_way_through_four_functions(
    deps: Deps,
    environment: dict[str, str],
    instance_id: str,
    events: Queue[tuple[Topic, Event]],
    provider: Stub,
    tmp_path: Path,
) -> None:
    with functions(["webhooks", "normalize", "reply", "deliver"], environment, tmp_path) as urls:
        answer = requests.post(
            f"{urls['webhooks']}/api/telegram/bot/webhook/{instance_id}",
            json=UPDATE,
            headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            timeout=10,
        )
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        topic, raw = events.get(timeout=15)
        assert topic is Topic.INBOUND
        for form in ("structured", "binary", "plain"):
            assert _push(urls["normalize"], raw, form).status_code == 204
        topic, wish = events.get(timeout=15)
        assert topic is Topic.REPLIES
        for _ in range(2):
            assert _push(urls["reply"], wish, "plain").status_code == 204
        topic, wake = events.get(timeout=15)
        while topic is not Topic.OUTBOUND:
            topic, wake = events.get(timeout=15)
        for _ in range(2):
            assert _push(urls["deliver"], wake, "plain").status_code == 204
        [sent] = provider.to("/sendMessage")
        assert sent.json == {"chat_id": "5", "text": "Echo: hello"}
        assert sent.headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    stored = eventually(lambda: deps.store.find("messages", [Where("tenant_id", "==", "default")]).documents)
    assert sorted(str(document.data["text"]) for document in stored) == ["Echo: hello", "hello"]


def test_what_is_no_event_is_refused_and_the_schedule_works(environment: dict[str, str], tmp_path: Path) -> None:
    with functions(["normalize", "tick", "webhooks"], environment, tmp_path) as urls:
        for body in (b"", b"[]", b"{}", b'{"message":{}}', b'{"message":{"data":"bm8="}}', b"\xff"):
            assert requests.post(urls["normalize"], data=body, timeout=10).status_code == 400
        assert requests.post(urls["tick"], timeout=10).status_code == 204
        missing = requests.post(f"{urls['webhooks']}/webhook/evolution/nobody", json={"event": "x"}, timeout=10)
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
        assert requests.get(f"{urls['webhooks']}/webhook/evolution", timeout=10).status_code == 405
