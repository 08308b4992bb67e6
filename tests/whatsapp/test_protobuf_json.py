"""Protocol buffers as JSON in the spelling of WhatsApp's web clients, and back: at every depth, but no other key."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]

from infra.sockets.whatsapp.protobuf_json import from_json, to_json

Field = descriptor_pb2.FieldDescriptorProto


def _add(form: Any, number: int, name: str, kind: int, type_name: str | None = None, *, repeated: bool = False) -> None:
    label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
    type_of = {"type_name": type_name} if type_name else {}
    form.field.add(name=name, number=number, type=kind, label=label, json_name=name, **type_of)


def _picture_form() -> Any:
    """A message form with what matters: capitals, a message, messages, and a map."""
    file = descriptor_pb2.FileDescriptorProto(name="picture.proto", package="test", syntax="proto3")
    context = file.message_type.add(name="Context")
    _add(context, 1, "stanzaID", Field.TYPE_STRING)
    picture = file.message_type.add(name="Picture")
    _add(picture, 1, "URL", Field.TYPE_STRING)
    _add(picture, 2, "fileSHA256", Field.TYPE_BYTES)
    _add(picture, 3, "contextInfo", Field.TYPE_MESSAGE, ".test.Context")
    _add(picture, 4, "quotes", Field.TYPE_MESSAGE, ".test.Context", repeated=True)
    _add(picture, 5, "LABELS", Field.TYPE_MESSAGE, ".test.Picture.LabelsEntry", repeated=True)
    entry = picture.nested_type.add(name="LabelsEntry")
    entry.options.map_entry = True
    _add(entry, 1, "key", Field.TYPE_STRING)
    _add(entry, 2, "value", Field.TYPE_MESSAGE, ".test.Context")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Picture"))


PICTURE = _picture_form()
VALUES = {
    "url": "https://mmg.whatsapp.net/1",
    "fileSha256": "AAEC",
    "contextInfo": {"stanzaId": "M1"},
    "quotes": [{"stanzaId": "M2"}, {"stanzaId": "M3"}],
}


def test_every_field_is_spelled_as_web_clients_do_and_comes_back() -> None:
    message = from_json(VALUES, PICTURE)
    assert (message.URL, message.fileSHA256, message.contextInfo.stanzaID) == (VALUES["url"], b"\0\1\2", "M1")
    assert [each.stanzaID for each in message.quotes] == ["M2", "M3"]
    assert to_json(message) == VALUES


def test_the_keys_of_a_map_are_nobodys_fields() -> None:
    message = PICTURE()
    message.LABELS["stanzaID"].stanzaID = "M4"
    assert to_json(message)["labels"].keys() == {"stanzaID"}


@pytest.mark.parametrize(
    "values", [{"size": 1}, {"contextInfo": "M1"}, {"contextInfo": {"URL": "M1"}}, {"quotes": ["M2"]}]
)
def test_what_is_no_message_of_the_form_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ParseError, match=r"Failed to parse|no field named"):
        from_json(values, PICTURE)
