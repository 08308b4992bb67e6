"""Every channel type, with each of its providers, is configured, tried and shown with its real credential check."""

from __future__ import annotations

from typing import Any

import pytest

from functions.dashboard.schemas import CHANNELS
from shared import channels
from shared.config import Settings
from shared.domain.customers import Customer
from shared.domain.instances import ChannelType
from shared.ports.store import Create, Merge
from tests import refs
from tests.channels.example import KEY, examples
from tests.functions.keys import key_for
from tests.pipeline.hub import Hub
from tests.stubs import Reply, Stub
from tests.twilio import twilio_rules

ROWS = {name: row.credential for name, row in examples().items() if row.credential}
NO_CREDENTIAL = {name: row.no_credential for name, row in examples().items() if row.no_credential}

every_row = pytest.mark.parametrize("name", ROWS)


@pytest.fixture
def settings(settings: Settings, provider: Stub) -> Settings:
    return settings.model_copy(update={"aws_endpoint_url": provider.url})


def _type(name: str) -> str:
    return CHANNELS[channels.type_of(name)]


def _body(name: str) -> dict[str, Any]:
    return ROWS[name].config | {"api_key": KEY}


def _refuse(provider: Stub) -> None:
    no = Reply(401, {"message": f"bad {KEY}", "error": {"message": f"bad {KEY}"}, "description": f"bad {KEY}"})
    for method in ("GET", "POST", "PUT", "DELETE"):
        provider.on(method, "", no)


def _integrations(hub: Hub) -> dict[str, str]:
    return {each["type"]: each["status"] for each in hub.get("/integrations/status")["integrations"]}


def test_every_channel_has_a_row_or_a_reason() -> None:
    missing = set(channels.names()) - set(ROWS) - set(NO_CREDENTIAL)
    assert not missing, "give EXAMPLE in tests/channels/<name>/example.py a credential, or no_credential a reason"


@every_row
def test_a_good_key_is_tried_configured_and_shown_as_connected(hub: Hub, name: str) -> None:
    ROWS[name].accepted(hub.provider)
    type_ = _type(name)
    tried = hub.post(f"/integrations/{type_}/test", _body(name))
    assert (tried["success"], tried["test_result"]) == (True, "Connection successful")
    assert _integrations(hub) == {}
    assert hub.post(f"/channels/{type_}/configure", _body(name))["success"]
    stands = hub.get(f"/channels/{type_}/status")
    assert (stands["status"], stands["health"]) == ("connected", "healthy"), hub.documents("instances")
    twilio = {"twilio": "connected"} if name in ("sms_twilio", "voice", "video") else {}
    assert _integrations(hub) == {type_: "connected"} | twilio
    for tested in (type_, *twilio):
        assert hub.post(f"/integrations/{tested}/test", {})["success"], tested
    [listed] = hub.get("/channels/integrations")["channels"]
    assert KEY not in str(listed)


@every_row
def test_a_refused_key_is_said_so_and_never_shown(hub: Hub, name: str) -> None:
    _refuse(hub.provider)
    type_ = _type(name)
    tried = hub.post(f"/integrations/{type_}/test", _body(name))
    assert (tried["success"], bool(tried["test_result"])) == (False, True)
    configured = hub.post(f"/channels/{type_}/configure", _body(name))
    stands = hub.get(f"/channels/{type_}/status")
    assert (stands["status"], stands["health"]) == ("error", "unhealthy")
    again = hub.post(f"/integrations/{type_}/test", {})
    assert again["success"] is False
    listed = hub.get("/channels/integrations")
    assert KEY not in str([tried, configured, stands, again, listed])


@every_row
def test_a_key_that_was_refused_is_mended_by_configuring_again(hub: Hub, name: str) -> None:
    _refuse(hub.provider)
    hub.post(f"/channels/{_type(name)}/configure", _body(name))
    hub.provider.reset()
    ROWS[name].accepted(hub.provider)
    hub.post(f"/channels/{_type(name)}/configure", _body(name))
    assert hub.get(f"/channels/{_type(name)}/status")["status"] == "connected"
    assert len(hub.get("/channels/integrations")["channels"]) == 1


@every_row
@pytest.mark.parametrize("status", ["disconnected", "deleted"])
def test_a_channel_that_was_lost_is_connected_by_configuring_it_again(hub: Hub, name: str, status: str) -> None:
    ROWS[name].accepted(hub.provider)
    hub.post(f"/channels/{_type(name)}/configure", _body(name))
    [instance] = hub.documents("instances", tenant_id=hub.tenant_id)
    hub.store.commit([Merge(refs.instance(instance["id"]), {"status": status})])
    hub.post(f"/channels/{_type(name)}/configure", {"name": "Only another name"})
    assert hub.get(f"/channels/{_type(name)}/status")["status"] == status
    hub.post(f"/channels/{_type(name)}/configure", _body(name))
    assert hub.get(f"/channels/{_type(name)}/status")["status"] == "connected"


