"""Promises that every channel keeps.

`tests/channels/<name>/example.py` says how a channel's webhooks prove themselves; the rest is the same for all.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared import channels
from shared.channel.inbound import InboundModule
from shared.channel.webhook import RawPart, SupportsSealing, Webhook, WebhookModule
from shared.config import Settings
from shared.domain.inbound import ChannelEvent
from shared.errors import PayloadInvalid, SignatureInvalid
from tests.channels import golden
from tests.channels.proofs import PROOFS, ROTATED, SECRET, Call
from tests.documents import an_instance

MEGABYTE = 1024 * 1024
LENIENT = Settings(webhook_strict=False)
STRICT = Settings(webhook_strict=True)
FOLDER = {"__init__.py", "config.py", "inbound.py", "outbound.py", "README.md"}


every_channel = pytest.mark.parametrize("name", channels.names())
every_webhook = pytest.mark.parametrize("name", [name for name, proof in PROOFS.items() if not proof.none_come])


@contextmanager
def _case(what: object) -> Iterator[None]:
    """A failure says in which of a test's cases it came; a test for each would take longer to set up than to run."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the case {what!r:.200}")
        raise


@cache
def _bodies(name: str) -> list[Any]:
    """All recorded bodies of a channel; nobody may change them."""
    return [body for path in golden.recordings(name) for body in golden.bodies(path)]


def _signed(name: str, secret: str, body: bytes) -> Webhook:
    headers = {"content-type": "application/json"} | PROOFS[name].headers(Call(secret=secret, body=body))
    return golden.webhook(body, headers=headers, query=PROOFS[name].query(secret))


def _verify(name: str, webhook: Webhook, config: Mapping[str, Any], settings: Settings) -> None:
    model = channels.channel(name).config
    channels.implementation(name, WebhookModule[BaseModel]).verify(webhook, model.model_validate(config), settings)


def _accept(name: str, webhook: Webhook) -> list[RawPart]:
    return channels.implementation(name, WebhookModule[BaseModel]).accept(webhook)


def _parse(name: str, payload: Any) -> list[ChannelEvent]:
    return channels.implementation(name, InboundModule).parse(payload)


def _through_the_bus(part: RawPart) -> Any:
    return json.loads(json.dumps(part.payload, allow_nan=False))


@every_channel
def test_folder_has_the_usual_files_and_a_readme(name: str) -> None:
    folder = Path(channels.__file__).parent / name
    assert {path.name for path in folder.iterdir()} >= FOLDER
    assert len((folder / "README.md").read_text("utf-8").split()) > 50


@every_channel
def test_channel_is_what_the_registry_says(name: str) -> None:
    channel = channels.channel(name)
    assert name in channels.type_of(name).adapters
    assert channel.setup.title
    assert channel.capabilities.text_limit > 0


@every_channel
def test_secrets_of_a_config_do_not_show(name: str) -> None:
    config = channels.channel(name).config.model_validate(PROOFS[name].config(SECRET))
    assert SECRET not in repr(config)
    assert SECRET not in config.model_dump_json()


@every_webhook
def test_rightly_signed_webhook_is_accepted(name: str) -> None:
    for settings in (LENIENT, STRICT):
        _verify(name, _signed(name, SECRET, b'{"a": "\\u00e9"}'), PROOFS[name].config(SECRET), settings)


@every_channel
def test_unsigned_webhook_is_refused_where_a_secret_is_agreed(name: str) -> None:
    for settings in (LENIENT, STRICT):
        with pytest.raises(SignatureInvalid):
            _verify(name, golden.webhook({}), PROOFS[name].config(SECRET), settings)


@every_channel
def test_badly_signed_webhook_is_refused(name: str) -> None:
    right = PROOFS[name].headers(Call(secret=SECRET, body=b"{}"))
    for wrong in ("", "x", SECRET[:-1], f"{SECRET} ", SECRET.upper(), "é\udce9", "0" * 5000):
        query = dict.fromkeys(PROOFS[name].query(SECRET), wrong)
        webhook = golden.webhook(b"{}", headers=dict.fromkeys(right, wrong), query=query)
        for settings in (LENIENT, STRICT):
            with _case(wrong), pytest.raises(SignatureInvalid) as caught:
                _verify(name, webhook, PROOFS[name].config(SECRET), settings)
            assert SECRET not in str(caught.value)


@every_webhook
def test_after_rotation_the_former_secret_is_refused(name: str) -> None:
    webhook = _signed(name, SECRET, b"{}")
    with pytest.raises(SignatureInvalid):
        _verify(name, webhook, PROOFS[name].config(ROTATED), LENIENT)
    _verify(name, _signed(name, ROTATED, b"{}"), PROOFS[name].config(ROTATED), STRICT)


@every_webhook
def test_without_an_agreed_secret_strict_refuses_and_lenient_accepts(name: str) -> None:
    unsecured = PROOFS[name].unsecured
    _verify(name, golden.webhook({}), unsecured, LENIENT)
    with pytest.raises(SignatureInvalid):
        _verify(name, golden.webhook({}), unsecured, STRICT)


