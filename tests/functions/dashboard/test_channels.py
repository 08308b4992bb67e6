"""Channels by type: listing, configuration and status."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from infra.bench.counting import Cost, CountingStore
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Role
from shared.domain.analytics import Counters
from shared.domain.calls import CallState
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.inbound import CallChanged
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.ports.store import Merge
from shared.usecases.conversations import calls
from shared.usecases.instances import instances
from shared.usecases.reporting import counters
from tests import refs
from tests.apps import create_app
from tests.evolution import Evolution
from tests.functions.dashboard.golden import golden, shape
from tests.functions.dashboard.people import channel
from tests.functions.keys import key_for
from tests.stubs import Reply, Stub

Converse = Callable[..., Conversation]

CONFIGURE = golden("channel_configure_request")


@pytest.fixture
def evolution(provider: Stub) -> Stub:
    """An Evolution server whose every instance is connected."""
    provider.on("GET", r"/instance/connectionState/", Reply(json={"instance": {"state": "open"}}))
    provider.on("GET", r"/instance/fetchInstances", Reply(json=[]))
    provider.on("POST", r"/webhook/set/", Reply(201, {}))
    return provider


def only(client: FlaskClient) -> Any:
    [listed] = client.get("/channels/integrations").json["channels"]  # type: ignore[index]
    return listed


def settle(deps: Deps, instance: Instance, **fields: Any) -> None:
    deps.store.commit([Merge(refs.instance(instance.id), fields)])


def call(deps: Deps, instance: Instance, id_: str) -> None:
    """A call that goes on."""
    calls.change(deps, instance, CallChanged(external_call_id=id_, chat_key="+1", state=CallState.LIVE, at=deps.now()))


def count(deps: Deps, instance: Instance, days_ago: int = 0, **amounts: Any) -> None:
    unit = UnitOfWork(deps.store)
    source = counters.Source(instance.tenant_id, instance.id, instance.type, "any")
    counters.count(unit, source, deps.now() - timedelta(days=days_ago), Counters(**amounts))
    unit.commit()


def test_without_channels_there_is_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/channels/integrations").json == {"channels": []}


def test_configuring_whatsapp_makes_its_session_at_evolution_also_on_a_laptop(
    client: FlaskClient, provider: Stub
) -> None:
    server = Evolution(provider)
    client.post("/channels/whatsapp/configure", json={"evolution_key": "k" * 16})
    assert server.created_count == 1
    assert server.hook["url"].startswith("http://localhost/webhook/evolution/whatsapp-")


def test_the_printed_channels_have_the_printed_form(
    client: FlaskClient, deps: Deps, evolution: Stub, converse: Converse
) -> None:
    printed = golden("channels_integrations_response")
    client.post("/channels/whatsapp/configure", json=CONFIGURE)
    client.post(
        "/channels/voice/configure",
        json={"twilio_account_sid": "ACxxxx", "phone_number": "+1987654321", "api_key": "a-secret-one"},
    )
    [whatsapp, voice] = instances.list_page(deps, deps.settings.default_tenant_id)
    settle(deps, voice, status=InstanceStatus.CONNECTED.value)
    for n in range(5):
        converse(f"w{n}", instance_id=whatsapp.id)
    for n in range(2):
        call(deps, voice, f"CA{n}")
    converse("closed", instance_id=whatsapp.id, status=ConversationStatus.CLOSED)
    count(deps, whatsapp, inbound=100, outbound=50, replies=10, reply_seconds=23)
    count(deps, voice, calls=9, call_seconds=450 * 60, quality_sum=18, quality_count=4)
    answer: Any = client.get("/channels/integrations").json
    integrated = answer.pop("integrations")
    assert answer == printed
    assert shape(answer) == shape(printed)
    assert integrated == {
        "whatsapp-1": {
            "channel": "whatsapp",
            "type": "whatsapp",
            "name": "WhatsApp Business",
            "enabled": True,
            "configuration": {"phone_number": "+1234567890", "webhook_url": "https://your-app.com/webhook"},
            "rate_limits": {},
            "activeCount": 5,
            "metrics": {"avgResponseTime": 2.3, "responseTime": 2.3},
        },
        "voice-1": {
            "channel": "voice",
            "type": "voice",
            "name": "Voice System",
            "enabled": True,
            "configuration": {"twilio_account_sid": "ACxxxx", "phone_number": "+1987654321"},
            "rate_limits": {},
            "activeCount": 2,
            "metrics": {"avgResponseTime": 0.0, "responseTime": 0.0},
        },
    }


def test_a_channel_that_is_not_connected_is_not_enabled(client: FlaskClient, deps: Deps) -> None:
    instance = channel(deps, ChannelType.TELEGRAM_BOT)
    integrated: Any = client.get("/channels/integrations").json["integrations"]  # type: ignore[index]
    assert integrated[instance.slug]["enabled"] is False


def test_two_hundred_channels_are_listed_to_who_knows_no_limit(client: FlaskClient, deps: Deps) -> None:
    for number in range(150):
        channel(deps, ChannelType.TELEGRAM_BOT, label=f"Bot {number}")
    assert len(client.get("/channels/integrations").json["channels"]) == 150  # type: ignore[index]


def test_configuring_without_a_credential_says_which_one_is_missing(client: FlaskClient, deps: Deps) -> None:
    configured: Any = client.post("/channels/sms/configure", json={"phone_number": "+15550001111"}).json
    missing = "missing in config: twilio_account_sid"
    assert configured == {"success": True, "channel_id": "sms-1", "status": "configured", "detail": missing}
    stands: Any = client.get("/channels/sms/status").json
    assert (stands["status"], stands["detail"]) == ("not_configured", missing)
    customer: Any = client.post("/customers", json={"phone": "+15552223333"}).json
    session = {"customer_id": customer["customer_id"], "channel_type": "sms"}
    refused: Any = client.post("/sessions/create", json=session)
    assert (refused.status_code, refused.json["detail"]) == (422, f"sms-1 cannot be used yet: {missing}")


@pytest.mark.parametrize(
    ("type_", "body", "missing"),
    [
        ("telegram_bot", {}, "bot_token"),
        ("sms", {"twilio_account_sid": "AC" + "0" * 32, "phone_number": "+15550001111"}, "auth_token"),
        ("email", {}, "region, address"),
    ],
)
def test_each_type_names_the_credential_that_is_missing(
    client: FlaskClient, type_: str, body: dict[str, Any], missing: str
) -> None:
    client.post(f"/channels/{type_}/configure", json=body)
    stands: Any = client.get(f"/channels/{type_}/status").json
    assert missing in stands.get("detail", ""), stands


def test_an_unused_channel_shows_zeros(client: FlaskClient, deps: Deps) -> None:
    instance = channel(deps, ChannelType.TELEGRAM_BOT, label="Support")
    assert only(client) == {
        "id": instance.slug,
        "type": "telegram_bot",
        "name": "Support",
        "status": "configured",
        "config": {"phone_number": None, "webhook_url": None},
        "metrics": {"active_sessions": 0, "total_messages": 0, "response_time": 0.0},
    }


def test_no_secret_is_shown(client: FlaskClient, evolution: Stub) -> None:
    body = CONFIGURE | {
        "api_key": "very-secret-1",
        "hook_token": "very-secret-2",
        "plain": {"password": "very-secret-3"},
    }
    assert client.post("/channels/whatsapp/configure", json=body).status_code == 200
    text = client.get("/channels/integrations").text
    assert "very-secret" not in text
    assert "https://your-app.com/webhook" in text


def test_another_tenants_channels_are_not_there(client: FlaskClient, deps: Deps) -> None:
    channel(deps, ChannelType.WIDGET)
    stranger = key_for(deps, "foreign")
    assert client.get("/channels/integrations", headers=stranger).json == {"channels": []}
    assert client.get("/integrations/status", headers=stranger).json == {"integrations": []}
    answer = client.post("/channels/chat/configure?channel_id=widget-1", json={}, headers=stranger)
    assert answer.status_code == 404
    assert client.get("/channels/chat/status?channel_id=widget-1", headers=stranger).status_code == 404


def test_channels_come_in_pages(client: FlaskClient, deps: Deps) -> None:
    for _ in range(3):
        channel(deps, ChannelType.WIDGET)
    first: Any = client.get("/channels/integrations?limit=2")
    assert [each["id"] for each in first.json["channels"]] == ["widget-1", "widget-2"]
    following = {"cursor": first.headers["X-Next-Cursor"]}
    rest: Any = client.get("/channels/integrations", query_string=following)
    assert [each["id"] for each in rest.json["channels"]] == ["widget-3"]


def test_a_poll_is_answered_in_full_only_when_something_changed(
    client: FlaskClient, deps: Deps, converse: Converse
) -> None:
    instance = channel(deps, ChannelType.WIDGET)
    etag = client.get("/channels/integrations").headers["ETag"]
    assert client.get("/channels/integrations", headers={"If-None-Match": etag}).status_code == 304
    converse("a", instance_id=instance.id)
    assert client.get("/channels/integrations", headers={"If-None-Match": etag}).status_code == 200


def test_what_polls_cost_does_not_depend_on_what_was_said(deps: Deps, converse: Converse) -> None:
    counting = CountingStore(deps.store)
    client = create_app(dataclasses.replace(deps, store=counting), blueprints(), documented=False).test_client()
    instance = channel(deps, ChannelType.WIDGET)
    converse("a", instance_id=instance.id)
    count(deps, instance, inbound=1)

    def cost(path: str) -> Cost:
        before = counting.spent
        assert client.get(path).status_code == 200
        return counting.spent - before

    paths = ("/channels/integrations", "/sessions/active?limit=1", "/channels/chat/status", "/notifications")
    quiet = [cost(path) for path in paths]
    for n in range(60):
        converse(f"c{n}", n, instance_id=instance.id)
        count(deps, instance, inbound=3, outbound=2)
    assert [cost(path) for path in paths] == quiet
    assert only(client)["metrics"] == {"active_sessions": 61, "total_messages": 301, "response_time": 0.0}


def test_the_printed_configuration_gives_the_printed_answer(client: FlaskClient, evolution: Stub) -> None:
    answer = client.post("/channels/whatsapp/configure", json=CONFIGURE)
    assert (answer.status_code, answer.json) == (200, golden("channel_configure_response"))
    [request] = evolution.to("/instance/connectionState")
    assert request.headers["apikey"] == CONFIGURE["api_key"]


def test_configuring_again_changes_the_same_channel(client: FlaskClient, deps: Deps, evolution: Stub) -> None:
    client.post("/channels/whatsapp/configure", json=CONFIGURE)
    again = client.post("/channels/WhatsApp/configure", json={"webhook_url": "https://other.example/x"})
    assert again.json == golden("channel_configure_response")
    assert only(client)["config"] == {"phone_number": "+1234567890", "webhook_url": "https://other.example/x"}
    [instance] = instances.list_page(deps, deps.settings.default_tenant_id)
    assert instances.credentials(deps, instance)["evolution_key"] == CONFIGURE["api_key"]


@pytest.mark.parametrize("word", ["whatsapp", "voice", "video", "chat", "email", "sms", "Telegram-Bot", "FACEBOOK"])
def test_every_type_can_be_configured(client: FlaskClient, evolution: Stub, word: str) -> None:
    evolution.on("POST", r"/bot", Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"}))
    answer: Any = client.post(f"/channels/{word}/configure", json={"api_key": "k" * 20})
    assert (answer.status_code, answer.json["status"]) == (200, "configured")
    type_ = {"chat": "widget", "Telegram-Bot": "telegram_bot"}.get(word, word.lower())
    assert answer.json["channel_id"] == f"{type_}-1"
    assert only(client)["type"] == {"widget": "chat"}.get(type_, type_)


def test_the_default_channel_is_meant_unless_another_is_chosen(client: FlaskClient, deps: Deps) -> None:
    first, second = channel(deps, ChannelType.SMS), channel(deps, ChannelType.SMS)
    instances.set_default(deps, first.tenant_id, second.id)

    def configured(query: str = "") -> Any:
        return client.post(f"/channels/sms/configure{query}", json={"name": "Texts"}).json

    assert configured()["channel_id"] == second.slug
    assert configured(f"?channel_id={first.slug}")["channel_id"] == first.slug
    assert configured(f"?channel_id={first.id}")["channel_id"] == first.slug
    assert client.post("/channels/email/configure?channel_id=sms-1", json={}).status_code == 404


def test_twenty_at_once_make_one_channel(deps: Deps, evolution: Stub) -> None:
    app = create_app(deps, blueprints(), documented=False)
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda _: app.test_client().post("/channels/sms/configure", json={"phone_number": "+1"}), range(20)
            )
        )
    assert {(answer.status_code, answer.json["channel_id"]) for answer in answers} == {(200, "sms-1")}  # type: ignore[index]
    assert deps.store.count("instances") == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("pigeon", {}),
        ("whatsapp", {"webhook_url": "ftp://x"}),
        ("whatsapp", {"webhook_url": "http://169.254.169.254/"}),
        ("whatsapp", {"phone_number": 5}),
        ("whatsapp", {"evolution_url": "no address"}),
        ("whatsapp", []),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(client: FlaskClient, path: str, body: Any) -> None:
    answer: Any = client.post(f"/channels/{path}/configure", json=body)
    assert answer.status_code == 400
    assert isinstance(answer.json["detail"], str)
    assert client.get("/channels/integrations").json == {"channels": []}


def test_configuring_needs_an_administrator(client: FlaskClient, deps: Deps) -> None:
    agent = key_for(deps, deps.settings.default_tenant_id, Role.AGENT)
    assert client.post("/channels/sms/configure", json={}, headers=agent).status_code == 403
    assert client.post("/integrations/sms/test", json={}, headers=agent).status_code == 403


def test_the_status_has_the_printed_form(client: FlaskClient, deps: Deps, evolution: Stub, converse: Converse) -> None:
    printed = golden("channel_status_response")
    client.post("/channels/whatsapp/configure", json=CONFIGURE)
    for n in range(5):
        converse(f"w{n}")
    answer: Any = client.get("/channels/whatsapp/status").json
    assert shape(answer) == shape(printed)
    assert answer | {"last_ping": None} == printed | {"last_ping": None}


def test_a_type_counts_its_own_open_sessions(client: FlaskClient, deps: Deps, converse: Converse) -> None:
    for type_ in (ChannelType.TELEGRAM_BOT, ChannelType.SLACK):
        channel(deps, type_)
    converse("a", channel=ChannelType.TELEGRAM_BOT)
    converse("b", channel=ChannelType.TELEGRAM_BOT)
    converse("c", channel=ChannelType.TELEGRAM_BOT, status=ConversationStatus.CLOSED)
    converse("d", channel=ChannelType.SLACK)
    converse("e", channel=ChannelType.SLACK, tenant_id="another")
    active = [client.get(f"/channels/{word}/status").json["active_sessions"] for word in ("telegram_bot", "slack")]  # type: ignore[index]
    assert active == [2, 1]


def test_a_first_channel_whose_name_is_taken_gets_another(client: FlaskClient, deps: Deps, evolution: Stub) -> None:
    assert client.post("/channels/whatsapp/configure", json=CONFIGURE).status_code == 200
    [former] = instances.list_page(deps, "default")
    settle(deps, former, type=ChannelType.SLACK, adapter="slack")
    assert client.post("/channels/whatsapp/configure", json=CONFIGURE).status_code == 200
    names = [each.name for each in instances.list_page(deps, "default")]
    assert names[0] == former.name
    assert len(set(names)) == 2


def test_an_unconfigured_type_is_told_so(client: FlaskClient) -> None:
    assert client.get("/channels/sms/status").json == {
        "channel_type": "sms",
        "status": "not_configured",
        "last_ping": None,
        "health": "unknown",
        "active_sessions": 0,
    }
    assert client.get("/channels/pigeon/status").status_code == 400


def test_of_several_channels_the_best_speaks_for_all(client: FlaskClient, deps: Deps, converse: Converse) -> None:
    first, second = channel(deps, ChannelType.WIDGET), channel(deps, ChannelType.WIDGET)
    settle(deps, first, status="error")
    settle(deps, second, status="connecting")
    converse("a", instance_id=first.id, channel=ChannelType.WIDGET)
    converse("b", instance_id=second.id, channel=ChannelType.WIDGET)
    answer: Any = client.get("/channels/chat/status").json
    assert (answer["channel_type"], answer["status"], answer["health"]) == ("chat", "connecting", "degraded")
    assert answer["active_sessions"] == 2
    for spelling in (first.slug, first.slug.replace("widget", "chat")):
        one: Any = client.get(f"/channels/chat/status?channel_id={spelling}").json
        assert (one["status"], one["health"], one["active_sessions"]) == ("error", "unhealthy", 1)
