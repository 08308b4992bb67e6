"""Rooms, and what lets people into them.

https://www.twilio.com/docs/video/api/rooms-resource and https://www.twilio.com/docs/iam/access-tokens
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from shared.channel.rooms import Admission
from shared.channelkit.twilio import PROVIDER, call, refused
from shared.channels.video.config import VideoConfig
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.instances import Instance
from shared.errors import ProviderRejected

SERVICE = "video"
_EXISTS = 53113
_EMPTY_MINUTES = "1"


def admit(deps: Deps, instance: Instance, config: VideoConfig, conversation: Conversation, identity: str) -> Admission:
    """Open the conversation's room, unless it is open, and give a token for it and no other room."""
    room = room_name(conversation.id)
    open_room(deps, instance, config, room, conversation.external_user_id)
    now = deps.now()
    claims = access_claims(config, room, identity, now)
    return Admission(
        room=room,
        token=_signed(config, claims),
        identity=identity,
        expires_at=now + timedelta(seconds=config.stay_seconds),
    )


def room_name(conversation_id: str) -> str:
    """The same for as long as the conversation lasts."""
    return f"hub-{conversation_id}"


def open_room(deps: Deps, instance: Instance, config: VideoConfig, room: str, chat: str) -> None:
    """Make the room, with an address of ours to tell what happens in it; that it is there already is no error."""
    form: dict[str, str | list[str]] = {
        "UniqueName": room,
        "Type": "group",
        "EmptyRoomTimeout": _EMPTY_MINUTES,
        "RecordParticipantsOnConnect": "true" if config.record else "false",
    }
    if deps.settings.public_url:
        query = urlencode({"chat": chat})
        form["StatusCallback"] = f"{deps.settings.public_url}/webhook/video/{instance.id}?{query}"
        form["StatusCallbackMethod"] = "POST"
    reply = call(deps, config, "POST", "/v1/Rooms", service=SERVICE, form=form)
    if not reply.answer.ok and reply.code != _EXISTS:
        raise refused(reply)


def access_claims(config: VideoConfig, room: str, identity: str, now: datetime) -> dict[str, Any]:
    """What an access token says: who is let in where, and until when."""
    issued = int(now.timestamp())
    return {
        "jti": f"{config.api_key_sid}-{issued}",
        "iss": config.api_key_sid,
        "sub": config.twilio_account_sid,
        "iat": issued,
        "nbf": issued,
        "exp": issued + config.stay_seconds,
        "grants": {"identity": identity, "video": {"room": room}},
    }


def _signed(config: VideoConfig, claims: dict[str, Any]) -> str:
    import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

    return jwt.encode(claims, _key_secret(config), algorithm="HS256", headers={"cty": "twilio-fpa;v=1"})


def guest_key(config: VideoConfig) -> str:
    """What the tickets in join links are signed with: made of the API key, so that it goes when that one goes."""
    return hmac.new(_key_secret(config).encode(), b"hub: tickets of join links", hashlib.sha256).hexdigest()


def _key_secret(config: VideoConfig) -> str:
    if not config.api_key_sid or config.api_key_secret is None:
        raise ProviderRejected(PROVIDER, "rooms need an API key: give api_key_sid and api_key_secret")
    return config.api_key_secret.get_secret_value()
