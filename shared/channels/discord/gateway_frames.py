"""What goes over a gateway connection (https://docs.discord.com/developers/events/gateway-events#payload-structure)."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pydantic import BaseModel, Field

from shared.channel.connection import Position
from shared.channelkit.payloads import checked
from shared.channels.discord.api import PROVIDER
from shared.channels.discord.gateway import INTENTS
from shared.channels.discord.objects import Snowflake
from shared.errors import PayloadInvalid, ProviderRejected

MOST_BYTES = 4096
"""Of a frame that we send; for a longer one Discord closes the connection."""

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
FATAL = {
    4004: "Discord does not take the token; check config.botToken",
    4010: "Discord does not take the shard",
    4011: "the bot is in more servers than one connection may serve",
    4012: "Discord does not speak this version of its gateway any more",
    4013: "Discord does not take the intents",
    4014: "Discord has not allowed the intent MESSAGE_CONTENT: switch it on at https://discord.com/developers",
}
AFRESH = frozenset({4007, 4009})
"""After these a session cannot be resumed; after all the others it may be tried."""


class Op(IntEnum):
    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    ACK = 11


class Frame(BaseModel):
    op: int
    d: Any = None
    s: int | None = None
    t: str | None = None


class _Hello(BaseModel):
    heartbeat_interval: float = Field(gt=0, le=3_600_000)


class _Me(BaseModel):
    id: Snowflake


class _Ready(BaseModel):
    session_id: str = Field(min_length=1, max_length=256)
    resume_gateway_url: str = Field(min_length=1, max_length=512)
    user: _Me


class Session(BaseModel):
    """What resuming takes: `seq` numbers the last dispatch that was taken, not the last that came."""

    session_id: str
    url: str
    bot_id: str
    seq: int = 0

    @classmethod
    def from_ready(cls, data: object) -> Session:
        """From READY; raises `PayloadInvalid`."""
        ready = checked(PROVIDER, _Ready, data)
        return cls(session_id=ready.session_id, url=ready.resume_gateway_url, bot_id=ready.user.id)

    @classmethod
    def at(cls, position: Position | None) -> Session | None:
        """None where nothing is known that could be resumed."""
        try:
            return checked(PROVIDER, cls, position) if position else None
        except PayloadInvalid:
            return None


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ended. `fatal`: trying again cannot help; not `resumable`: the next one begins afresh."""

    why: str
    resumable: bool = True
    fatal: bool = False


def frame(raw: str | bytes) -> Frame:
    """Raises `PayloadInvalid`."""
    try:
        return checked(PROVIDER, Frame, json.loads(raw))
    except (ValueError, RecursionError):
        raise PayloadInvalid("discord: a frame is not JSON") from None


def interval(hello: Frame) -> float:
    """Seconds between two heartbeats; raises `PayloadInvalid`."""
    if hello.op != Op.HELLO:
        raise PayloadInvalid("discord: the first frame is no HELLO")
    return checked(PROVIDER, _Hello, hello.d).heartbeat_interval / 1000


def heartbeat(seq: int | None) -> str:
    return _frame(Op.HEARTBEAT, seq)


def introduction(token: str, session: Session | None) -> str:
    """RESUME where there is a session, else IDENTIFY; raises `ProviderRejected` for a token that cannot be one."""
    if session is not None:
        return _frame(Op.RESUME, {"token": token, "session_id": session.session_id, "seq": session.seq})
    properties = {"os": sys.platform, "browser": "omnichannel-hub", "device": "omnichannel-hub"}
    return _frame(Op.IDENTIFY, {"token": token, "intents": INTENTS, "properties": properties})


def _frame(op: Op, data: object) -> str:
    text = json.dumps({"op": op, "d": data})
    if len(text.encode()) > MOST_BYTES:
        raise ProviderRejected(PROVIDER, FATAL[4004])
    return text


def closing(code: int | None) -> Ending:
    """What a close code means; None where the connection broke without one."""
    if code in FATAL:
        return Ending(FATAL[code], fatal=True)
    why = f"Discord closed the connection ({code})" if code else "the connection broke"
    return Ending(why, resumable=code not in AFRESH)
