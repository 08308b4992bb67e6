"""What the Bot API is asked to send."""

from __future__ import annotations

import pytest

from shared.channel.outbound import Sent
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind, Span
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import ProviderRejected
from tests.channels.telegram_bot.sending import CHAT, PHOTO, TOKEN, calls, refused, send, sent, to_chat
from tests.stubs import Reply, Stub


def test_text_is_sent_to_the_conversation(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", f"^/bot{TOKEN}/sendMessage$", sent())
    outcome = send(deps, instance, to_chat("hello"))
    assert outcome == Sent(external_message_id=f"{CHAT}:77")
    assert calls(provider) == [("sendMessage", {"chat_id": CHAT, "text": "hello"})]


def test_without_a_conversation_the_customer_is_the_chat(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "sendMessage", sent())
    send(deps, instance, OutboxPayload(external_user_id="42", text="hello"))
    assert calls(provider)[0][1]["chat_id"] == "42"


def test_answer_replies_to_the_message_by_telegrams_number(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "sendMessage", sent())
    send(deps, instance, to_chat("hello", reply_to=f"{CHAT}:41"))
    assert calls(provider)[0][1]["reply_parameters"] == {"message_id": 41, "allow_sending_without_reply": True}


@pytest.mark.parametrize("foreign", ["wamid.abc", "callback:123", "5:x", "", "²:²"])
def test_reply_to_what_is_no_message_of_telegrams_is_left_out(
    deps: Deps, instance: Instance, provider: Stub, foreign: str
) -> None:
    provider.on("POST", "sendMessage", sent())
    send(deps, instance, to_chat("hello", reply_to=foreign))
    assert "reply_parameters" not in calls(provider)[0][1]


@pytest.mark.parametrize(
    ("attachment", "method", "field"),
    [
        (PHOTO, "sendPhoto", "photo"),
        (Attachment(type=MessageKind.VIDEO, url="https://x.example/v.mp4"), "sendVideo", "video"),
        (Attachment(type=MessageKind.AUDIO, url="https://x.example/a.mp3"), "sendAudio", "audio"),
        (Attachment(type=MessageKind.AUDIO, url="https://x.example/a.ogg?sig=1"), "sendVoice", "voice"),
        (Attachment(type=MessageKind.AUDIO, url="https://x.example/a", file_name="a.OPUS"), "sendVoice", "voice"),
        (
            Attachment(type=MessageKind.AUDIO, url="https://x.example/a.ogg", mime_type="audio/ogg; codecs=opus"),
            "sendVoice",
            "voice",
        ),
        (Attachment(type=MessageKind.DOCUMENT, url="https://x.example/d.pdf"), "sendDocument", "document"),
        (Attachment(type=MessageKind.UNSUPPORTED, url="https://x.example/x.bin"), "sendDocument", "document"),
    ],
)
def test_file_is_sent_by_the_method_for_its_kind_with_the_text_as_caption(
    deps: Deps, instance: Instance, provider: Stub, attachment: Attachment, method: str, field: str
) -> None:
    provider.on("POST", "/send", sent())
    send(deps, instance, to_chat("look", attachment))
    assert calls(provider) == [(method, {"chat_id": CHAT, field: attachment.url, "caption": "look"})]


def test_each_attachment_is_a_message_of_its_own(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/send", sent())
    send(deps, instance, to_chat(None, PHOTO, Attachment(type=MessageKind.VIDEO, url="https://x.example/v.mp4")))
    assert [method for method, _ in calls(provider)] == ["sendPhoto", "sendVideo"]


def test_file_that_is_at_telegram_already_is_sent_by_its_id(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/send", sent())
    send(deps, instance, to_chat(None, Attachment(type=MessageKind.IMAGE, extra={"file_id": "AgAC"})))
    assert calls(provider) == [("sendPhoto", {"chat_id": CHAT, "photo": "AgAC"})]


def test_place_is_sent_as_location_and_its_text_afterwards(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/send", sent())
    send(deps, instance, to_chat("we are here", Attachment(type=MessageKind.LOCATION, latitude=1.5, longitude=-2.5)))
    assert calls(provider) == [
        ("sendLocation", {"chat_id": CHAT, "latitude": 1.5, "longitude": -2.5}),
        ("sendMessage", {"chat_id": CHAT, "text": "we are here"}),
    ]


def test_place_with_name_and_address_is_sent_as_venue(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/send", sent())
    place = Attachment(type=MessageKind.LOCATION, latitude=1, longitude=2, name="Café", address="Rua A, 1")
    send(deps, instance, to_chat(None, place))
    assert calls(provider)[0] == (
        "sendVenue",
        {"chat_id": CHAT, "latitude": 1, "longitude": 2, "title": "Café", "address": "Rua A, 1"},
    )


def test_nothing_to_send_is_rejected_without_a_call(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="neither a text nor a file"):
        send(deps, instance, to_chat(None, Attachment(type=MessageKind.IMAGE)))
    assert provider.requests == []


@pytest.mark.parametrize("text", ["a" * 1024, "😀" * 512])
def test_caption_of_1024_utf16_units_stays_with_its_file(
    deps: Deps, instance: Instance, provider: Stub, text: str
) -> None:
    provider.on("POST", "/send", sent())
    send(deps, instance, to_chat(text, PHOTO))
    assert [method for method, _ in calls(provider)] == ["sendPhoto"]


@pytest.mark.parametrize("text", ["a" * 1025, "😀" * 512 + "a"])
def test_longer_caption_follows_as_its_own_message(deps: Deps, instance: Instance, provider: Stub, text: str) -> None:
    provider.on("POST", "sendMessage", sent(78))
    provider.on("POST", "sendPhoto", sent(77))
    outcome = send(deps, instance, to_chat(text, PHOTO, reply_to=f"{CHAT}:41"))
    (first, photo), (second, text_message) = calls(provider)
    assert (first, second) == ("sendPhoto", "sendMessage")
    assert "caption" not in photo
    assert photo["reply_parameters"]["message_id"] == 41
    assert text_message == {"chat_id": CHAT, "text": text}
    assert outcome == Sent(external_message_id=f"{CHAT}:77", further_ids=(f"{CHAT}:78",))


def test_parse_mode_is_used_where_it_is_configured(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/send", sent())
    send(deps, instance, to_chat("<b>hi</b>"), parseMode="HTML")
    assert calls(provider) == [("sendMessage", {"chat_id": CHAT, "text": "<b>hi</b>", "parse_mode": "HTML"})]


def test_text_that_telegram_cannot_parse_is_sent_plain(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/send", sent())
    reason = "Bad Request: can't parse entities: Unsupported start tag"
    provider.on("POST", "sendMessage", refused(400, reason), times=1)
    outcome = send(deps, instance, to_chat("1 < 2"), parseMode="HTML")
    assert outcome.external_message_id == f"{CHAT}:77"
    assert calls(provider)[1] == ("sendMessage", {"chat_id": CHAT, "text": "1 < 2"})


@pytest.mark.parametrize(
    "reason",
    [
        "Bad Request: wrong file identifier/HTTP URL specified",
        "Bad Request: failed to get HTTP URL content",
        "Bad Request: wrong type of the web page content",
    ],
)
def test_file_that_telegram_cannot_fetch_is_sent_as_its_link(
    deps: Deps, instance: Instance, provider: Stub, reason: str
) -> None:
    provider.on("POST", "sendMessage", sent())
    provider.on("POST", "sendPhoto", refused(400, reason))
    outcome = send(deps, instance, to_chat("look", PHOTO, reply_to=f"{CHAT}:41"), parseMode="HTML")
    assert outcome.external_message_id == f"{CHAT}:77"
    method, params = calls(provider)[1]
    assert method == "sendMessage"
    assert params["text"] == f"look\n{PHOTO.url}"
    assert params["reply_parameters"]["message_id"] == 41
    assert "parse_mode" not in params


def test_caption_and_file_may_both_need_mending(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "sendMessage", sent())
    provider.on("POST", "sendPhoto", refused(400, "Bad Request: failed to get HTTP URL content"))
    provider.on("POST", "sendPhoto", refused(400, "Bad Request: can't parse entities"), times=1)
    send(deps, instance, to_chat("1 < 2", PHOTO), parseMode="HTML")
    assert [method for method, _ in calls(provider)] == ["sendPhoto", "sendPhoto", "sendMessage"]


def test_group_that_became_a_supergroup_is_written_to_at_its_new_address(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", "/send", sent(chat=-1001))
    moved = refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001)
    provider.on("POST", "sendPhoto", moved, times=1)
    payload = OutboxPayload(external_conversation_id="-4001", attachments=[PHOTO], reply_to="-4001:3")
    outcome = send(deps, instance, payload)
    assert outcome == Sent(external_message_id="-1001:77", external_conversation_id="-1001")
    assert calls(provider)[1][1] == {"chat_id": -1001, "photo": PHOTO.url}


def test_chat_of_a_business_account_is_answered_over_its_connection(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", "/send", sent())
    place = f"business:bizC0nn:{CHAT}"
    outcome = send(deps, instance, OutboxPayload(external_conversation_id=place, text="hi", reply_to=f"{place}:41"))
    params = calls(provider)[0][1]
    assert (params["chat_id"], params["business_connection_id"]) == (CHAT, "bizC0nn")
    assert params["reply_parameters"]["message_id"] == 41
    assert outcome.external_message_id == f"{place}:77"


@pytest.mark.parametrize(("emoji", "chosen"), [("👍", [{"type": "emoji", "emoji": "👍"}]), ("", [])])
def test_reaction_is_set_and_taken_back(
    deps: Deps, instance: Instance, provider: Stub, emoji: str, chosen: list[object]
) -> None:
    provider.on("POST", "/setMessageReaction", Reply(json={"ok": True, "result": True}))
    reaction = ReactionTo(external_message_id=f"{CHAT}:41", emoji=emoji)
    assert send(deps, instance, to_chat(reaction=reaction)).external_message_id is None
    assert calls(provider) == [("setMessageReaction", {"chat_id": CHAT, "message_id": 41, "reaction": chosen})]


def test_reaction_to_what_is_no_message_of_telegrams_is_rejected(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    with pytest.raises(ProviderRejected, match="not one of Telegram's"):
        send(deps, instance, to_chat(reaction=ReactionTo(external_message_id="wamid.1", emoji="👍")))
    assert provider.requests == []


BOLD = [Span(style="bold", start=0, end=2)]


def test_what_looks_how_is_told_beside_the_text_whatever_the_parse_mode(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", "/send", sent())
    send(deps, instance, to_chat("hi <b>", spans=BOLD), parseMode="HTML")
    send(deps, instance, to_chat("hi", PHOTO, spans=BOLD))
    bold = [{"type": "bold", "offset": 0, "length": 2}]
    assert calls(provider) == [
        ("sendMessage", {"chat_id": CHAT, "text": "hi <b>", "entities": bold}),
        ("sendPhoto", {"chat_id": CHAT, "photo": PHOTO.url, "caption": "hi", "caption_entities": bold}),
    ]


@pytest.mark.parametrize("reason", ["Bad Request: can't parse entities: no", "Bad Request: ENTITY_BOUNDS_INVALID"])
def test_text_whose_looks_telegram_refuses_is_sent_plain(
    deps: Deps, instance: Instance, provider: Stub, reason: str
) -> None:
    provider.on("POST", "/send", sent())
    provider.on("POST", "sendMessage", refused(400, reason), times=1)
    send(deps, instance, to_chat("hi", spans=BOLD))
    assert calls(provider)[1] == ("sendMessage", {"chat_id": CHAT, "text": "hi"})
