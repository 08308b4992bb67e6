"""Rooms, what lets people into them, and the link that a customer is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from pydantic import ValidationError
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VideoGrant

from shared.channel.outbound import Sent
from shared.channel.rooms import Admission
from shared.channels.video import lifecycle, outbound, rooms
from shared.channels.video import opening as opening_module
from shared.channels.video.config import VideoConfig
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected, ProviderUnavailable
from shared.security.tokens import GuestClaims, verify
from tests.stubs import Reply, Stub
from tests.twilio import ACCOUNT, TOKEN, form, refusal, twilio_rules

KEY, SECRET = "SK00000000000000000000000000000001", "the-secret-of-the-api-key-1234567"
CONFIG: dict[str, Any] = {
    "twilio_account_sid": ACCOUNT,
    "auth_token": TOKEN,
    "api_key_sid": KEY,
    "api_key_secret": SECRET,
    "join_url": "https://shop.example/call#{token}",
}


@pytest.fixture
def conversation(deps: Deps, instance: Instance) -> Conversation:
    now = deps.now()
    return Conversation(
        id="c0ffee",
        tenant_id="t",
        customer_id="cust_456",
        identity_id="identity",
        instance_id=instance.id,
        channel=ChannelType.VIDEO,
        external_conversation_id="cust_456",
        external_user_id="cust_456",
        last_message_at=now,
        created_at=now,
        updated_at=now,
    )


def config(**more: Any) -> VideoConfig:
    return VideoConfig.model_validate(CONFIG | more)


def admit(deps: Deps, instance: Instance, conversation: Conversation, **more: Any) -> Admission:
    return rooms.admit(deps, instance, config(**more), conversation, "agent-7")


def test_a_token_says_what_twilio_documents(
    deps: Deps, instance: Instance, conversation: Conversation, provider: Stub
) -> None:
    twilio_rules(provider)
    admission = admit(deps, instance, conversation)
    assert jwt.get_unverified_header(admission.token) == {"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"}
    claims = jwt.decode(admission.token, SECRET, algorithms=["HS256"])
    issued = claims["iat"]
    assert claims == {
        "jti": f"{KEY}-{issued}",
        "iss": KEY,
        "sub": ACCOUNT,
        "iat": issued,
        "nbf": issued,
        "exp": issued + 4 * 3600,
        "grants": {"identity": "agent-7", "video": {"room": "hub-c0ffee"}},
    }
    assert (admission.room, admission.identity) == ("hub-c0ffee", "agent-7")
    assert abs(admission.expires_at.timestamp() - claims["exp"]) < 1


def test_it_is_what_twilios_own_library_makes(
    deps: Deps, instance: Instance, conversation: Conversation, provider: Stub
) -> None:
    twilio_rules(provider)
    token = admit(deps, instance, conversation).token
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    twilio_token = AccessToken(ACCOUNT, KEY, SECRET, identity="agent-7", ttl=4 * 3600)
    twilio_token.add_grant(VideoGrant(room="hub-c0ffee"))
    twilio_jwt = twilio_token.to_jwt()
    twilio_claims = jwt.decode(twilio_jwt, SECRET, algorithms=["HS256"])
    assert jwt.get_unverified_header(twilio_jwt) == jwt.get_unverified_header(token)
    same = ("iss", "sub", "grants")
    assert {name: claims[name] for name in same} == {name: twilio_claims[name] for name in same}
    assert set(twilio_claims) <= set(claims)


def test_the_room_is_opened_with_our_address_and_for_this_conversation_alone(
    deps: Deps, instance: Instance, conversation: Conversation, provider: Stub
) -> None:
    twilio_rules(provider)
    admit(deps, instance, conversation, record=True)
    [request] = provider.to(r"/v1/Rooms$")
    assert form(request) == {
        "UniqueName": ["hub-c0ffee"],
        "Type": ["group"],
        "EmptyRoomTimeout": ["1"],
        "RecordParticipantsOnConnect": ["true"],
        "StatusCallback": ["https://hub.example/webhook/video/i1?chat=cust_456"],
        "StatusCallbackMethod": ["POST"],
    }


def test_a_room_that_is_open_already_is_no_error(
    deps: Deps, instance: Instance, conversation: Conversation, provider: Stub
) -> None:
    provider.on("POST", "/v1/Rooms", refusal(53113, "Room exists"))
    assert admit(deps, instance, conversation).room == "hub-c0ffee"
    payload = OutboxPayload(conversation_id="c0ffee", external_user_id="cust_456", text="Come in")
    assert outbound.send(deps, instance, config(), payload) == Sent(external_message_id=None)


@pytest.mark.parametrize(
    ("reply", "error"), [(refusal(53000, "No."), ProviderRejected), (Reply(503), ProviderUnavailable)]
)
def test_a_room_that_cannot_be_opened_admits_nobody(
    deps: Deps, instance: Instance, conversation: Conversation, provider: Stub, reply: Reply, error: type[Exception]
) -> None:
    provider.on("POST", "/v1/Rooms", reply)
    with pytest.raises(error):
        admit(deps, instance, conversation)


def test_without_an_api_key_it_says_what_to_give(
    deps: Deps, instance: Instance, conversation: Conversation, provider: Stub
) -> None:
    twilio_rules(provider)
    with pytest.raises(ProviderRejected, match="give api_key_sid and api_key_secret"):
        admit(deps, instance, conversation, api_key_secret=None)
    with pytest.raises(ProviderRejected, match="give api_key_sid and api_key_secret"):
        lifecycle.connect(deps, instance, config(api_key_sid=None))


def test_the_link_carries_a_ticket_for_this_conversation_that_ends(
    deps: Deps, instance: Instance, conversation: Conversation
) -> None:
    opening = opening_module.opening(deps, instance, config(), conversation, False)
    assert opening is not None
    text, ticket = opening.text.split("https://shop.example/call#")
    assert (text, opening.here) == ("Join the video call: ", False)
    claims = verify(ticket, rooms.guest_key(config()), GuestClaims, deps.now())
    assert (claims.conversation_id, claims.user_id, claims.instance_id) == ("c0ffee", "cust_456", "i1")
    assert claims.exp - claims.iat == timedelta(days=1).total_seconds()
    assert rooms.guest_key(config(api_key_secret="another")) != rooms.guest_key(config())
    assert SECRET not in rooms.guest_key(config())


def test_without_a_page_there_is_no_link(deps: Deps, instance: Instance, conversation: Conversation) -> None:
    assert opening_module.opening(deps, instance, config(join_url=None), conversation, True) is None
    with pytest.raises(ValidationError, match=r"put \{token\}"):
        config(join_url="https://shop.example/call")


def test_connecting_says_what_would_be_missing(deps: Deps, instance: Instance, provider: Stub) -> None:
    twilio_rules(provider)
    connection = lifecycle.connect(deps, instance, config())
    assert (connection.status, connection.detail) == (InstanceStatus.CONNECTED, None)
    assert connection.webhook_url == "https://hub.example/webhook/video/i1"
    lacking = lifecycle.connect(deps, instance, config(join_url=None, auth_token=None))
    assert "give auth_token" in (lacking.detail or "")
    assert "give join_url" in (lacking.detail or "")


def test_a_wrong_key_is_refused(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/v1/Rooms", refusal(20003, "Authenticate", 401))
    with pytest.raises(ProviderRejected, match="Authenticate"):
        lifecycle.probe(deps, instance, config())