@cache
def _garbage() -> dict[str, bytes]:
    return {
        "nothing": b"",
        "null": b"null",
        "noise": random.Random(7).randbytes(MEGABYTE),
        "arrays": b"[" * MEGABYTE,
        "closed-arrays": b'{"a":' + b"[" * 400 + b"]" * 400 + b"}",
        "objects": b'{"a":' * (MEGABYTE // 5),
        "digits": b'{"update_id":' + b"9" * MEGABYTE + b"}",
        "infinity": b'{"update_id": 1, "object": "page", "entry": [{"id": 1e999}], "data": 1e999}',
        "nan": b'{"update_id": NaN, "event": NaN}',
        "text": b'"' + b"a" * MEGABYTE + b'"',
        "half-a-pair": b'{"update_id": 1, "message": {"text": "\\ud83d"}, "object": "\\udc00", "event": "\\ud83d"}',
        "list": b"[" + b"1," * (MEGABYTE // 2) + b"1]",
        "keys": b"{" + b",".join(b'"%d":{}' % n for n in range(50_000)) + b"}",
        "utf-16": '{"update_id": 1}'.encode("utf-16"),
    }


@every_channel
def test_garbage_gives_payload_invalid_and_nothing_else(name: str) -> None:
    for kind, body in _garbage().items():
        with _case(kind):
            with pytest.raises(SignatureInvalid):
                _verify(name, golden.webhook(body), PROOFS[name].config(SECRET), STRICT)
            _read(name, golden.webhook(body))


def _read(name: str, webhook: Webhook) -> list[ChannelEvent]:
    """Parse a webhook; `PayloadInvalid` is allowed, any other error fails the test."""
    events: list[ChannelEvent] = []
    with suppress(PayloadInvalid):
        for part in _accept(name, webhook):
            assert len(part.key) <= 512
            payload = _through_the_bus(part)
            json.dumps(payload, ensure_ascii=False).encode()
            events += _parse(name, payload)
    return events


@every_channel
def test_there_are_recordings(name: str) -> None:
    assert len(golden.recordings(name)) >= 10


@every_channel
def test_recordings_have_their_golden_normal_forms(name: str) -> None:
    for recording in golden.recordings(name):
        with _case(recording.stem):
            assert golden.normal_form(name, recording) == golden.expected(name, recording)


@every_channel
def test_no_golden_form_lacks_its_recording(name: str) -> None:
    recorded = {golden.golden_path(name, path) for path in golden.recordings(name)}
    assert set((golden.HERE / name / "golden").glob("*.json")) == recorded


@every_channel
def test_parsing_is_deterministic_and_leaves_its_payload_alone(name: str) -> None:
    for body in _bodies(name):
        for part in _accept(name, golden.webhook(body)):
            before = copy.deepcopy(part.payload)
            first = _parse(name, part.payload)
            assert part.payload == before
            assert _parse(name, part.payload) == first, before
            assert _parse(name, _through_the_bus(part)) == first, before


@every_channel
def test_times_are_aware(name: str) -> None:
    events = [event for body in _bodies(name) for event in _read(name, golden.webhook(body))]
    for event in events:
        times = [value for value in dataclasses.asdict(event).values() if isinstance(value, datetime)]
        assert all(time.tzinfo is not None for time in times), event


@every_channel
def test_no_credential_is_left_in_a_part(name: str) -> None:
    for body in _bodies(name):
        signed_body = {**body, **PROOFS[name].in_body} if isinstance(body, dict) else body
        raw = PROOFS[name].encoded(signed_body)
        webhook = dataclasses.replace(
            _signed(name, SECRET, raw), query={"token": SECRET}, url=f"https://hub.example/webhook?token={SECRET}"
        )
        assert SECRET not in json.dumps(list(_published(name, webhook))), body


def _published(name: str, webhook: Webhook) -> Iterator[Any]:
    """The parts of a webhook that are published."""
    sealing = channels.ability(name, SupportsSealing[BaseModel])
    config, instance = channels.channel(name).config.model_validate(PROOFS[name].config(SECRET)), an_instance(name)
    for part in _accept(name, webhook):
        yield sealing.seal(instance, config, part.payload) if sealing else part.payload


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)


@st.composite
def _damaged(draw: st.DrawFn, name: str) -> Any:
    """A recorded body in which up to three places hold something else or nothing."""
    body = copy.deepcopy(draw(st.sampled_from(_bodies(name))))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(body))
        if not places:
            break
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        if draw(st.booleans()):
            holder[key] = draw(_ANYTHING)
        else:
            del holder[key]
    return body


@every_channel
@hypothesis_settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_webhook_gives_payload_invalid_and_nothing_else(name: str, data: st.DataObject) -> None:
    _read(name, golden.webhook(data.draw(_damaged(name))))


@every_channel
@hypothesis_settings(max_examples=30, deadline=None, database=None)
@given(payload=_ANYTHING)
def test_any_payload_gives_payload_invalid_or_events(name: str, payload: Any) -> None:
    with suppress(PayloadInvalid):
        _parse(name, payload)
