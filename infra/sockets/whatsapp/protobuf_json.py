"""WhatsApp's protocol buffers as the JSON that its web clients write, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict, ParseDict  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]

M = TypeVar("M")

_CAPITALS = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z]|[^A-Za-z]|$)")


def spelled(name: str) -> str:
    """A field's name as web clients spell it: `stanzaID` is `stanzaId`, and `JPEGThumbnail` is `jpegThumbnail`."""
    name = _CAPITALS.sub(lambda capitals: capitals[0].capitalize(), name)
    return name[:1].lower() + name[1:]


def to_json(message: Message) -> dict[str, Any]:
    return _renamed(MessageToDict(message), message.DESCRIPTOR, _spellings)


def from_json(values: Mapping[str, Any], form: Callable[[], M]) -> M:
    """The message; raises `ParseError` for what is none of that form."""
    parsed: Any = form()
    ParseDict(_renamed(values, parsed.DESCRIPTOR, _names), parsed)
    message: M = parsed
    return message


@cache
def _spellings(form: Descriptor) -> Mapping[str, tuple[str, FieldDescriptor]]:
    return {field.json_name: (spelled(field.json_name), field) for field in form.fields}


@cache
def _names(form: Descriptor) -> Mapping[str, tuple[str, FieldDescriptor]]:
    return {spelled(field.json_name): (field.json_name, field) for field in form.fields}


def _renamed(values: Mapping[str, Any], form: Descriptor, names: Any) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for key, value in values.items():
        name, field = names(form).get(key, (key, None))
        inner = field.message_type if field is not None else None
        if inner is None or inner.GetOptions().map_entry:
            renamed[name] = value
        elif isinstance(value, list):
            renamed[name] = [_renamed(each, inner, names) if isinstance(each, dict) else each for each in value]
        else:
            renamed[name] = _renamed(value, inner, names) if isinstance(value, dict) else value
    return renamed
