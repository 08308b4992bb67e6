"""How much is kept of what strangers send: the longest that stays as it is, and what becomes of anything longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.bounds import (
    ATTACHMENTS_BYTES,
    CONTENT_BYTES,
    EMOJI_CHARACTERS,
    EXTRA_BYTES,
    ID_CHARACTERS,
    NAME_CHARACTERS,
    TEXT_BYTES,
    bounded,
)
from shared.domain.content import Content, Quote
from shared.domain.inbound import (
    ChannelEvent,
    ConnectionChanged,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Receipt,
    Sender,
    VoteCast,
)
from shared.domain.instances import InstanceStatus
from shared.domain.kinds import MessageKind
from shared.domain.messages import Attachment, MessageStatus

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
LONG_ID, LONG_NAME, LONG_TEXT = "x" * (ID_CHARACTERS + 1), "x" * (NAME_CHARACTERS + 1), "x" * (TEXT_BYTES + 1)
FILE = Attachment(type=MessageKind.IMAGE, url="https://a.example")
LARGE_FILE = FILE.model_copy(update={"name": "x" * (ATTACHMENTS_BYTES // 2)})


def _message(**fields: Any) -> MessageReceived:
    whole: dict[str, Any] = {
        "external_message_id": "m",
        "external_conversation_id": "5",
        "chat_key": "5",
        "sender": Sender(external_user_id="5", keys=("5",)),
        "kind": MessageKind.TEXT,
        "text": "hello",
        "sent_at": NOW,
    }
    return MessageReceived(**(whole | fields))


LONGEST = _message(
    external_message_id="m" * ID_CHARACTERS,
    reply_to="r" * ID_CHARACTERS,
    sender=Sender(
        external_user_id="5",
        keys=("5",),
        name="n" * NAME_CHARACTERS,
        username="u" * NAME_CHARACTERS,
        email="e" * NAME_CHARACTERS,
        phone="p" * NAME_CHARACTERS,
    ),
    group_name="g" * NAME_CHARACTERS,
    text="x" * TEXT_BYTES,
    attachments=(FILE,),
    content=Content(subject="Invoice"),
    extra={"a": "x" * (EXTRA_BYTES - 9)},
    context={"a": "x" * (EXTRA_BYTES - 9)},
)


def test_what_is_not_too_long_stays_as_it_is() -> None:
    assert bounded(LONGEST) == LONGEST


def test_each_part_of_a_message_that_is_longer_is_cut_or_left_out() -> None:
    longer = replace(
        LONGEST,
        external_message_id=LONGEST.external_message_id + "m",
        reply_to="r" * (ID_CHARACTERS + 1),
        sender=replace(
            LONGEST.sender,
            name="n" * (NAME_CHARACTERS + 1),
            username="u" * (NAME_CHARACTERS + 1),
            email="e" * (NAME_CHARACTERS + 1),
            phone="p" * (NAME_CHARACTERS + 1),
        ),
        group_name="g" * (NAME_CHARACTERS + 1),
        text=LONG_TEXT,
        extra={"a": "x" * (EXTRA_BYTES - 8)},
        context={"a": "x" * (EXTRA_BYTES - 8)},
    )
    assert bounded(longer) == replace(LONGEST, extra={}, context={})


def test_a_text_is_cut_between_two_characters() -> None:
    received = bounded(_message(text="x" + "é" * TEXT_BYTES))
    assert isinstance(received, MessageReceived)
    assert received.text == "x" + "é" * (TEXT_BYTES // 2 - 1)


def test_the_first_files_are_kept_as_far_as_there_is_room() -> None:
    received = bounded(_message(attachments=(FILE, LARGE_FILE, LARGE_FILE, FILE)))
    assert isinstance(received, MessageReceived)
    assert received.attachments == (FILE, LARGE_FILE)


def test_of_long_content_the_form_for_browsers_goes_first() -> None:
    long = "x" * CONTENT_BYTES
    many: dict[str, Any] = {"quoted": Quote(text=long, url=long), "transcript": long, "cc": [long] * 100}
    contents = [Content(subject="Hi", html=long), Content(subject="Hi", html="<b>", **many)]
    stored = [bounded(_message(content=content)) for content in contents]
    assert [each.content for each in stored if isinstance(each, MessageReceived)] == [
        Content(subject="Hi"),
        Content(subject="Hi", unsupported="it is too long"),
    ]


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (
            MessageEdited(external_message_id=LONG_ID, text=LONG_TEXT, edited_at=NOW, attachments=(LARGE_FILE,) * 3),
            {"external_message_id": LONG_ID[:-1], "text": LONG_TEXT[:-1], "attachments": (LARGE_FILE,)},
        ),
        (MessageEdited(external_message_id="m", text="", edited_at=NOW), {}),
        (
            ReactionChanged(external_message_id=LONG_ID, sender_key="5", emoji="x" * 101, reacted_at=NOW),
            {"external_message_id": LONG_ID[:-1], "emoji": "x" * EMOJI_CHARACTERS},
        ),
        (MessageDeleted(external_message_id=LONG_ID), {"external_message_id": LONG_ID[:-1]}),
        (
            Receipt(external_message_id=LONG_ID, status=MessageStatus.READ, error="x"),
            {"external_message_id": LONG_ID[:-1]},
        ),
        (ConnectionChanged(status=InstanceStatus.CONNECTED, detail=LONG_NAME), {}),
    ],
    ids=["edit", "edit of the text alone", "reaction", "deletion", "receipt", "connection"],
)
def test_of_every_other_event_the_same_is_kept(event: ChannelEvent, changes: dict[str, Any]) -> None:
    assert bounded(event) == replace(event, **changes)


def test_a_vote_is_a_message_too() -> None:
    vote = VoteCast(message=_message(text=LONG_TEXT), options=("a",))
    assert bounded(vote) == replace(vote, message=_message(text=LONG_TEXT[:-1]))
