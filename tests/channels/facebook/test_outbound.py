"""What the Graph API is asked to send, and what becomes of its refusals."""

from __future__ import annotations

import hashlib
import hmac
import logging
from functools import partial
from typing import Any

import pytest

from shared.channel.outbound import Sent
from shared.channels.facebook import outbound
from shared.channels.facebook.config import FacebookConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable
from tests.channels.parts import send_parts
from tests.stubs import Reply, Stub

TOKEN = "EAABsecrettoken"
PSID = "4567890123456789"
IMAGE = Attachment(type=MessageKind.IMAGE, url="https://cdn.example.com/a.jpg")
FRAME = {"recipient": {"id": PSID}, "messaging_type": "RESPONSE"}
SENT = Reply(json={"recipient_id": PSID, "message_id": "m_sent1"})


def error(code: int, subcode: int | None = None, message: str = "No.", status: int = 400, **more: Any) -> Reply:
    about: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "B"} | more
    return Reply(status, {"error": about | ({"error_subcode": subcode} if subcode else {})})


def send(deps: Deps, instance: Instance, payload: OutboxPayload, **more: Any) -> Sent:
    config = FacebookConfig.model_validate({"pageAccessToken": TOKEN} | more)
    return send_parts(outbound, payload, partial(outbound.send, deps, instance, config))


def to_person(text: str | None = None, *attachments: Attachment, **more: Any) -> OutboxPayload:
    return OutboxPayload(external_user_id=PSID, text=text, attachments=list(attachments), **more)


def bodies(provider: Stub) -> list[Any]:
    return [request.json for request in provider.requests]


