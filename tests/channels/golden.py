"""Golden normal forms: what each channel makes of each recorded webhook.

A channel's recordings lie in `tests/channels/<channel>/captures` or
`fixtures`, one webhook body per file, or an array of bodies; files named
`rest-*` are a provider's answers and `outbox*` what reached it, neither is a
webhook. What the channel makes of each lies in `golden/<name>.json`: per body
its parts, per part the key and the normal events with their class names,
without the fields that have their default.

After a change that is meant, write them anew and read the difference:

    python -m tests.channels.golden --update [channel ...]

Without `--update` it prints which ones differ.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared import channels
from shared.channel.inbound import InboundModule
from shared.channel.webhook import RawPart, Webhook, WebhookModule
from shared.domain.inbound import ChannelEvent

HERE = Path(__file__).parent
RECEIVED_AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
_NO_WEBHOOKS = ("rest-", "outbox")


def recordings(name: str) -> list[Path]:
    """The recorded webhooks of a channel."""
    folder = HERE / name
    paths = [*folder.glob("captures/*.json"), *folder.glob("fixtures/*.json")]
    return sorted(path for path in paths if not path.name.startswith(_NO_WEBHOOKS))


def bodies(recording: Path) -> list[Any]:
    """The webhook bodies in a recording, as JSON."""
    content = json.loads(recording.read_text("utf-8"))
    return content if isinstance(content, list) else [content]


def webhook(body: object, **changes: Any) -> Webhook:
    """A webhook with that body (bytes, or a value to encode as JSON); `changes` replace other fields."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    defaults: dict[str, Any] = {
        "method": "POST",
        "headers": {"content-type": "application/json"},
        "query": {},
        "body": raw,
        "url": "https://hub.example/webhook",
        "received_at": RECEIVED_AT,
    }
    return Webhook(**(defaults | changes))


def golden_path(name: str, recording: Path) -> Path:
    return HERE / name / "golden" / recording.name


def normal_form(name: str, recording: Path) -> list[Any]:
    """The events that the channel parses from a recording, as JSON."""
    accept = channels.implementation(name, WebhookModule[BaseModel]).accept
    return [[_part(name, part) for part in accept(webhook(body))] for body in bodies(recording)]


def expected(name: str, recording: Path) -> Any:
    return json.loads(golden_path(name, recording).read_text("utf-8"))


def _part(name: str, part: RawPart) -> dict[str, Any]:
    # The bus carries JSON, so the parser never sees anything else.
    payload = json.loads(json.dumps(part.payload, allow_nan=False))
    events = channels.implementation(name, InboundModule).parse(payload)
    form: dict[str, Any] = {"key": part.key, "events": [plain(event) for event in events]}
    return form | ({"account": part.account} if part.account is not None else {})


def plain(event: ChannelEvent) -> dict[str, Any]:
    """An event as JSON: its class name, and the fields that do not have their default."""
    return {"event": type(event).__name__, **_fields(event)}


def _fields(value: Any) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if not _is_default(getattr(value, field.name), field)
    }


def _is_default(value: Any, field: dataclasses.Field[Any]) -> bool:
    if field.default_factory is not dataclasses.MISSING:
        return bool(value == field.default_factory())
    return field.default is not dataclasses.MISSING and bool(value == field.default)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _differing(names: Iterable[str], *, update: bool) -> list[Path]:
    differing = []
    for name in names:
        for recording in recordings(name):
            path = golden_path(name, recording)
            now = json.dumps(normal_form(name, recording), ensure_ascii=False, indent=2) + "\n"
            if path.exists() and path.read_text("utf-8") == now:
                continue
            differing.append(path)
            if update:
                path.parent.mkdir(exist_ok=True)
                path.write_text(now, "utf-8")
    return differing


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.channels.golden")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("channels", nargs="*", default=channels.names())
    chosen = parser.parse_args(arguments)
    differing = _differing(chosen.channels, update=chosen.update)
    for path in differing:
        sys.stdout.write(f"{'written' if chosen.update else 'differs'}: {path.relative_to(HERE)}\n")
    return 1 if differing and not chosen.update else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
