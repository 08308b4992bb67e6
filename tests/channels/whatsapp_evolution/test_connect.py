"""Connecting: the instance is there, and the server knows our address and secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.channel.lifecycle import Connection
from shared.channels.whatsapp_evolution import lifecycle
from shared.channels.whatsapp_evolution import webhook as webhook_module
from shared.deps import Deps
from shared.domain.instances import InstanceStatus
from shared.errors import OutcomeUnknown, ProviderDown, ProviderError, ProviderRejected, ProviderUnavailable
from tests.channels.golden import webhook
from tests.channels.whatsapp_evolution.samples import answer, body, config, instance
from tests.stubs import Received, Reply, Stub

HOOK = "https://hub.example/webhook/evolution/acme"
MISSING = Reply(404, {"status": 404, "response": {"message": ['The "acme-support" instance does not exist']}})
OPEN = Reply(200, answer("connectionState"))


def connect(deps: Deps, evolution: Stub, **changes: Any) -> Connection:
    return lifecycle.connect(deps, instance(), config(evolution_url=evolution.url, **changes))


def connected(evolution: Stub) -> None:
    evolution.on("GET", "^/instance/connectionState/acme-support$", OPEN)
    evolution.on("GET", "^/instance/fetchInstances", Reply(200, answer("fetchInstances")))
    evolution.on("POST", "^/webhook/set/acme-support$", Reply(201, answer("webhook-find")))


def test_a_missing_instance_is_created_with_its_webhook(public: Deps, provider: Stub) -> None:
    provider.on("GET", "connectionState", MISSING)
    provider.on("POST", "^/instance/create$", Reply(201, answer("instance-create")))
    connection = connect(public, provider, phone_number="+55 11 90000-0000")
    (request,) = provider.to("/instance/create")
    request_body = request.json
    hook = request_body.pop("webhook")
    assert request_body == {
        "instanceName": "acme-support",
        "integration": "WHATSAPP-BAILEYS",
        "qrcode": True,
        "number": "5511900000000",
    }
    assert (hook["url"], hook["byEvents"], hook["base64"]) == (HOOK, False, False)
    assert {"MESSAGES_UPSERT", "CONNECTION_UPDATE", "QRCODE_UPDATED"} <= set(hook["events"])
    assert connection.status is InstanceStatus.WAITING_FOR_SCAN
    assert connection.webhook_url == HOOK
    assert connection.qr_text is not None
    assert connection.qr_text.startswith("2@")
    assert connection.qr_png_base64 is not None
    assert connection.qr_png_base64.startswith("iVBOR")
    assert connection.secrets["instance_token"] == "ACME-INSTANCE-TOKEN"


def test_the_secret_that_is_registered_is_the_one_that_is_checked(public: Deps, provider: Stub) -> None:
    connected(provider)
    connection = connect(public, provider)
    headers = provider.to("/webhook/set")[0].json["webhook"]["headers"]
    assert headers == {"x-hub-webhook-secret": connection.secrets["webhook_secret"]}
    assert len(connection.secrets["webhook_secret"]) >= 32
    webhook_module.verify(webhook(body("call", {}), headers=headers), config(**connection.secrets), public.settings)


def test_an_existing_instance_only_gets_its_webhook(public: Deps, provider: Stub) -> None:
    connected(provider)
    connection = connect(public, provider)
    hook = provider.to("/webhook/set")[0].json["webhook"]
    assert (hook["enabled"], hook["url"]) == (True, HOOK)
    assert not provider.to("/instance/create")
    assert (connection.status, connection.phone_number, connection.display_name) == (
        InstanceStatus.CONNECTED,
        "+5511900000000",
        "ACME Support",
    )


def test_connecting_again_keeps_the_secret_that_retries_still_carry(public: Deps, provider: Stub) -> None:
    connected(provider)
    assert connect(public, provider, webhook_secret="kept").secrets == {"webhook_secret": "kept"}


def test_without_a_public_address_only_the_state_is_read(deps: Deps, provider: Stub) -> None:
    connected(provider)
    connection = connect(deps, provider)
    assert (connection.status, connection.webhook_url, connection.secrets) == (InstanceStatus.CONNECTED, None, {})
    assert {request.method for request in provider.requests} == {"GET"}


def test_without_a_public_address_a_missing_instance_is_not_created(deps: Deps, provider: Stub) -> None:
    provider.on("GET", "connectionState", MISSING)
    with pytest.raises(ProviderRejected, match="PUBLIC_URL"):
        connect(deps, provider)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("connecting", InstanceStatus.CONNECTING),
        ("odd", InstanceStatus.DISCONNECTED),
    ],
)
def test_an_account_that_is_not_online_is_not_asked_for_its_name(
    public: Deps, provider: Stub, state: str, status: InstanceStatus
) -> None:
    connected(provider)
    provider.on("GET", "connectionState", Reply(200, {"instance": {"state": state}}))
    assert connect(public, provider).status is status
    assert not provider.to("fetchInstances")


@pytest.mark.parametrize("refusal", [Reply(500), Reply(drop=True), Reply(200, text="?"), Reply(401)])
def test_a_server_that_keeps_the_name_to_itself_is_no_failure(public: Deps, provider: Stub, refusal: Reply) -> None:
    connected(provider)
    provider.on("GET", "fetchInstances", refusal)
    connection = connect(public, provider)
    assert (connection.status, connection.phone_number) == (InstanceStatus.CONNECTED, None)


def test_the_first_version_tells_the_name_in_its_own_form(public: Deps, provider: Stub) -> None:
    connected(provider)
    instances = [
        {"instance": {"instanceName": "acme-support", "owner": "5511900000000@s.whatsapp.net", "profileName": "A"}}
    ]
    provider.on("GET", "fetchInstances", Reply(200, instances))
    connection = connect(public, provider)
    assert (connection.phone_number, connection.display_name) == ("+5511900000000", "A")


def only_if(fits: Callable[[Any], bool], success: Reply) -> Callable[[Received], Reply]:
    complaint = Reply(400, {"status": 400, "response": {"message": [['instance requires property "url"']]}})
    return lambda request: success if fits(request.json) else complaint


def test_a_server_that_knows_fewer_events_gets_fewer(public: Deps, provider: Stub) -> None:
    connected(provider)
    older = only_if(
        lambda request_body: "MESSAGES_EDITED" not in request_body.get("webhook", {}).get("events", ()), Reply(201, {})
    )
    provider.on("POST", "/webhook/set", older)
    connect(public, provider)
    first, second = (request.json["webhook"] for request in provider.to("/webhook/set"))
    assert set(second["events"]) < set(first["events"])
    assert second["headers"] == first["headers"]


def test_the_first_version_gets_the_flat_form_with_the_secret_in_the_address(public: Deps, provider: Stub) -> None:
    connected(provider)
    provider.on("POST", "/webhook/set", only_if(lambda request_body: "url" in request_body, Reply(201, {})))
    connection = connect(public, provider)
    request_body = provider.to("/webhook/set")[-1].json
    secret = connection.secrets["webhook_secret"]
    assert request_body["url"] == f"{HOOK}?token={secret}"
    assert request_body["webhook_by_events"] is False
    assert connection.webhook_url == HOOK
    webhook_module.verify(
        webhook(body("call", {}), query={"token": secret}), config(**connection.secrets), public.settings
    )


def test_the_first_version_creates_with_the_flat_form(public: Deps, provider: Stub) -> None:
    provider.on("GET", "connectionState", MISSING)
    created = {"instance": {"status": "created"}, "hash": {"apikey": "TOKEN-1"}, "qrcode": {"code": "2@x"}}
    provider.on(
        "POST",
        "/instance/create",
        only_if(lambda request_body: isinstance(request_body["webhook"], str), Reply(201, created)),
    )
    connection = connect(public, provider)
    assert connection.secrets["instance_token"] == "TOKEN-1"
    assert connection.status is InstanceStatus.WAITING_FOR_SCAN


def test_who_was_faster_in_creating_it_is_no_failure(public: Deps, provider: Stub) -> None:
    connected(provider)
    provider.on("GET", "connectionState", MISSING, times=1)
    provider.on(
        "POST",
        "/instance/create",
        Reply(403, {"status": 403, "response": {"message": ['This name "acme-support" is already in use.']}}),
    )
    assert connect(public, provider).status is InstanceStatus.CONNECTED
    assert len(provider.to("/webhook/set")) == 1


@pytest.mark.parametrize(
    ("path", "refusal", "kind", "detail"),
    [
        ("connectionState", Reply(401, {"response": {"message": "Unauthorized"}}), ProviderRejected, "evolution_key"),
        ("connectionState", Reply(404, text="nginx"), ProviderRejected, "evolution_url"),
        ("connectionState", Reply(503, {"error": "LICENSE_REQUIRED"}), ProviderDown, "licence"),
        ("connectionState", Reply(drop=True), OutcomeUnknown, "answer"),
        ("webhook/set", Reply(400, {"response": {"message": [["bad url"]]}}), ProviderRejected, "bad url"),
        ("webhook/set", Reply(500, {"response": {"message": "boom"}}), ProviderUnavailable, "boom"),
    ],
)
def test_what_stands_in_the_way_is_told(
    public: Deps, provider: Stub, path: str, refusal: Reply, kind: type[ProviderError], detail: str
) -> None:
    connected(provider)
    provider.on("GET", path, refusal)
    provider.on("POST", path, refusal)
    with pytest.raises(ProviderError) as failed:
        connect(public, provider)
    assert type(failed.value) is kind
    assert detail in failed.value.detail


def test_a_key_that_may_not_create_says_so(public: Deps, provider: Stub) -> None:
    provider.on("GET", "connectionState", MISSING)
    provider.on("POST", "/instance/create", Reply(401, {"status": 401, "response": {"message": "Unauthorized"}}))
    with pytest.raises(ProviderRejected, match="global key"):
        connect(public, provider)


def test_no_qr_code_is_asked_for_when_switched_off(public: Deps, provider: Stub) -> None:
    provider.on("GET", "connectionState", MISSING)
    created = {"instance": {"status": "close"}, "hash": "T", "qrcode": {}}
    provider.on("POST", "/instance/create", Reply(201, created))
    connection = connect(public, provider, auto_qr=False)
    assert provider.to("/instance/create")[0].json["qrcode"] is False
    assert connection.status is InstanceStatus.DISCONNECTED
