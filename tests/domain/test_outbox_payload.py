"""The payload of what waits in the queue: a hub that is being replaced and its successor read each other's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.domain.content import Poll
from shared.domain.messages import Attachment, MessageKind, Span
from shared.domain.outbox import Change, Choice, Original, OutboxPayload, ReactionTo, Template

GOLDEN = Path(__file__).parents[1] / "golden" / "queue"

FULL = OutboxPayload(
    message_id="m1",
    conversation_id="c1",
    external_conversation_id="491701234567@s.whatsapp.net",
    external_user_id="491701234567",
    text="Your order is ready",
    spans=[Span(style="link", start=5, end=10, value="https://shop.example/7")],
    attachments=[
        Attachment(
            type=MessageKind.IMAGE,
            url="https://files.example/cat.jpg",
            mime_type="image/jpeg",
            file_name="cat.jpg",
            size=51234,
            latitude=-23.55,
            longitude=-46.63,
            name="Cat",
            address="Rua A, 1",
            unavailable="no longer kept",
            sha256="9f86d081884c7d65",
            extra={"file_id": "F"},
        )
    ],
    reply_to="wamid.1",
    reaction=ReactionTo(external_message_id="wamid.2", emoji="\U0001f44d", from_me=True),
    template=Template(
        name="order_ready",
        language="en_US",
        parameters=["7"],
        named_parameters={"order": "7"},
        header={"type": "text", "text": "Hello"},
        buttons=[{"type": "url", "text": "7"}],
    ),
    choices=[Choice(id="1", title="Thanks", description="and goodbye")],
    poll=Poll(question="When?", options=["today", "tomorrow"], multiple=True),
    original=Original(instance_id="i1", external_message_id="wamid.3"),
    change=Change(action="edit", message_id="m0", external_ids=["wamid.4"], grows=True),
    automatic=True,
    context={"thread_ts": "1.2"},
)


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def test_the_payload_has_the_frozen_form() -> None:
    written = FULL.model_dump(mode="json")
    assert written == golden("outbox_payload")
    assert OutboxPayload.model_validate(golden("outbox_payload")) == FULL


def test_every_field_is_in_the_frozen_form() -> None:
    assert FULL.model_fields_set == set(OutboxPayload.model_fields)
    for part in (
        FULL.spans,
        FULL.attachments,
        [FULL.reaction],
        [FULL.template],
        FULL.choices,
        [FULL.poll],
        [FULL.original],
        [FULL.change],
    ):
        assert part
        for each in part:
            assert each is not None
            assert each.model_fields_set == set(type(each).model_fields)


def test_what_an_older_hub_wrote_is_read() -> None:
    """Its fields are those of the first version; what came later has to have a default."""
    read = OutboxPayload.model_validate(golden("outbox_payload_of_an_older_hub"))
    assert (read.text, read.to) == ("hello", "5")
    assert (read.spans, read.template, read.choices, read.automatic, read.context) == (None, None, [], False, {})