def test_text_is_sent_as_the_page_with_the_token_in_a_header(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", r"^/v23\.0/682498302938465/messages$", SENT)
    assert send(deps, instance, to_person("hello")) == Sent(external_message_id="m_sent1")
    request = provider.requests[0]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in request.path
    assert request.json == FRAME | {"message": {"text": "hello"}}


def test_page_that_is_not_known_yet_is_me(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/me/messages$", SENT)
    send(deps, instance.model_copy(update={"external_id": None}), to_person("hello"))
    assert len(provider.requests) == 1


def test_call_proves_knowledge_of_the_app_secret(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/messages", SENT)
    send(deps, instance, to_person("hello"), appSecret="app-secret")
    proof = hmac.new(b"app-secret", TOKEN.encode(), hashlib.sha256).hexdigest()
    assert provider.requests[0].path.endswith(f"/messages?appsecret_proof={proof}")


def test_answer_replies_to_the_message(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/messages", SENT)
    send(deps, instance, to_person("hello", reply_to="m_41"))
    assert bodies(provider)[0]["reply_to"] == {"mid": "m_41"}


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (MessageKind.IMAGE, "image"),
        (MessageKind.AUDIO, "audio"),
        (MessageKind.VIDEO, "video"),
        (MessageKind.DOCUMENT, "file"),
        (MessageKind.STICKER, "file"),
    ],
)
def test_an_attachment_is_sent_by_its_address(
    deps: Deps, instance: Instance, provider: Stub, kind: MessageKind, named: str
) -> None:
    provider.on("POST", "/messages", SENT)
    send(deps, instance, to_person(None, Attachment(type=kind, url="https://cdn.example.com/f")))
    payload = {"url": "https://cdn.example.com/f", "is_reusable": False}
    assert bodies(provider) == [FRAME | {"message": {"attachment": {"type": named, "payload": payload}}}]


def test_the_text_follows_all_files_and_the_echo_of_each_is_a_message_of_ours(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", "/messages", Reply(json={"recipient_id": PSID, "message_id": "m_text"}))
    provider.on("POST", "/messages", SENT, times=2)
    film = Attachment(type=MessageKind.VIDEO, url="https://cdn.example.com/cat.mp4")
    sent = send(deps, instance, to_person("look", IMAGE, film))
    assert sent == Sent(external_message_id="m_sent1", further_ids=("m_sent1", "m_text"))
    first, second, third = (body["message"] for body in bodies(provider))
    assert (first["attachment"]["type"], second["attachment"]["type"], third) == ("image", "video", {"text": "look"})


@pytest.mark.parametrize(
    "reply",
    [
        error(100, 2018008, "(#100) Failed to fetch the file from the url"),
        error(100, None, "(#100) Failed to fetch the file from the url"),
        error(100, 2018047, "(#100) Upload attachment failure."),
        error(546, None, "(#546) The type of file you're trying to attach isn't allowed."),
    ],
)
def test_file_that_meta_cannot_use_is_sent_as_its_link(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply
) -> None:
    provider.on("POST", "/messages", SENT)
    provider.on("POST", "/messages", reply, times=1)
    sent = send(deps, instance, to_person(None, IMAGE))
    assert sent == Sent(external_message_id="m_sent1", note="sent as a link: the image")
    assert bodies(provider)[1] == FRAME | {"message": {"text": IMAGE.url}}


def test_place_is_told_in_words(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/messages", SENT)
    place = Attachment(type=MessageKind.LOCATION, latitude=1.5, longitude=-2.5, name="Café")
    send(deps, instance, to_person("here:", place))
    assert bodies(provider)[0]["message"] == {"text": "here:\nCafé\nhttps://maps.google.com/?q=1.5,-2.5"}


def test_nothing_to_send_is_rejected_without_a_call(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="neither a text nor a file"):
        send(deps, instance, to_person(None, Attachment(type=MessageKind.IMAGE)))
    assert provider.requests == []


@pytest.mark.parametrize(
    ("emoji", "body"),
    [
        ("👍", {"sender_action": "react", "payload": {"message_id": "m_41", "reaction": "👍"}}),
        ("", {"sender_action": "unreact", "payload": {"message_id": "m_41"}}),
    ],
)
def test_reaction_is_set_and_taken_back(
    deps: Deps, instance: Instance, provider: Stub, emoji: str, body: dict[str, Any]
) -> None:
    provider.on("POST", "/messages", Reply(json={"recipient_id": PSID}))
    reaction = ReactionTo(external_message_id="m_41", emoji=emoji)
    assert send(deps, instance, to_person(reaction=reaction)) == Sent(external_message_id=None)
    assert bodies(provider) == [{"recipient": {"id": PSID}} | body]


@pytest.mark.parametrize("subcode", [2018278, 2018065])
def test_message_outside_the_window_is_rejected_with_that_very_reason(
    deps: Deps, instance: Instance, provider: Stub, subcode: int
) -> None:
    provider.on("POST", "/messages", error(10, subcode, "(#10) This message is sent outside of allowed window."))
    with pytest.raises(ProviderRejected) as caught:
        send(deps, instance, to_person("late"))
    assert caught.value.reason == "outside_window"


@pytest.mark.parametrize(
    ("code", "subcode"),
    [
        (10, None),
        (10, 2018108),
        (100, None),
        (100, 2018001),
        (190, None),
        (190, 460),
        (200, 2018028),
        (230, None),
        (299, None),
        (551, 1545041),
    ],
)
@pytest.mark.parametrize("status", [400, 500])
def test_final_refusal_is_rejected_whatever_the_http_status(
    deps: Deps, instance: Instance, provider: Stub, code: int, subcode: int | None, status: int
) -> None:
    provider.on("POST", "/messages", error(code, subcode, "Because.", status))
    with pytest.raises(ProviderRejected, match=r"Because\. \(error ") as caught:
        send(deps, instance, to_person("hi"))
    assert str(code) in caught.value.reason


@pytest.mark.parametrize(
    "reply",
    [
        *(error(code) for code in (1, 2, 4, 17, 32, 613, 1200)),
        error(0, status=503),
        error(99, is_transient=True),
        Reply(502, text="<html>"),
        Reply(429, text=""),
    ],
)
def test_temporary_failure_is_tried_again(deps: Deps, instance: Instance, provider: Stub, reply: Reply) -> None:
    provider.on("POST", "/messages", reply)
    with pytest.raises(ProviderUnavailable):
        send(deps, instance, to_person("hi"))


def test_wish_for_a_pause_is_passed_on(deps: Deps, instance: Instance, provider: Stub) -> None:
    limited = {"error": {"message": "Slow down", "code": 613}}
    provider.on("POST", "/messages", Reply(429, limited, headers={"retry-after": "17"}))
    with pytest.raises(ProviderUnavailable) as caught:
        send(deps, instance, to_person("hi"))
    assert caught.value.retry_after == 17


def test_unknown_refusal_is_final(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/messages", Reply(403, text="nope"))
    with pytest.raises(ProviderRejected, match="HTTP 403 without an explanation"):
        send(deps, instance, to_person("hi"))


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(200, text="not json"), Reply(200, json=[])])
def test_lost_or_unreadable_answer_leaves_the_outcome_unknown(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply
) -> None:
    provider.on("POST", "/messages", reply)
    with pytest.raises(OutcomeUnknown):
        send(deps, instance, to_person("hi"))


def test_invalid_token_names_the_setting_and_not_the_token(
    deps: Deps, instance: Instance, provider: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    provider.on("POST", "/messages", error(190, None, f"Malformed access token {TOKEN}"))
    with (
        caplog.at_level(logging.DEBUG, logger="shared"),
        pytest.raises(ProviderError, match=r"config\.pageAccessToken") as caught,
    ):
        send(deps, instance, to_person("hi"))
    logging.getLogger("shared.test").error("sending failed", exc_info=caught.value)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in caplog.text
