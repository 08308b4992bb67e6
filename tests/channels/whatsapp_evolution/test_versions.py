"""The same message as 1.x, 2.2 and the 2.3 releases write it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.inbound import (
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Receipt,
)
from shared.domain.messages import MessageKind, MessageStatus
from tests.channels.whatsapp_evolution.samples import (
    GROUP,
    MARIA,
    MARIA_LID,
    OWN,
    SENT_AT,
    body,
    events,
    message,
    only,
    parts,
    received,
)

SENT = datetime.fromtimestamp(SENT_AT, UTC)

PRIVATE_KEYS = {
    "2.2 by phone": {"remoteJid": MARIA},
    "2.3.0 with senderPn": {"remoteJid": MARIA_LID, "senderPn": MARIA, "senderLid": MARIA_LID},
    "2.3.1 rewritten": {"remoteJid": MARIA, "previousRemoteJid": MARIA_LID, "senderPn": MARIA},
    "2.3.5 by hidden id": {"remoteJid": MARIA_LID, "remoteJidAlt": MARIA, "addressingMode": "lid"},
    "2.3.5 by phone": {"remoteJid": MARIA, "remoteJidAlt": MARIA_LID, "addressingMode": "pn"},
    "a second device": {"remoteJid": "5511988887777:12@s.whatsapp.net"},
    "the old server name": {"remoteJid": "5511988887777@c.us"},
    "the EVOLUTION integration": {"remoteJid": "5511988887777"},
}


@pytest.mark.parametrize("key", PRIVATE_KEYS.values(), ids=PRIVATE_KEYS)
def test_a_private_chat_has_one_key_in_every_version(key: dict[str, Any]) -> None:
    event = received({"conversation": "ola"}, key)
    assert event.chat_key == MARIA
    assert event.external_conversation_id == MARIA
    assert event.sender.external_user_id == MARIA
    assert event.sender.phone == "+5511988887777"
    assert event.sender.keys == ((MARIA, MARIA_LID) if MARIA_LID in key.values() else (MARIA,))
    assert [part.key for part in parts(body("messages.upsert", message({"conversation": "ola"}, key)))] == [MARIA]


def test_a_hidden_id_alone_is_no_phone_number() -> None:
    event = received({"conversation": "ola"}, {"remoteJid": MARIA_LID})
    assert (event.chat_key, event.external_conversation_id) == (MARIA_LID, MARIA_LID)
    assert event.sender.phone is None


@pytest.mark.parametrize(
    "key",
    [
        {"participant": MARIA_LID, "participantAlt": MARIA},
        {"participant": MARIA_LID, "participantPn": MARIA},
        {"participant": MARIA, "senderLid": MARIA_LID},
    ],
    ids=["2.3.5", "2.3.0", "2.2"],
)
def test_in_a_group_the_author_is_the_participant(key: dict[str, Any]) -> None:
    event = received({"conversation": "oi"}, {"remoteJid": GROUP} | key)
    assert (event.chat_key, event.external_conversation_id, event.is_group) == (GROUP, GROUP, True)
    assert event.sender.keys == (MARIA, MARIA_LID)
    assert event.sender.external_user_id == MARIA
    assert event.sender.name == "Maria Souza"


def test_a_group_author_of_the_first_version_stands_beside_the_key() -> None:
    assert received({"conversation": "oi"}, {"remoteJid": GROUP}, participant=MARIA).sender.keys == (MARIA,)


@pytest.mark.parametrize("name", ["Você", "", "ACME Support"])
def test_what_the_account_wrote_itself_belongs_to_the_customer_without_a_name(name: str) -> None:
    event = received({"conversation": "oi"}, {"fromMe": True}, pushName=name)
    assert event.from_me
    assert event.sender.external_user_id == MARIA
    assert event.sender.name is None


def test_the_accounts_own_phone_is_never_the_customer() -> None:
    key = {"remoteJid": OWN, "senderPn": OWN, "previousRemoteJid": MARIA_LID, "fromMe": True}
    assert received({"conversation": "oi"}, key).chat_key == MARIA_LID


def test_notes_to_oneself_stay_in_the_own_chat() -> None:
    assert received({"conversation": "leite"}, {"remoteJid": OWN, "fromMe": True}).chat_key == OWN


@pytest.mark.parametrize("chat", ["status@broadcast", "1700000000@broadcast", "120363@newsletter"])
@pytest.mark.parametrize("event", ["messages.upsert", "send.message", "messages.set"])
def test_stories_lists_and_newsletters_give_no_part(event: str, chat: str) -> None:
    assert parts(body(event, message({"conversation": "x"}, {"remoteJid": chat}))) == []


@pytest.mark.parametrize(
    "name", ["messages.upsert", "MESSAGES_UPSERT", "messages-upsert", "Messages.Upsert", "send.message"]
)
def test_event_names_are_known_in_every_spelling(name: str) -> None:
    assert isinstance(only(body(name, message({"conversation": "ola"}))), MessageReceived)


@pytest.mark.parametrize("suffix", ["messages-upsert", "/messages-upsert"])
def test_a_body_without_event_is_named_by_the_address(suffix: str) -> None:
    what = body("x", message({"conversation": "ola"}))
    del what["event"]
    assert len(parts(what, suffix=suffix)) == 1


@pytest.mark.parametrize("stamp", [SENT_AT, str(SENT_AT), {"low": SENT_AT, "high": 0, "unsigned": True}], ids=repr)
def test_times_are_read_in_every_encoding(stamp: object) -> None:
    assert received({"conversation": "ola"}, messageTimestamp=stamp).sent_at == SENT


@pytest.mark.parametrize("stamp", [None, "soon", -5, 0, 2**62, {"low": "x"}, [], True])
def test_an_impossible_time_is_1970_and_never_the_servers_clock(stamp: object) -> None:
    assert received({"conversation": "ola"}, messageTimestamp=stamp).sent_at == datetime(1970, 1, 1, tzinfo=UTC)


KEY_BYTES = bytes(range(250, 256)) * 2
MEDIA_ENCODINGS = {
    "1.x and 2.2": {"mediaKey": "+vv8/f7/+vv8/f7/", "fileLength": "8589936572"},
    "2.3": {
        "mediaKey": {str(i): b for i, b in enumerate(KEY_BYTES)},
        "fileLength": {"low": 1980, "high": 2, "unsigned": True},
    },
    "2.3 in another order": {
        "mediaKey": {str(i): KEY_BYTES[i] for i in reversed(range(12))},
        "fileLength": 8589936572,
    },
    "Node": {"mediaKey": {"type": "Buffer", "data": list(KEY_BYTES)}, "fileLength": 8589936572.0},
}


@pytest.mark.parametrize("media", MEDIA_ENCODINGS.values(), ids=MEDIA_ENCODINGS)
def test_bytes_and_long_numbers_are_read_in_every_encoding(media: dict[str, Any]) -> None:
    (attachment,) = received({"imageMessage": {"mimetype": "image/jpeg", **media}}).attachments
    assert attachment.extra["media_key"] == "+vv8/f7/+vv8/f7/"
    assert attachment.size == 8589936572


def test_a_signed_low_half_is_read_as_unsigned() -> None:
    value = {"low": -80361728, "high": 417, "unsigned": False}
    event = only(
        body(
            "messages.upsert",
            message({"reactionMessage": {"key": {"id": "X"}, "text": "👍", "senderTimestampMs": value}})
            | {"messageTimestamp": None},
        )
    )
    assert isinstance(event, ReactionChanged)
    assert event.reacted_at == datetime.fromtimestamp(((417 << 32) + (-80361728 & 0xFFFFFFFF)) // 1000, UTC)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"keyId": "3EB0", "remoteJid": MARIA, "status": "SERVER_ACK", "messageId": "row"}, MessageStatus.SENT),
        ({"keyId": "3EB0", "remoteJid": MARIA, "status": "DELIVERY_ACK"}, MessageStatus.DELIVERED),
        ({"keyId": "3EB0", "remoteJid": MARIA, "status": "READ"}, MessageStatus.READ),
        ({"keyId": "3EB0", "remoteJid": MARIA, "status": "PLAYED"}, MessageStatus.READ),
        ({"id": "3EB0", "remoteJid": MARIA, "status": "READ", "owner": "acme"}, MessageStatus.READ),
        ({"keyId": "3EB0", "remoteJid": MARIA, "status": 3}, MessageStatus.DELIVERED),
        ({"key": {"id": "3EB0", "remoteJid": MARIA}, "update": {"status": 2}}, MessageStatus.SENT),
        ({"keyId": "3EB0", "remoteJid": "5511", "fromMe": False, "status": "SENT"}, MessageStatus.SENT),
        ({"keyId": "3EB0", "remoteJid": MARIA, "status": "DELIVERED"}, MessageStatus.DELIVERED),
        ({"keyId": "3EB0", "remoteJid": MARIA, "status": "delivered"}, MessageStatus.DELIVERED),
    ],
)
def test_receipts_of_every_version_move_the_status(data: dict[str, Any], status: MessageStatus) -> None:
    assert only(body("messages.update", data)) == Receipt(external_message_id="3EB0", status=status)


@pytest.mark.parametrize("word", ["ERROR", "FAILED", 0])
def test_a_refused_message_is_dead_with_a_reason(word: object) -> None:
    receipt = only(body("messages.update", {"keyId": "3EB0", "remoteJid": MARIA, "status": word}))
    assert isinstance(receipt, Receipt)
    assert receipt.status is MessageStatus.DEAD
    assert receipt.error


@pytest.mark.parametrize("word", ["PENDING", 1, "EDITED", "NEWS", None, 99, [], {}])
def test_statuses_that_mean_nothing_give_no_event(word: object) -> None:
    assert events(body("messages.update", {"keyId": "3EB0", "remoteJid": MARIA, "status": word})) == []


def test_a_status_may_say_that_the_message_was_deleted() -> None:
    data = {"keyId": "3EB0", "remoteJid": MARIA, "status": "DELETED"}
    assert only(body("messages.update", data)) == MessageDeleted(external_message_id="3EB0", by_customer=True)


@pytest.mark.parametrize(
    ("data", "by_customer"),
    [
        ({"remoteJid": MARIA, "fromMe": False, "id": "ACED"}, True),
        ({"id": "cmwplsot1", "key": {"remoteJid": MARIA, "fromMe": True, "id": "ACED"}, "status": "DELETED"}, False),
        ({"remoteJid": "12036304@g.us", "fromMe": False, "id": "ACED"}, False),
    ],
    ids=["by the contact", "by the API", "in a group, perhaps by its administrator"],
)
def test_deletions_name_the_message_in_both_forms(data: dict[str, Any], *, by_customer: bool) -> None:
    event = only(body("messages.delete", data))
    assert event == MessageDeleted(external_message_id="ACED", by_customer=by_customer)


@pytest.mark.parametrize("kind", ["REVOKE", 0])
def test_a_revocation_comes_as_an_edit(kind: object) -> None:
    data = {"key": {"remoteJid": MARIA, "fromMe": True, "id": "ACED"}, "type": kind}
    assert only(body("messages.edited", data)) == MessageDeleted(external_message_id="ACED", by_customer=True)


@pytest.mark.parametrize(
    "new",
    [
        {"conversation": "novo"},
        {"extendedTextMessage": {"text": "novo"}},
        {"imageMessage": {"caption": "novo"}},
        {"editedMessage": {"message": {"conversation": "novo"}}},
        {"ephemeralMessage": {"message": {"extendedTextMessage": {"text": "novo"}}}},
    ],
)
@pytest.mark.parametrize("event", ["messages.edited", "send.message.update"])
@pytest.mark.parametrize("kind", ["MESSAGE_EDIT", 14])
def test_edits_carry_the_new_text(event: str, kind: object, new: dict[str, Any]) -> None:
    key = {"remoteJid": MARIA, "id": "ACED"}
    data = {"key": key, "type": kind, "editedMessage": new, "timestampMs": "1795216311783"}
    at = datetime.fromtimestamp(1795216311, UTC)
    by_customer = event == "messages.edited"
    edit = MessageEdited(external_message_id="ACED", text="novo", edited_at=at, by_customer=by_customer)
    assert only(body(event, data)) == edit


@pytest.mark.parametrize("kind", ["EPHEMERAL_SETTING", "HISTORY_SYNC_NOTIFICATION", 3, 5])
def test_other_protocol_messages_give_no_event(kind: object) -> None:
    data = {"key": {"remoteJid": MARIA, "id": "ACED"}, "type": kind, "ephemeralExpiration": 86400}
    assert events(body("messages.edited", data)) == []


def test_the_first_version_wraps_edits_into_an_upsert() -> None:
    change = {"key": {"id": "ACED"}, "type": "MESSAGE_EDIT", "editedMessage": {"conversation": "novo"}}
    content = {"editedMessage": {"message": {"protocolMessage": change}}}
    event = only(body("messages.upsert", message(content, messageType="editedMessage")))
    assert isinstance(event, MessageEdited)
    assert (event.external_message_id, event.text) == ("ACED", "novo")


def test_history_is_marked_so_that_nobody_answers_it() -> None:
    what = [message({"conversation": "a"}, {"id": "1"}), message({"conversation": "b"}, {"id": "2"})]
    history = events(body("messages.set", what))
    assert [event.is_history for event in history if isinstance(event, MessageReceived)] == [True, True]
    assert len(parts(body("messages.set", {"messages": what, "isLatest": True}))) == 2


def test_the_first_version_keeps_extended_text() -> None:
    content = {"extendedTextMessage": {"text": "veja", "contextInfo": {"stanzaId": "3EB0AA"}}}
    event = received(content, messageType="extendedTextMessage")
    assert (event.kind, event.text, event.reply_to) == (MessageKind.TEXT, "veja", "3EB0AA")