@pytest.mark.parametrize("name", ["sms_sns", "email_ses"])
@pytest.mark.parametrize(
    ("left_out", "missing"), [("access_key_id", "access_key_id"), ("api_key", "secret_access_key")]
)
def test_half_a_key_of_amazon_is_no_key_and_the_other_half_is_named(
    hub: Hub, name: str, left_out: str, missing: str
) -> None:
    ROWS[name].accepted(hub.provider)
    half = {key: value for key, value in _body(name).items() if key != left_out}
    hub.post(f"/channels/{_type(name)}/configure", half)
    [instance] = hub.documents("instances", tenant_id=hub.tenant_id)
    assert (instance["status"], missing in instance["status_detail"]["fields"]) == ("not_configured", True)
    tried = hub.post(f"/integrations/{_type(name)}/test", half)
    assert (tried["success"], missing in tried["test_result"]) == (False, True)


@pytest.mark.parametrize("name", NO_CREDENTIAL)
def test_a_type_without_a_credential_is_configured_and_its_trial_says_how_it_stands(hub: Hub, name: str) -> None:
    type_, provider = _type(name), {"provider": "web"} if name == "whatsapp_web" else {}
    assert hub.post(f"/channels/{type_}/configure", {"name": "Ours"} | provider)["success"]
    assert type_ in _integrations(hub)
    status = hub.get(f"/channels/{type_}/status")["status"]
    tried = hub.post(f"/integrations/{type_}/test", {"api_key": KEY})
    expected = "Connection successful" if status == "connected" else f"the channel is {status}"
    assert (tried["success"], tried["test_result"]) == (status == "connected", expected)


@pytest.mark.parametrize(
    ("provider_name", "adapter"), [("twilio", "sms_twilio"), ("sns", "sms_sns"), (None, "sms_twilio")]
)
def test_omnichat_picks_the_provider_of_text_messages(hub: Hub, provider_name: str | None, adapter: str) -> None:
    ROWS[adapter].accepted(hub.provider)
    config = ROWS[adapter].config | {"provider": provider_name, channels.channel(adapter).setup.api_key: KEY}
    sent_config = {key: value for key, value in config.items() if value is not None}
    created = hub.post("/api/channels", {"name": "Texts", "type": "SMS", "config": sent_config}, 201)
    assert KEY not in str(created)
    stored = hub.get(f"/api/channels/{created['id']}")
    assert (stored["adapter"], stored["status"]) == (adapter, "CONNECTED")


@pytest.mark.parametrize("adapter", ["sms_twilio", "sms_sns"])
def test_a_customer_with_a_telephone_is_within_reach_of_either_provider(hub: Hub, adapter: str) -> None:
    ROWS[adapter].accepted(hub.provider)
    hub.post("/channels/sms/configure", _body(adapter))
    now = hub.deps.now()
    person = Customer(id="p1", tenant_id=hub.tenant_id, phone="+14155550123", created_at=now, updated_at=now)
    hub.store.commit([Create(refs.customer("p1"), person.model_dump())])
    session = hub.post("/sessions/create", {"customer_id": "p1", "channel_type": "sms"})["session_id"]
    [verdict] = hub.post(f"/sessions/{session}/can-send", {})["channels"]
    assert (verdict["channel"], verdict["can_send"], verdict["reason"]) == ("sms", True, None)
    [instance] = hub.documents("instances", type=ChannelType.SMS.value)
    assert instance["adapter"] == adapter
    hub.store.commit([Merge(refs.instance(instance["id"]), {"status": "error"})])
    [verdict] = hub.post(f"/sessions/{session}/can-send", {})["channels"]
    assert (verdict["can_send"], verdict["reason"]) == (False, "disconnected")


def test_of_two_providers_of_text_messages_each_is_tried_by_its_name(hub: Hub) -> None:
    ROWS["sms_sns"].accepted(hub.provider)
    twilio_rules(hub.provider)
    for adapter in ("sms_sns", "sms_twilio"):
        hub.post("/channels/sms/configure", _body(adapter))
    assert len(hub.get("/channels/integrations")["channels"]) == 2
    for type_, body, path in (
        ("sms", {}, "^/$"),
        ("sms", {"provider": "twilio"}, "/IncomingPhoneNumbers"),
        ("twilio", {}, "/IncomingPhoneNumbers"),
    ):
        before = len(hub.provider.to(path))
        assert hub.post(f"/integrations/{type_}/test", body)["success"]
        assert len(hub.provider.to(path)) == before + 1, (type_, body)


def test_a_stored_key_does_not_follow_an_address_that_was_moved_by_who_may_not_read_it(hub: Hub) -> None:
    ROWS["whatsapp_evolution"].accepted(hub.provider)
    hub.post("/channels/whatsapp/configure", _body("whatsapp_evolution"))
    [instance] = hub.documents("instances", tenant_id=hub.tenant_id)
    hub.headers = key_for(hub.deps, hub.tenant_id)
    elsewhere = {"evolution_url": "http://localhost:1"}
    refused = hub.post("/channels/whatsapp/configure", elsewhere, 400)
    assert list(refused["fields"]) == ["evolution_key"]
    path, moved = f"/api/channels/{instance['id']}", {"config": {"evolutionUrl": "http://localhost:1"}}
    assert list(hub.patch(path, moved, 400)["fields"]) == ["evolutionKey"]
    assert hub.post("/channels/whatsapp/configure", elsewhere | {"api_key": KEY})["success"]
