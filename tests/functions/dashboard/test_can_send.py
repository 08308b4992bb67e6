"""Which channels reach a session's customer now, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from infra.bench.counting import CountingStore
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer, Identity
from shared.domain.instances import InstanceStatus
from shared.ports.store import Create, Ref
from shared.usecases.sessions import sendability
from tests import refs
from tests.documents import an_instance
from tests.functions.keys import key_for

Converse = Callable[..., Conversation]


@pytest.fixture
def now(deps: Deps) -> datetime:
    return deps.now()


@pytest.fixture(autouse=True)
def session(deps: Deps, converse: Converse) -> None:
    converse("s1", customer_id="p1")


def customer(deps: Deps, **fields: Any) -> None:
    tenant = deps.settings.default_tenant_id
    person = Customer(id="p1", tenant_id=tenant, created_at=deps.now(), updated_at=deps.now(), **fields)
    deps.store.commit([Create(refs.customer("p1"), person.model_dump())])


def instance(deps: Deps, adapter: str, /, seq: int = 1, **fields: Any) -> str:
    name = f"{adapter}-{seq}"
    defaults = {"id": name, "slug": name, "name": name, "seq": seq, "status": InstanceStatus.CONNECTED}
    new_instance = an_instance(adapter, tenant_id=deps.settings.default_tenant_id, **(defaults | fields))
    deps.store.commit([Create(refs.instance(new_instance.id), new_instance.model_dump())])
    return new_instance.id


def address(deps: Deps, instance_id: str, last: datetime | None = None, **fields: Any) -> None:
    identity = Identity(
        id=f"of-{instance_id}",
        tenant_id=deps.settings.default_tenant_id,
        instance_id=instance_id,
        external_user_id="49151",
        customer_id="p1",
        last_inbound_at=last,
        created_at=deps.now(),
        **fields,
    )
    deps.store.commit([Create(Ref("identities", identity.id), identity.model_dump())])


def channels_of_session(client: FlaskClient) -> dict[str, Any]:
    answer = client.post("/sessions/s1/can-send", json={})
    assert answer.status_code == 200, answer.text
    body: Any = answer.get_json()
    assert body["session_id"] == "s1"
    return {each["channel"]: each for each in body["channels"]}


def verdict(client: FlaskClient, channel: str) -> tuple[bool, str | None, bool]:
    entry = channels_of_session(client)[channel]
    return entry["can_send"], entry["reason"], entry["template_required"]


def test_open_window_says_until_when(deps: Deps, client: FlaskClient, now: datetime) -> None:
    customer(deps)
    address(deps, instance(deps, "whatsapp_cloud"), now - timedelta(hours=1))
    assert verdict(client, "whatsapp") == (True, None, False)
    closes = channels_of_session(client)["whatsapp"]["window_closes_at"]
    assert datetime.fromisoformat(closes) == (now + timedelta(hours=23)).replace(microsecond=0)


@pytest.mark.parametrize("last", [timedelta(hours=25), None], ids=["long ago", "never"])
def test_closed_window_wants_a_template_where_there_are_such(
    deps: Deps, client: FlaskClient, now: datetime, last: timedelta | None
) -> None:
    customer(deps)
    at = now - last if last else None
    address(deps, instance(deps, "whatsapp_cloud"), at)
    address(deps, instance(deps, "facebook", 2), at)
    assert verdict(client, "whatsapp") == (True, "window_closed", True)
    assert verdict(client, "facebook") == (False, "window_closed", False)


def test_what_can_be_done_now_is_said(deps: Deps, client: FlaskClient, now: datetime) -> None:
    customer(deps)
    address(deps, instance(deps, "telegram_bot"), now)
    address(deps, instance(deps, "whatsapp_cloud", 2), now - timedelta(hours=25))
    address(deps, instance(deps, "facebook", 3), now - timedelta(hours=25))
    reachable = channels_of_session(client)
    assert {"image", "reaction", "edit", "delete"} <= set(reachable["telegram_bot"]["abilities"])
    assert "template" not in reachable["telegram_bot"]["abilities"]
    assert (reachable["whatsapp"]["abilities"], reachable["facebook"]["abilities"]) == (["template"], [])


def test_an_address_on_one_channel_is_none_on_another(deps: Deps, client: FlaskClient, now: datetime) -> None:
    customer(deps)
    address(deps, instance(deps, "telegram_bot"), now)
    instance(deps, "slack", 2)
    instance(deps, "whatsapp_cloud", 3)
    assert verdict(client, "telegram_bot") == (True, None, False)
    for channel in ("slack", "whatsapp"):
        assert verdict(client, channel) == (False, "no_address", False)


def test_phone_number_is_an_address_on_whatsapp_and_none_on_telegram(deps: Deps, client: FlaskClient) -> None:
    customer(deps, phone="+49151")
    instance(deps, "whatsapp_evolution")
    instance(deps, "telegram_bot", 2)
    assert verdict(client, "whatsapp") == (True, None, False)
    assert verdict(client, "telegram_bot") == (False, "no_address", False)


@pytest.mark.parametrize(
    ("profile", "reached"),
    [
        ({}, {"video"}),
        ({"phone": "+49151"}, {"video", "whatsapp", "sms", "voice"}),
        ({"email": "ann@shop.example"}, {"video", "email"}),
    ],
    ids=["neither", "phone", "e-mail"],
)
def test_the_profile_has_the_address_that_a_channel_goes_by(
    deps: Deps, client: FlaskClient, profile: dict[str, str], reached: set[str]
) -> None:
    customer(deps, **profile)
    for adapter in ("whatsapp_evolution", "sms_twilio", "voice", "email_ses", "video", "slack"):
        instance(deps, adapter)
    verdicts = channels_of_session(client)
    assert {name for name, verdict in verdicts.items() if verdict["can_send"]} == reached
    assert {verdict["reason"] for verdict in verdicts.values() if not verdict["can_send"]} == {"no_address"}


def test_a_type_is_told_of_once_wherever_its_channels_stand_in_the_list(
    deps: Deps, client: FlaskClient, now: datetime
) -> None:
    customer(deps, phone="+49151")
    instance(deps, "telegram_bot", 1)
    instance(deps, "whatsapp_evolution", 2)
    address(deps, instance(deps, "telegram_bot", 3), now)
    body: Any = client.post("/sessions/s1/can-send", json={}).get_json()
    assert [(each["channel"], each["can_send"]) for each in body["channels"]] == [
        ("telegram_bot", True),
        ("whatsapp", True),
    ]


def test_alias_is_no_address_of_its_own(deps: Deps, client: FlaskClient, now: datetime) -> None:
    customer(deps)
    address(deps, instance(deps, "telegram_bot"), now, alias_of="other")
    assert verdict(client, "telegram_bot") == (False, "no_address", False)


@pytest.mark.parametrize(
    "fields",
    [{"status": InstanceStatus.DISCONNECTED}, {"status": InstanceStatus.ERROR}, {"link_lost_at": "2026-01-01T00:00Z"}],
    ids=["disconnected", "error", "link lost"],
)
def test_channel_that_is_down_cannot_send(
    deps: Deps, client: FlaskClient, now: datetime, fields: dict[str, Any]
) -> None:
    customer(deps)
    address(deps, instance(deps, "telegram_bot", **fields), now)
    assert verdict(client, "telegram_bot") == (False, "disconnected", False)


def test_who_opted_out_is_reached_nowhere(deps: Deps, client: FlaskClient, now: datetime) -> None:
    customer(deps, opted_out=True)
    address(deps, instance(deps, "telegram_bot"), now)
    assert verdict(client, "telegram_bot") == (False, "opted_out", False)


def test_channel_that_nothing_serves_cannot_send(deps: Deps, client: FlaskClient) -> None:
    customer(deps, phone="+49151")
    instance(deps, "sms_twilio", adapter="imagined")
    assert verdict(client, "sms") == (False, "cannot_send", False)


def test_best_channel_of_a_type_speaks_for_it(deps: Deps, client: FlaskClient, now: datetime) -> None:
    customer(deps)
    address(deps, instance(deps, "whatsapp_cloud"), now - timedelta(days=3))
    instance(deps, "whatsapp_evolution", 2, status=InstanceStatus.DISCONNECTED)
    address(deps, instance(deps, "whatsapp_evolution", 3), now - timedelta(days=3))
    assert verdict(client, "whatsapp") == (True, None, False)


def test_cost_does_not_grow_with_the_channels(deps: Deps, now: datetime) -> None:
    customer(deps)
    for seq in range(1, 9):
        address(deps, instance(deps, "telegram_bot", seq), now)
    store = CountingStore(deps.store)
    sendability.verdicts(replace(deps, store=store), deps.settings.default_tenant_id, "s1")
    assert store.spent.reads == 4


def test_session_of_somebody_else_is_not_found(deps: Deps, client: FlaskClient, converse: Converse) -> None:
    converse("theirs", tenant_id="another")
    assert client.post("/sessions/theirs/can-send", json={}).status_code == 404
    assert client.post("/sessions/nowhere/can-send").status_code == 404


def test_a_viewer_may_ask(client: FlaskClient, deps: Deps) -> None:
    customer(deps)
    viewer = key_for(deps, deps.settings.default_tenant_id, Role.VIEWER)
    assert client.post("/sessions/s1/can-send", json={}, headers=viewer).status_code == 200
