"""What changes of a message: its edits, its reactions, and what was told of it before it came."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.kinds import MessageKind
from shared.domain.messages import (
    MOST_REACTIONS,
    VERSIONS_BYTES,
    Attachment,
    EarlyNote,
    MessageAlias,
    MessageNote,
    MessageStatus,
    changes_by_note,
    message_record,
)
from tests.documents import MOMENT, a_message

LATER = MOMENT + timedelta(seconds=1)
FILE = Attachment(type=MessageKind.IMAGE, url="https://a.example")


def test_each_person_has_one_reaction_which_a_later_one_replaces_or_takes_back() -> None:
    message = a_message()
    message.react("ada", "👍", MOMENT)
    message.react("bob", "❤", MOMENT)
    message.react("ada", "🎉", MOMENT)
    message.react("bob", "", LATER)
    assert message.reactions == {"ada": "🎉"}
    assert message.reacted_at == {"ada": MOMENT, "bob": LATER}


def test_an_older_reaction_comes_too_late() -> None:
    message = a_message()
    message.react("ada", "", LATER)
    message.react("ada", "👍", MOMENT)
    assert (message.reactions, message.reacted_at) == ({}, {"ada": LATER})


def test_the_oldest_reaction_makes_room_for_one_more() -> None:
    message = a_message()
    for number in range(MOST_REACTIONS):
        message.react(str(number), "👍", MOMENT + timedelta(seconds=number))
    message.react("1", "❤", LATER)
    assert len(message.reactions) == MOST_REACTIONS
    message.react("one more", "👍", LATER)
    assert len(message.reactions) == len(message.reacted_at) == MOST_REACTIONS
    assert "0" not in message.reactions
    assert "0" not in message.reacted_at


@pytest.mark.parametrize(
    ("extra", "signs"),
    [
        ({}, (False, False, False)),
        ({"late": True}, (True, False, False)),
        ({"growing": True}, (False, True, False)),
        ({"verified": False}, (False, False, True)),
        ({"late": 1, "growing": 1, "verified": True}, (False, False, False)),
        ({"late": False, "growing": False, "verified": None}, (False, False, False)),
    ],
)
def test_what_a_channel_says_of_a_message_is_a_sign_where_it_is_exact(extra: dict[str, Any], signs: object) -> None:
    message = a_message(extra=extra)
    assert (message.is_late, message.is_growing, message.may_be_forged) == signs


@pytest.mark.parametrize(("spare", "initials"), [(0, "y"), (200, "xy")])
def test_the_latest_versions_are_kept_as_far_as_there_is_room(spare: int, initials: str) -> None:
    message = a_message(text="first")
    for text in ("x" * (VERSIONS_BYTES // 2), "y" * (VERSIONS_BYTES // 2 - spare), "last"):
        message.edit(text, None, MOMENT)
    assert "".join((version.text or "")[0] for version in message.versions) == initials


@pytest.mark.parametrize(
    ("attachment", "has_content"),
    [(FILE, True), (FILE.model_copy(update={"url": None, "sha256": "a"}), True), (Attachment(type=FILE.type), False)],
    ids=["at an address", "held here", "neither"],
)
def test_a_file_lies_somewhere_or_has_no_content(attachment: Attachment, has_content: bool) -> None:
    assert attachment.has_content is has_content


def test_a_file_that_nobody_is_to_get_has_no_address_for_clients() -> None:
    infected = FILE.model_copy(update={"unavailable": "infected"})
    assert FILE.as_offered() == FILE
    assert infected.as_offered() == Attachment(type=FILE.type, unavailable="infected")


def test_a_note_of_a_customers_change_leaves_the_businesss_message_as_it_is() -> None:
    edit = {"text": "other", "attachments": [FILE], "edited_at": MOMENT, "deleted_at": MOMENT}
    of_status = {"status": MessageStatus.DEAD, "error": "no"}
    note, note_of_customer = (MessageNote(**edit, **of_status, by_customer=by) for by in (False, True))
    assert note.about_ours() == note
    assert note_of_customer.about_ours() == MessageNote(**of_status)


@pytest.mark.parametrize(("attachments", "files"), [(None, [FILE]), ([], [])], ids=["the text alone", "all"])
def test_a_later_edit_is_noted_over_an_earlier_one(attachments: list[Attachment] | None, files: object) -> None:
    note = MessageNote(text="first", attachments=[FILE], edited_at=MOMENT)
    note.edit("second", attachments, LATER)
    assert note == MessageNote(text="second", attachments=files, edited_at=LATER)


@pytest.mark.parametrize(
    ("note", "changes"),
    [
        (MessageNote(), {}),
        (MessageNote(text="unused"), {}),
        (MessageNote(text="new", edited_at=MOMENT), {"text": "new", "edited_at": MOMENT}),
        (MessageNote(deleted_at=MOMENT), {"deleted_at": MOMENT}),
        (MessageNote(status=MessageStatus.SENT, error="old"), {}),
        (MessageNote(status=MessageStatus.FAILED, error="old"), {}),
        (MessageNote(status=MessageStatus.READ), {"status": MessageStatus.READ, "error": None}),
        (MessageNote(status=MessageStatus.DEAD, error="no"), {"status": MessageStatus.DEAD, "error": "no"}),
        (
            a_message(status=MessageStatus.SENT, reactions={"a": "👍"}, reacted_at={"a": MOMENT}),
            {"reactions": {"a": "👍"}, "reacted_at": {"a": MOMENT}},
        ),
    ],
    ids=["nothing", "no edit", "edit", "deletion", "as it is", "earlier", "later", "dead", "echo"],
)
def test_a_message_that_was_sent_takes_over_what_was_told_of_it(note: MessageNote, changes: dict[str, Any]) -> None:
    assert changes_by_note(MessageStatus.SENT, note) == changes


@pytest.mark.parametrize(
    "record", [a_message(), MessageAlias(alias_of="m2"), EarlyNote(expires_at=MOMENT)], ids=["message", "alias", "note"]
)
def test_what_lies_under_a_providers_id_is_read_as_what_it_is(record: Any) -> None:
    assert message_record(record.model_dump()) == record
