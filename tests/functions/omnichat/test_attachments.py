"""Attachments as OmniChat's clients see them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from functions.omnichat.realtime_schemas import AttachmentOut, MessageOut
from functions.omnichat.wire import payload
from shared.domain.messages import Attachment, MessageKind
from tests.documents import a_message
from tests.eventually import eventually
from tests.pipeline.hub import Hub

GOLDEN = Path(__file__).parents[2] / "golden" / "omnichat" / "attachments.json"


def test_a_file_has_the_same_form_over_http_and_on_the_socket(hub: Hub) -> None:
    update = hub.update(5, "")
    del update["message"]["text"]
    ids = {"file_id": "AgACAgIAAxkBAAIB", "file_unique_id": "AQADBQAT"}
    size = ids | {"file_size": 51234, "width": 800, "height": 600}
    hub.deliver_update(hub.telegram(), update | {"message": update["message"] | {"photo": [size]}})
    conversation = hub.conversation()
    [message] = hub.get(f"/api/conversations/{conversation.id}/messages")["messages"]
    [event] = eventually(lambda: [each for each in hub.realtime if each.name == "message-created"])
    expected = json.loads(GOLDEN.read_text("utf-8"))
    expected[0]["mediaId"] = f"{message['id']}-0"
    expected[0]["url"] = f"/media/{message['id']}-0"
    assert message["attachments"] == expected
    assert payload(event)["message"]["attachments"] == expected


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"file_id": "F"}, {"fileId": "F"}),
        ({"thumb": [{"file_size_2": 1}]}, {"thumb": [{"fileSize2": 1}]}),
        ({"fileId": "F", "ID_of_it": 1, "Yes, please_do": 2}, {"fileId": "F", "ID_of_it": 1, "Yes, please_do": 2}),
        ({"note": "file_id stays a word"}, {"note": "file_id stays a word"}),
    ],
)
def test_only_names_in_snake_case_change_on_every_level(stored: dict[str, object], expected: dict[str, object]) -> None:
    message = a_message(attachments=[Attachment(type=MessageKind.DOCUMENT, extra=stored)])
    assert MessageOut.of(message).model_dump(mode="json")["attachments"][0]["extra"] == expected
    assert AttachmentOut.of(message, 0).extra == stored
