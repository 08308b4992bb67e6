"""What Evolution's messages mean, they mean over a socket of our own: both are the same protocol buffers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.channelkit.whatsapp.wire import encoded_bytes, integer
from shared.channels.whatsapp_evolution import inbound as evolution
from shared.channels.whatsapp_web import inbound as web
from shared.domain.inbound import ChannelEvent, MessageReceived
from tests.channels.golden import bodies, recordings

ROOT = Path(__file__).parents[3]
ADDED = frozenset({"base64", "mediaUrl", "speechToText", "messageType", "messageContextInfo"})
"""What Evolution writes into a message, or changes in it; no phone sends it so."""

MESSAGES = ("messages.upsert", "send.message", "messages.set")


def _recorded() -> Mapping[str, tuple[str, dict[str, Any]]]:
    """The account and each message that was recorded from Evolution, by the recording's name."""
    return {
        f"{path.stem}-{number}": (body.get("sender"), data)
        for path in recordings("whatsapp_evolution")
        for body in bodies(path)
        if body.get("event") in MESSAGES
        for number, data in enumerate(body["data"] if isinstance(body["data"], list) else [body["data"]])
        if data.get("message")
    }


RECORDED = _recorded()


def _as_sent(data: Mapping[str, Any]) -> dict[str, Any]:
    """The message as a phone sent it: Evolution lays its context beside it, and makes a plain text of a quoting one."""
    message, context = dict(data["message"]), data.get("contextInfo")
    if context and "conversation" in message:
        message["extendedTextMessage"] = {"text": message.pop("conversation"), "contextInfo": context}
    sent: dict[str, Any] = _as_protobuf(message)
    return sent


def _as_protobuf(value: Any) -> Any:
    """Bytes and long numbers as protocol buffers have them in JSON, without what Evolution adds."""
    if isinstance(value, list):
        return [_as_protobuf(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"low", "high", "unsigned"}:
        return str(integer(value))
    if value and all(name.isdecimal() for name in value):
        return encoded_bytes(value)
    return {name: _as_protobuf(each) for name, each in value.items() if name not in ADDED and each is not None}


@pytest.fixture(scope="module")
def reported() -> Mapping[str, Any]:
    """The recorded messages as a worker would report them."""
    messages = [_as_sent(data) for _, data in RECORDED.values()]
    command = [sys.executable, "-m", "tests.whatsapp.over_protobuf"]
    run = subprocess.run(command, input=json.dumps(messages), capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(zip(RECORDED, json.loads(run.stdout), strict=True))


def _comparable(event: ChannelEvent) -> ChannelEvent:
    """Without what only one of the two needs or knows: where the chat is, and Evolution's copy of a file."""
    if not isinstance(event, MessageReceived):
        return event
    files = tuple(attachment.model_copy(update={"url": None}) for attachment in event.attachments)
    return replace(event, context={}, attachments=files)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_message_means_the_same(name: str, reported: Mapping[str, Any]) -> None:
    own, data = RECORDED[name]
    by_evolution = evolution.parse({"event": "messages.upsert", "sender": own, "data": data})
    about = {field: data[field] for field in ("key", "pushName", "messageTimestamp", "participant") if field in data}
    by_us = web.parse({"event": "message", "sender": own, "data": about | {"message": reported[name]}})
    assert list(map(_comparable, by_us)) == list(map(_comparable, by_evolution))


def test_the_recordings_have_every_kind_of_event() -> None:
    kinds = {
        event.kind.value if isinstance(event, MessageReceived) else type(event).__name__
        for own, data in RECORDED.values()
        for event in evolution.parse({"event": "messages.upsert", "sender": own, "data": data})
    }
    assert kinds >= {"text", "image", "video", "audio", "document", "sticker", "location", "contact", "poll"}
    assert kinds >= {"interactive", "unsupported", "ReactionChanged"}
