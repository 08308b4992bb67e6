"""Connecting a number, and getting what was sent to it."""

from __future__ import annotations

import pytest

from shared.channel.lifecycle import Connection
from shared.channel.media import Media
from shared.channel.webhook import Webhook
from shared.channels.whatsapp_cloud import lifecycle, media
from shared.channels.whatsapp_cloud import webhook as webhook_module
from shared.channels.whatsapp_cloud.address import canonical
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.domain.messages import Attachment, MessageKind
from shared.errors import NotFound, ProviderError, ProviderRejected, SignatureInvalid
from tests.channels import golden
from tests.documents import a_message
from tests.stubs import Reply, Stub

NUMBER = "106540352242922"
ABOUT = {"id": NUMBER, "display_phone_number": "+1 555-078-3881", "verified_name": "Lucky Shrub"}
CALLBACK = "https://hub.example/webhook/whatsapp_cloud/i1"


def config(**more: object) -> CloudConfig:
    return CloudConfig.model_validate({"accessToken": "EAAB", "phoneNumberId": NUMBER} | more)


def challenge(webhook: Webhook, deps: Deps, cloud_config: CloudConfig) -> str:
    return webhook_module.challenge(webhook, cloud_config, deps.settings)


def test_number_is_asked_for_and_calls_this_instance(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", rf"^/v23\.0/{NUMBER}\?fields=", Reply(json=ABOUT))
    provider.on("POST", "/subscribed_apps$", Reply(json={"success": True}))
    provider.on("POST", rf"/{NUMBER}$", Reply(json={"success": True}))
    connected = lifecycle.connect(public, instance, config(businessAccountId="102290129340398"))
    assert connected == Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=CALLBACK,
        external_id=NUMBER,
        display_name="Lucky Shrub",
        phone_number="+15550783881",
    )
    assert provider.to("/102290129340398/subscribed_apps") != []
    configuration = provider.to(f"/{NUMBER}$")[0].json["webhook_configuration"]
    assert configuration["override_callback_uri"] == CALLBACK
    query = {"hub.mode": "subscribe", "hub.verify_token": configuration["verify_token"], "hub.challenge": "1158201444"}
    assert challenge(golden.webhook(b"", method="GET", query=query), public, config()) == "1158201444"


def test_wrong_verify_token_is_refused(deps: Deps) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "guess", "hub.challenge": "1"}
    with pytest.raises(SignatureInvalid):
        challenge(golden.webhook(b"", method="GET", query=query), deps, config(verifyToken="agreed"))


def test_without_a_public_address_nothing_is_registered(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", f"/{NUMBER}", Reply(json={"id": NUMBER}))
    connected = lifecycle.connect(deps, instance, config())
    assert connected.webhook_url is None
    assert "PUBLIC_URL" in str(connected.detail)
    assert len(provider.requests) == 1


def test_refused_callback_says_what_to_look_at(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", f"/{NUMBER}", Reply(json=ABOUT))
    provider.on("POST", f"/{NUMBER}", Reply(400, {"error": {"message": "URL couldn't be validated", "code": 2200}}))
    with pytest.raises(ProviderRejected, match=r"URL couldn't be validated.*config\.businessAccountId"):
        lifecycle.connect(public, instance, config())


def test_invalid_token_names_the_setting(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", f"/{NUMBER}", Reply(401, {"error": {"message": "Error validating access token", "code": 190}}))
    with pytest.raises(ProviderRejected, match=r"config\.accessToken"):
        lifecycle.probe(deps, instance, config())


@pytest.mark.parametrize(
    ("callback_url", "expected"), [(CALLBACK, "connected"), ("https://other.example", "disconnected")]
)
def test_status_is_whether_meta_calls_this_instance(
    public: Deps, instance: Instance, provider: Stub, callback_url: str, expected: str
) -> None:
    about = ABOUT | {"webhook_configuration": {"phone_number": callback_url, "application": "https://app.example"}}
    provider.on("GET", f"/{NUMBER}", Reply(json=about))
    assert lifecycle.status(public, instance, config()).status.value == expected


def test_logout_and_removal_give_the_number_back_however_often(
    public: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", f"/{NUMBER}", Reply(json={"success": True}))
    for _ in range(2):
        assert lifecycle.logout(public, instance, config()).status is InstanceStatus.DISCONNECTED
        assert lifecycle.remove(public, instance, config()).status is InstanceStatus.DELETED
    bodies = [request.json for request in provider.requests]
    assert bodies == [{"webhook_configuration": {"override_callback_uri": ""}}] * 4


def fetch(deps: Deps, instance: Instance, attachment: Attachment) -> Media:
    return media.fetch_media(deps, instance, config(), a_message(), attachment)


IMAGE = Attachment(type=MessageKind.IMAGE, extra={"media_id": "1003383421387256"})


def test_file_is_fetched_by_id_with_the_token(deps: Deps, instance: Instance, provider: Stub) -> None:
    about = {"url": f"{provider.url}/cdn?mid=1", "mime_type": "image/jpeg", "file_size": "5", "id": "1003383421387256"}
    provider.on("GET", rf"/1003383421387256\?phone_number_id={NUMBER}$", Reply(json=about))
    provider.on("GET", "^/cdn", Reply(content=b"bytes", headers={"content-type": "image/jpeg"}))
    assert fetch(deps, instance, IMAGE) == Media(content=b"bytes", mime_type="image/jpeg")
    assert provider.to("^/cdn")[0].headers["authorization"] == "Bearer EAAB"


@pytest.mark.parametrize("about", [{"url": "http://127.0.0.1:1/x", "file_size": 26 * 1024 * 1024}, {"id": "1"}])
def test_file_that_is_too_large_or_has_no_address_is_not_fetched(
    deps: Deps, instance: Instance, provider: Stub, about: dict[str, object]
) -> None:
    provider.on("GET", "/1003383421387256", Reply(json=about))
    with pytest.raises(ProviderRejected):
        fetch(deps, instance, IMAGE)


def test_address_that_has_expired_is_a_provider_error_without_the_address(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("GET", "/1003383421387256", Reply(json={"url": f"{provider.url}/cdn?hash=secret"}))
    provider.on("GET", "^/cdn", Reply(404, {}))
    with pytest.raises(ProviderError) as refused:
        fetch(deps, instance, IMAGE)
    assert "secret" not in str(refused.value)


def test_attachment_without_an_id_has_no_file(deps: Deps, instance: Instance) -> None:
    with pytest.raises(NotFound):
        fetch(deps, instance, Attachment(type=MessageKind.CONTACT))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("+1 (650) 555-1234", "16505551234"),
        ("16505551234", "16505551234"),
        ("+55 11 8765-4321", "5511987654321"),
        ("user.9373795779eb", "user.9373795779eb"),
        (" user.9373795779eb ", "user.9373795779eb"),
        ("", ""),
    ],
)
def test_addresses_have_one_spelling(typed: str, expected: str) -> None:
    assert canonical(typed) == expected
