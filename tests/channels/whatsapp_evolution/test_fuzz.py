"""Whatever comes in, the only error that comes out is `PayloadInvalid`."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.channels.whatsapp_evolution import inbound, webhook
from shared.channels.whatsapp_evolution.inbound import _READERS
from shared.errors import PayloadInvalid
from tests.channels import golden
from tests.channels.whatsapp_evolution.samples import body, message

CAPTURES = [one for path in golden.recordings("whatsapp_evolution") for one in golden.bodies(path)]
STRANGE: list[Any] = [None, True, 0, -1, 1.5, 2**64, "", "x", "\ud800", "😀" * 50, [], {}, [[]], {"0": 300}]
LEAVES = st.sampled_from(STRANGE) | st.integers() | st.text(max_size=10)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner))
NAMES = st.sampled_from(
    [
        *("key", "id", "remoteJid", "fromMe", "message", "messages", "messageTimestamp", "contextInfo", "status"),
        *("conversation", "imageMessage", "mediaKey", "reactionMessage", "protocolMessage", "type", "editedMessage"),
        *("viewOnceMessage", "vcard", "contacts", "options", "low", "high", "0", "qrcode", "base64", "state", "wuid"),
    ]
)
LIKELY = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5))

relaxed = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survives(raw: bytes) -> None:
    with contextlib.suppress(PayloadInvalid):
        for part in webhook.accept(golden.webhook(raw)):
            carried = json.dumps(part.payload, ensure_ascii=False, allow_nan=False).encode()
            with contextlib.suppress(PayloadInvalid):
                events = inbound.parse(json.loads(carried))
                json.dumps([golden.plain(event) for event in events], allow_nan=False)


@relaxed
@given(st.binary(max_size=200))
def test_any_bytes_are_survived(raw: bytes) -> None:
    survives(raw)


@relaxed
@given(JSON, JSON)
def test_any_json_is_survived(value: Any, payload: Any) -> None:
    survives(json.dumps(value).encode())
    with contextlib.suppress(PayloadInvalid):
        inbound.parse(payload)


@relaxed
@given(st.sampled_from(sorted(_READERS)), LIKELY)
def test_any_data_of_any_event_is_survived(event: str, data: Any) -> None:
    survives(json.dumps(body(event, data)).encode())
    with contextlib.suppress(PayloadInvalid):
        inbound.parse(body(event, data))


@relaxed
@given(LIKELY, LIKELY)
def test_any_content_of_a_message_is_survived(content: Any, context: Any) -> None:
    survives(json.dumps(body("messages.upsert", message(content, contextInfo=context))).encode())


@relaxed
@given(st.sampled_from(CAPTURES), st.integers(0, 2**32), st.integers(1, 6))
def test_a_mutated_recording_is_survived(capture: Any, seed: int, times: int) -> None:
    mutant, chance = json.loads(json.dumps(capture)), random.Random(seed)
    for _ in range(times):
        mutant = mutated(mutant, chance)
    survives(json.dumps(mutant).encode())


@relaxed
@given(st.sampled_from(CAPTURES), st.data())
def test_a_truncated_recording_is_survived(capture: Any, data: st.DataObject) -> None:
    raw = json.dumps(capture).encode()
    survives(raw[: data.draw(st.integers(0, len(raw)))])


def mutated(value: Any, chance: random.Random) -> Any:
    """The value with one thing somewhere in it replaced, removed, or wrapped."""
    inside = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not inside or chance.random() < 0.1:
        return copy.deepcopy(chance.choice([*STRANGE, [value], {"message": value}]))
    place = chance.choice(inside)
    if chance.random() < 0.15:
        del value[place]
    else:
        value[place] = mutated(value[place], chance)
    return value
