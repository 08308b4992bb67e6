"""Connecting a number for calls."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channel.lifecycle import Connection
from shared.channels.voice import lifecycle, media
from shared.channels.voice.config import VoiceConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.domain.messages import Attachment, MessageKind
from shared.errors import NotFound, ProviderRejected, ProviderUnavailable
from tests.documents import a_message
from tests.stubs import Reply, Stub
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, CONFIG, NUMBER_SID, form, has_number, refusal, twilio_rules

URL = "https://hub.example/webhook/voice/i1"


def run_operation(deps: Deps, instance: Instance, what: str, **more: Any) -> Connection:
    connection: Connection = getattr(lifecycle, what)(deps, instance, VoiceConfig.model_validate({**CONFIG, **more}))
    return connection


def test_connecting_enters_our_addresses_at_the_number(deps: Deps, instance: Instance, provider: Stub) -> None:
    twilio_rules(provider)
    assert run_operation(deps, instance, "connect", phone_number="(00) 1 415-555.0100") == Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=URL,
        external_id=BUSINESS_NUMBER,
        phone_number=BUSINESS_NUMBER,
        config={"twilio_account_sid": ACCOUNT},
    )
    assert form(provider.requests[1]) == {
        "VoiceUrl": [URL],
        "VoiceMethod": ["POST"],
        "StatusCallback": [f"{URL}/status"],
        "StatusCallbackMethod": ["POST"],
    }


def test_a_number_of_another_account_is_not_claimed(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "IncomingPhoneNumbers", Reply(json={"incoming_phone_numbers": []}))
    connection = run_operation(deps, instance, "connect")
    assert (connection.external_id, f"enter {URL}" in (connection.detail or "")) == (None, True)


@pytest.mark.parametrize(
    ("voice_url", "status"),
    [(URL, InstanceStatus.CONNECTED), ("https://elsewhere.example", InstanceStatus.DISCONNECTED)],
)
def test_status_is_where_the_calls_go(
    deps: Deps, instance: Instance, provider: Stub, voice_url: str, status: InstanceStatus
) -> None:
    has_number(provider, voice_url=voice_url)
    assert run_operation(deps, instance, "status").status is status


@pytest.mark.parametrize(
    ("what", "status"), [("logout", InstanceStatus.DISCONNECTED), ("remove", InstanceStatus.DELETED)]
)
def test_ending_takes_our_addresses_away(
    deps: Deps, instance: Instance, provider: Stub, what: str, status: InstanceStatus
) -> None:
    provider.on("POST", "IncomingPhoneNumbers", Reply(json={"sid": NUMBER_SID}))
    has_number(provider, voice_url=URL)
    assert run_operation(deps, instance, what).status is status
    assert (form(provider.requests[-1])["VoiceUrl"], form(provider.requests[-1])["StatusCallback"]) == ([""], [""])


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


def test_without_a_number_it_says_what_to_give(deps: Deps, instance: Instance) -> None:
    with pytest.raises(ProviderRejected, match="give phone_number"):
        run_operation(deps, instance, "connect", phone_number=None)


@pytest.mark.parametrize("extra", [{}, {"recording_sid": "../x"}, {"recording_sid": 5}])
def test_a_file_that_is_no_recording_is_not_asked_for(
    deps: Deps, instance: Instance, provider: Stub, extra: dict[str, Any]
) -> None:
    attachment = Attachment(type=MessageKind.AUDIO, extra=extra)
    with pytest.raises(NotFound):
        media.fetch_media(deps, instance, VoiceConfig.model_validate(CONFIG), a_message(), attachment)
    assert provider.requests == []
