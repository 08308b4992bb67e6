"""Every kind of content that WhatsApp knows, and those that it will invent."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.content import NO_CONTENT, Content, Forward, Order, Poll, Press, Referral
from shared.domain.inbound import ReactionChanged
from shared.domain.messages import MessageKind
from tests.channels.whatsapp_evolution.samples import MARIA, OWN, body, events, message, only, parts, received

NO_CONTENT_GIVEN = "WhatsApp gave no content"
MEDIA = {"mimetype": "a/b", "url": "https://mmg.whatsapp.net/x.enc", "directPath": "/x.enc"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("imageMessage", MessageKind.IMAGE),
        ("videoMessage", MessageKind.VIDEO),
        ("ptvMessage", MessageKind.VIDEO),
        ("audioMessage", MessageKind.AUDIO),
        ("documentMessage", MessageKind.DOCUMENT),
        ("stickerMessage", MessageKind.STICKER),
    ],
)
def test_files_become_attachments_that_only_the_business_can_open(name: str, kind: MessageKind) -> None:
    event = received({name: MEDIA | {"caption": "veja"}})
    assert (event.kind, event.text) == (kind, "veja")
    (attachment,) = event.attachments
    assert (attachment.type, attachment.url, attachment.mime_type) == (kind, None, "a/b")
    assert attachment.extra == {"encrypted_url": MEDIA["url"], "direct_path": MEDIA["directPath"]}


def test_a_copy_that_evolution_keeps_can_be_shown() -> None:
    event = received({"imageMessage": MEDIA, "mediaUrl": "https://minio.example/a.jpg?sig=1", "base64": "AAAA"})
    assert event.attachments[0].url == "https://minio.example/a.jpg?sig=1"


@pytest.mark.parametrize(
    ("transcript", "text"),
    [
        ("[audio] I am late", "I am late"),
        ("I am late", "I am late"),
        ("[audio] undefined", None),
        ("[audio] ", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_what_evolution_heard_in_a_recording_is_its_text(transcript: object, text: str | None) -> None:
    assert received({"audioMessage": MEDIA | {"ptt": True}, "speechToText": transcript}).text == text


@pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:alert(1)", "", None, 7])
def test_only_web_addresses_count_as_a_copy(url: object) -> None:
    assert received({"imageMessage": MEDIA, "mediaUrl": url}).attachments[0].url is None


def test_a_document_keeps_its_name() -> None:
    (attachment,) = received({"documentMessage": MEDIA | {"fileName": "boleto.pdf", "title": "t"}}).attachments
    assert attachment.file_name == "boleto.pdf"


def test_a_business_account_spells_file_types_as_meta_does() -> None:
    content = {"imageMessage": {"id": "555", "mime_type": "image/png", "sha256": "q28GRsWhyvE="}}
    (attachment,) = received(content).attachments
    assert attachment.mime_type == "image/png"
    assert attachment.extra == {"media_id": "555", "sha256": "q28GRsWhyvE="}


@pytest.mark.parametrize(
    "wrapper",
    [
        "ephemeralMessage",
        "viewOnceMessage",
        "viewOnceMessageV2",
        "viewOnceMessageV2Extension",
        "documentWithCaptionMessage",
        "editedMessage",
        "deviceSentMessage",
    ],
)
def test_wrappers_are_taken_off(wrapper: str) -> None:
    context = {"stanzaId": "3EB0AA"}
    content = {wrapper: {"message": {"extendedTextMessage": {"text": "oi", "contextInfo": context}}}}
    event = received(content, messageType=wrapper)
    assert (event.kind, event.text, event.reply_to) == (MessageKind.TEXT, "oi", "3EB0AA")


def test_wrappers_within_wrappers_are_taken_off() -> None:
    inner: dict[str, Any] = {"messageContextInfo": {}, "imageMessage": MEDIA | {"caption": "fundo"}}
    for wrapper in ("viewOnceMessageV2", "ephemeralMessage", "deviceSentMessage"):
        inner = {"messageContextInfo": {}, wrapper: {"message": inner}}
    assert received(inner).text == "fundo"


def test_wrappers_without_end_give_a_placeholder() -> None:
    inner: dict[str, Any] = {"conversation": "nie"}
    for _ in range(15):
        inner = {"ephemeralMessage": {"message": inner}}
    assert received(inner).kind is MessageKind.UNSUPPORTED


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"productMessage": {"product": {}}}, "product"),
        ({"groupInviteMessage": {}}, "groupInvite"),
        ({"eventMessage": {}}, "event"),
        ({"holographicMessage": {"depth": 3}}, "holographic"),
        ({"messageContextInfo": {}, "newMessage": {}}, "new"),
        ({"locationMessage": {"degreesLatitude": "north"}}, "location"),
        ({"locationMessage": {"degreesLatitude": 91, "degreesLongitude": 0}}, "location"),
        ({"imageMessage": 5}, "image"),
        ({"conversation": ""}, "conversation"),
        ({"messageContextInfo": {}}, NO_CONTENT_GIVEN),
        ({}, NO_CONTENT_GIVEN),
        (None, NO_CONTENT_GIVEN),
        ([], NO_CONTENT_GIVEN),
        ("text", NO_CONTENT_GIVEN),
    ],
)
def test_what_cannot_be_shown_keeps_its_place(content: object, reason: str) -> None:
    event = received(content)
    assert (event.kind, event.text, event.attachments) == (MessageKind.UNSUPPORTED, None, ())
    assert event.content == Content(unsupported=reason)


def test_an_order_is_kept_with_its_number_of_items_and_its_total() -> None:
    order = {
        "orderId": "1",
        "orderTitle": "Loja",
        "itemCount": 2,
        "message": "para hoje",
        "totalAmount1000": {"low": 25500, "high": 0, "unsigned": False},
        "totalCurrencyCode": "BRL",
    }
    event = received({"orderMessage": order})
    assert (event.kind, event.content.unsupported) == (MessageKind.INTERACTIVE, None)
    assert event.content.order == Order(title="Loja", note="para hoje", item_count=2, total=25.5, currency="BRL")


def test_a_product_that_is_asked_about_is_named() -> None:
    event = received({"productMessage": {"product": {"productId": "7", "title": "Camisa"}}})
    assert (event.kind, event.text) == (MessageKind.INTERACTIVE, "Camisa")
    assert event.content.referral == Referral(source="product", title="Camisa", product_id="7")


def test_an_invitation_to_a_group_reads_as_text() -> None:
    event = received({"groupInviteMessage": {"groupName": "Vizinhos", "inviteCode": "AbC"}})
    assert (event.kind, event.text) == (
        MessageKind.TEXT,
        "Invitation to the group Vizinhos\nhttps://chat.whatsapp.com/AbC",
    )


def test_an_event_reads_as_text() -> None:
    event = received({"eventMessage": {"name": "Festa"}})
    assert (event.kind, event.text, event.content) == (MessageKind.TEXT, "Festa", NO_CONTENT)


@pytest.mark.parametrize(
    "content",
    [
        {"pollUpdateMessage": {"vote": {}}},
        {"encReactionMessage": {}},
        {"albumMessage": {"expectedImageCount": 2}},
        {"senderKeyDistributionMessage": {"groupId": "x"}},
    ],
)
def test_votes_key_exchanges_and_headers_of_albums_give_no_event(content: dict[str, Any]) -> None:
    assert events(body("messages.upsert", message(content))) == []


def test_a_place_is_an_attachment() -> None:
    content = {"locationMessage": {"degreesLatitude": -23.5, "degreesLongitude": -46, "name": "MASP", "address": "Av."}}
    event = received(content)
    (place,) = event.attachments
    assert (place.latitude, place.longitude, place.name, place.address) == (-23.5, -46.0, "MASP", "Av.")


def test_a_live_place_says_so() -> None:
    content = {"liveLocationMessage": {"degreesLatitude": 1, "degreesLongitude": 2, "sequenceNumber": {"low": 1}}}
    assert received(content).attachments[0].extra == {"live": True}


def test_many_contacts_are_many_attachments() -> None:
    cards = [
        {"displayName": "João", "vcard": "TEL;waid=5511977776666:+55 11 97777-6666"},
        {"displayName": "Rui", "vcard": "BEGIN:VCARD"},
        "no card",
        {},
    ]
    event = received({"contactsArrayMessage": {"displayName": "2 contatos", "contacts": cards}})
    assert [card.name for card in event.attachments] == ["João", "Rui"]
    assert event.attachments[0].extra["phones"] == ["+5511977776666"]


@pytest.mark.parametrize("name", ["pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3"])
def test_a_poll_reads_as_text(name: str) -> None:
    content = {name: {"name": "Qual?", "options": [{"optionName": "A"}, {}], "selectableOptionsCount": 1}}
    event = received(content)
    assert (event.kind, event.text) == (MessageKind.POLL, "Qual?\n- A")
    assert event.content.poll == Poll(question="Qual?", options=["A"])


FLOW = {"name": "quick_reply", "paramsJson": '{"id":"opt_1"}'}


@pytest.mark.parametrize(
    ("content", "label", "identifier"),
    [
        ({"buttonsResponseMessage": {"selectedButtonId": "b", "selectedDisplayText": "Sim"}}, "Sim", "b"),
        ({"templateButtonReplyMessage": {"selectedId": "t", "selectedDisplayText": "Sim"}}, "Sim", "t"),
        ({"listResponseMessage": {"title": "Sim", "singleSelectReply": {"selectedRowId": "r"}}}, "Sim", "r"),
        (
            {"interactiveResponseMessage": {"body": {"text": "Sim"}, "nativeFlowResponseMessage": FLOW}},
            "Sim",
            "opt_1",
        ),
        ({"interactiveResponseMessage": {"nativeFlowResponseMessage": FLOW}}, "opt_1", "opt_1"),
        (
            {"interactiveResponseMessage": {"nativeFlowResponseMessage": FLOW | {"paramsJson": "{"}}},
            "quick_reply",
            "quick_reply",
        ),
        ({"buttonsResponseMessage": {"selectedButtonId": "b"}}, "b", "b"),
    ],
)
def test_choices_give_label_and_id(content: dict[str, Any], label: str, identifier: str) -> None:
    event = received(content)
    assert (event.kind, event.text) == (MessageKind.INTERACTIVE, label)
    assert event.content == Content(pressed=Press(title=label, payload=identifier))


@pytest.mark.parametrize(
    ("call", "text"),
    [({"isVideo": False, "durationSecs": 65}, "Call, 65 seconds"), ({"isVideo": True}, "Video call, not answered")],
)
def test_a_call_in_the_log_is_a_note_that_nobody_waits_for(call: dict[str, Any], text: str) -> None:
    event = received({"callLogMesssage": call})
    assert (event.is_note, event.makes_customer_wait) == (True, False)
    assert (event.kind, event.text) == (MessageKind.TEXT, text)


def test_a_template_that_was_sent_shows_its_words() -> None:
    content = {"templateMessage": {"hydratedTemplate": {"hydratedContentText": "Olá!"}}}
    assert received(content, {"fromMe": True}).text == "Olá!"


def test_an_advertisement_is_kept_with_the_message() -> None:
    ad = {"title": "Oferta", "sourceType": "ad", "sourceId": "120", "sourceUrl": "https://fb.me/x", "ctwaClid": "Af"}
    context = {"conversionSource": "FB_Ads", "externalAdReply": ad | {"thumbnail": {"0": 1}}}
    event = received({"conversation": "quero"}, contextInfo=context)
    assert event.content.referral == Referral(
        source="ad", title="Oferta", url="https://fb.me/x", ad_id="120", ref="FB_Ads", click_id="Af"
    )


def test_mentions_and_forwards_are_kept() -> None:
    context = {"mentionedJid": [MARIA, "", 5], "isForwarded": True, "groupMentions": []}
    event = received({"conversation": "oi"}, contextInfo=context)
    assert (event.mentions, event.content) == ((MARIA,), Content(forwarded=Forward()))


@pytest.mark.parametrize("context", [None, {}, [], {"mentionedJid": []}])
def test_an_empty_context_adds_nothing(context: object) -> None:
    event = received({"conversation": "oi"}, contextInfo=context)
    assert (event.extra, event.content, event.mentions, event.reply_to) == ({}, NO_CONTENT, (), None)


@pytest.mark.parametrize("emoji", ["👍", ""])
def test_a_reaction_is_no_message(emoji: str) -> None:
    content = {"reactionMessage": {"key": {"remoteJid": MARIA, "fromMe": True, "id": "3EB0"}, "text": emoji}}
    event = only(body("messages.upsert", message(content)))
    assert isinstance(event, ReactionChanged)
    assert (event.external_message_id, event.sender_key, event.emoji) == ("3EB0", MARIA, emoji)


def test_the_accounts_own_reaction_is_its_own() -> None:
    content = {"reactionMessage": {"key": {"id": "ACA"}, "text": "👍"}}
    event = only(body("send.message", message(content, {"fromMe": True})))
    assert isinstance(event, ReactionChanged)
    assert event.sender_key == OWN


def test_a_reaction_to_nothing_gives_no_event() -> None:
    assert events(body("messages.upsert", message({"reactionMessage": {"text": "👍"}}))) == []


def test_a_large_inline_file_is_left_out_of_the_event() -> None:
    content = {"imageMessage": MEDIA, "base64": "A" * 70_000}
    (part,) = parts(body("messages.upsert", message(content)))
    assert part.payload["data"]["message"] == {"imageMessage": MEDIA}


def test_a_small_inline_file_stays() -> None:
    content = {"imageMessage": MEDIA, "base64": "A" * 100}
    (part,) = parts(body("messages.upsert", message(content)))
    assert part.payload["data"]["message"] == content
