"""Connecting a number or a Messaging Service."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channel.lifecycle import Connection
from shared.channels.sms_twilio import lifecycle, media
from shared.channels.sms_twilio.config import SmsConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.domain.messages import Attachment, MessageKind
from shared.errors import NotFound, ProviderRejected, ProviderUnavailable
from tests.documents import a_message
from tests.stubs import Reply, Stub
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, CONFIG, NUMBER_SID, form, has_number, refusal, twilio_rules

URL = "https://hub.example/webhook/sms/i1"
SERVICE = "MG00000000000000000000000000000001"


def run_operation(deps: Deps, instance: Instance, what: str, **more: Any) -> Connection:
    connection: Connection = getattr(lifecycle, what)(deps, instance, SmsConfig.model_validate({**CONFIG, **more}))
    return connection


def test_connecting_enters_our_address_at_the_number(deps: Deps, instance: Instance, provider: Stub) -> None:
    twilio_rules(provider)
    assert run_operation(deps, instance, "connect") == Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=URL,
        external_id=BUSINESS_NUMBER,
        phone_number=BUSINESS_NUMBER,
        config={"twilio_account_sid": ACCOUNT},
    )
    looked, entered = provider.requests
    assert looked.path.endswith("IncomingPhoneNumbers.json?PhoneNumber=%2B14155550100&PageSize=1")
    assert form(entered) == {"SmsUrl": [URL], "SmsMethod": ["POST"]}


def test_connecting_enters_our_address_at_the_messaging_service(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", f"/v1/Services/{SERVICE}$", Reply(json={"sid": SERVICE, "inbound_request_url": None}))
    provider.on("POST", f"/v1/Services/{SERVICE}$", Reply(json={"sid": SERVICE}))
    connection = run_operation(deps, instance, "connect", messaging_service_sid=SERVICE)
    assert (connection.external_id, connection.phone_number) == (SERVICE, None)
    entered = form(provider.requests[1])
    assert (entered["InboundRequestUrl"], entered["UseInboundWebhookOnNumber"]) == ([URL], ["false"])


def test_a_number_of_another_account_is_not_claimed_and_it_says_what_to_enter(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("GET", "IncomingPhoneNumbers", Reply(json={"incoming_phone_numbers": []}))
    connection = run_operation(deps, instance, "connect")
    assert (connection.status, connection.external_id) == (InstanceStatus.CONNECTED, None)
    assert f"enter {URL} where it is kept" in (connection.detail or "")


def test_account_and_token_may_come_as_one_string(deps: Deps, instance: Instance, provider: Stub) -> None:
    twilio_rules(provider)
    config = SmsConfig.model_validate({"auth_token": f"{ACCOUNT}:secret", "phone_number": BUSINESS_NUMBER})
    assert (config.twilio_account_sid, config.auth_token and config.auth_token.get_secret_value()) == (
        ACCOUNT,
        "secret",
    )
    assert lifecycle.connect(deps, instance, config).config == {"twilio_account_sid": ACCOUNT}


@pytest.mark.parametrize(
    ("sms_url", "status"),
    [(URL, InstanceStatus.CONNECTED), ("https://elsewhere.example", InstanceStatus.DISCONNECTED)],
)
def test_status_is_where_the_messages_go(
    deps: Deps, instance: Instance, provider: Stub, sms_url: str, status: InstanceStatus
) -> None:
    has_number(provider, sms_url=sms_url)
    assert run_operation(deps, instance, "status").status is status


@pytest.mark.parametrize(
    ("what", "status"), [("logout", InstanceStatus.DISCONNECTED), ("remove", InstanceStatus.DELETED)]
)
def test_ending_takes_our_address_away_and_nobody_elses(
    deps: Deps, instance: Instance, provider: Stub, what: str, status: InstanceStatus
) -> None:
    provider.on("POST", "IncomingPhoneNumbers", Reply(json={"sid": NUMBER_SID}))
    has_number(provider, sms_url="https://elsewhere.example")
    assert run_operation(deps, instance, what).status is status
    assert len(provider.requests) == 1
    has_number(provider, sms_url=URL)
    run_operation(deps, instance, what)
    assert form(provider.requests[-1])["SmsUrl"] == [""]


@pytest.mark.parametrize(
    ("reply", "error"),
    [(refusal(20003, "Authenticate", 401), ProviderRejected), (Reply(503), ProviderUnavailable)],
)
def test_what_twilio_refuses_is_said(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply, error: type[Exception]
) -> None:
    provider.on("GET", "IncomingPhoneNumbers", reply)
    for what in ("connect", "status", "probe"):
        with pytest.raises(error):
            run_operation(deps, instance, what)


def test_without_a_credential_nothing_is_asked(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="give auth_token, or api_key_sid"):
        run_operation(deps, instance, "connect", auth_token=None)
    assert provider.requests == []


def fetched(deps: Deps, instance: Instance, **extra: str) -> bytes:
    attachment = Attachment(type=MessageKind.IMAGE, extra=extra)
    return media.fetch_media(deps, instance, SmsConfig.model_validate(CONFIG), a_message(), attachment).content


def test_a_file_is_fetched_as_the_account_and_from_where_twilio_says_without_the_credential(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("GET", "/Messages/MM1/Media/ME1$", Reply(307, headers={"location": f"{provider.url}/cdn/1"}))
    provider.on("GET", "/cdn/1", Reply(content=b"\xff\xd8", headers={"content-type": "image/jpeg"}))
    assert fetched(deps, instance, message_sid="MM1", media_sid="ME1") == b"\xff\xd8"
    first, second = provider.requests
    assert first.headers["authorization"].startswith("Basic ")
    assert "authorization" not in second.headers


def test_a_file_that_is_not_at_twilio_is_not_asked_for(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(NotFound):
        fetched(deps, instance)
    assert provider.requests == []
