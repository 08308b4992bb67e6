"""How a function handles a push: it counts the deliveries, and asks for a retry of what cannot be done now."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from pydantic import SecretStr
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from functions.deliver.main import handler as deliver
from functions.normalize.main import consume as normalize
from functions.reply.main import handler as reply
from shared.config import Settings
from shared.deps import Deps
from shared.domain.events import Event, InboundEvent, OutboundEvent, Topic
from shared.http.process import working_with
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import another_process, manual_hub_of
from tests.pipeline.sending import SEND, accepted, fate, work
from tests.stubs import Received, Reply, Stub

MODEL = "/v1/chat/completions"
UNAVAILABLE = Reply(503, {"error": {"message": "overloaded"}})


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"openai_api_key": SecretStr("sk-test")})


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    """The functions of this process work with the hub; nothing is pushed to them but what a test pushes."""
    with working_with(deps):
        yield manual_hub_of(deps, provider)


def plain(envelope: dict[str, Any]) -> dict[str, Any]:
    return envelope


def as_cloud_event(envelope: dict[str, Any]) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "1", "source": "//pubsub", "type": "t", "data": envelope}


every_form = pytest.mark.parametrize("form", [plain, as_cloud_event])


def push(
    handler: Callable[[Request], Response],
    event: Event,
    attempt: int | None = 1,
    form: Callable[[dict[str, Any]], dict[str, Any]] = plain,
) -> int:
    """Push it as Pub/Sub does for the `attempt`th time; None as from a subscription that does not count."""
    data = base64.b64encode(event.model_dump_json().encode()).decode()
    envelope: dict[str, Any] = {"message": {"data": data, "messageId": "1"}, "subscription": "s"}
    if attempt is not None:
        envelope["deliveryAttempt"] = attempt
    environment = EnvironBuilder(path="/", method="POST", data=json.dumps(form(envelope))).get_environ()
    return handler(Request(environment)).status_code


def wish_for_an_answer(hub: Hub) -> Event:
    """A customer writes to a tenant whose customers an agent answers; this is what asks for it."""
    hub.echo_agent()
    hub.customer_writes(hub.telegram(), "hello")
    published = overlaps(hub.deps).bus.published
    normalize(hub.deps, cast("InboundEvent", published[-1].event))
    [wish] = [each.event for each in published if each.topic is Topic.REPLIES]
    return wish


def handed_over(hub: Hub) -> tuple[bool, list[str]]:
    """Whether the conversation needs a human, and the titles of the tenant's notifications."""
    notifications = hub.documents("notifications", type="agent_failed", tenant_id=hub.tenant_id)
    return hub.conversation().needs_human, [each["title"] for each in notifications]


@every_form
def test_a_customer_whom_no_agent_answers_in_four_tries_is_handed_over_to_a_person(
    hub: Hub, form: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    hub.provider.on("POST", MODEL, UNAVAILABLE)
    wish = wish_for_an_answer(hub)
    for attempt in (1, 2, 3):
        assert push(reply, wish, attempt, form) == 503
        assert handed_over(hub) == (False, [])
    assert push(reply, wish, 4, form) == 204
    assert handed_over(hub) == (True, ["A customer needs a human"])
    assert push(reply, wish, 5, form) == 204
    assert handed_over(hub) == (True, ["A customer needs a human"])


def test_an_agent_that_answers_at_the_last_try_is_not_too_late(hub: Hub) -> None:
    wish = wish_for_an_answer(hub)
    hub.provider.on("POST", MODEL, Reply(json={"choices": [{"message": {"role": "assistant", "content": "Hi"}}]}))
    assert push(reply, wish, 4) == 204
    assert handed_over(hub) == (False, [])
    assert [item["payload"]["text"] for item in hub.documents("outbox")] == ["Hi"]


def test_a_push_that_is_not_counted_is_a_first_try(hub: Hub) -> None:
    hub.provider.on("POST", MODEL, UNAVAILABLE)
    assert push(reply, wish_for_an_answer(hub), None) == 503
    assert handed_over(hub) == (False, [])


def test_the_count_that_an_event_was_published_with_is_not_the_pushs(hub: Hub) -> None:
    hub.provider.on("POST", MODEL, UNAVAILABLE)
    wish = wish_for_an_answer(hub)
    assert push(reply, wish.model_copy(update={"attempt": 9}), 1) == 503
    assert handed_over(hub) == (False, [])


def test_a_message_that_another_worker_is_sending_is_asked_for_again(hub: Hub) -> None:
    """Otherwise the messages behind it would wait for the sweep."""
    first, conversation = accepted(hub, channel := hub.telegram(), "first")
    second, _ = accepted(hub, channel, "second")
    wake = OutboundEvent(tenant_id=hub.tenant_id, conversation_id=conversation)
    statuses: list[int] = []

    def meanwhile(request: Received) -> Reply:
        statuses.append(push(deliver, wake))
        return Reply(json={"ok": True, "result": {"message_id": 1, "chat": {"id": 5}}})

    hub.provider.on("POST", SEND, meanwhile, times=1)
    work(hub, conversation, another_process(hub.deps))
    assert statuses == [503]
    assert push(deliver, wake, 2) == 204
    assert [fate(hub, each) for each in (first, second)] == ["SENT", "SENT"]
    assert hub.sent_texts() == ["first", "second"]
