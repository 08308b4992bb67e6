"""Sending to LINE."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.channel.outbound import Sent
from shared.channels.line import inbound, outbound
from shared.channels.line.config import LineConfig
from shared.deps import Deps
from shared.domain.content import Press
from shared.domain.inbound import MessageReceived
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import Choice, OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable
from tests.stubs import Reply, Stub

TOKEN = "token-of-the-channel"
ANN = "U4af4980629d4c6e2a0a2e36b1f5d2c11"
REPLY, PUSH, READ = "/v2/bot/message/reply$", "/v2/bot/message/push$", "/v2/bot/chat/markAsRead$"
SENT = Reply(json={"sentMessages": [{"id": "600000000000000001", "quoteToken": "q"}]})
IMAGE = Attachment(type=MessageKind.IMAGE, url="https://cdn.example.com/cat.jpg")
TOO_LATE = Reply(400, {"message": "Invalid reply token"})
TEXT = {"type": "text", "text": "hello"}


def payload(text: str | None, *attachments: Attachment, **fields: Any) -> OutboxPayload:
    return OutboxPayload(
        message_id="m1", external_conversation_id=ANN, text=text, attachments=list(attachments), **fields
    )


def just_written(deps: Deps, **ago: float) -> dict[str, Any]:
    """The context of a customer's message of a moment ago."""
    return {"reply_token": "reply-token", "sent_at": (deps.now() - timedelta(**ago)).isoformat()}


def send(deps: Deps, instance: Instance, message: OutboxPayload, **config: Any) -> Sent:
    return outbound.send(deps, instance, LineConfig.model_validate({"channelAccessToken": TOKEN} | config), message)


def pushed(provider: Stub) -> list[Any]:
    return [message for request in provider.to(PUSH) for message in request.json["messages"]]


def test_an_answer_in_time_is_a_reply(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", REPLY, SENT)
    sent = send(deps, instance, payload("hello", context=just_written(deps, seconds=20)))
    assert sent == Sent(external_message_id="600000000000000001")
    [request] = provider.requests
    assert request.json == {"replyToken": "reply-token", "messages": [TEXT]}
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert "x-line-retry-key" not in request.headers, "LINE refuses replies with such a key"


@pytest.mark.parametrize(
    "context", [{}, {"reply_token": "reply-token"}, {"reply_token": "reply-token", "sent_at": "2026-11-20T23:30:00"}]
)
def test_without_a_reply_token_that_is_known_to_be_good_a_push_message_is_sent(
    deps: Deps, instance: Instance, provider: Stub, context: dict[str, Any]
) -> None:
    provider.on("POST", PUSH, SENT)
    assert send(deps, instance, payload("hello", context=context)).external_message_id == "600000000000000001"
    assert [request.json for request in provider.requests] == [{"to": ANN, "messages": [TEXT]}]


def test_an_answer_after_a_minute_is_a_push_message(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", PUSH, SENT)
    send(deps, instance, payload("hello", context=just_written(deps, seconds=61)))
    assert provider.to(REPLY) == []


def test_a_reply_token_that_line_does_not_take_any_more_makes_it_a_push_message(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", REPLY, TOO_LATE)
    provider.on("POST", PUSH, SENT)
    assert send(deps, instance, payload("hello", context=just_written(deps))).external_message_id
    assert pushed(provider) == [TEXT]


@pytest.mark.parametrize("answer", [Reply(drop=True), Reply(500, {"message": "Internal"}), Reply(200, text="<html>")])
def test_a_reply_without_an_answer_leaves_the_outcome_unknown(
    deps: Deps, instance: Instance, provider: Stub, answer: Reply
) -> None:
    provider.on("POST", REPLY, answer)
    provider.on("POST", PUSH, SENT)
    with pytest.raises(OutcomeUnknown):
        send(deps, instance, payload("hello", context=just_written(deps)))
    assert provider.to(PUSH) == []


@pytest.mark.parametrize("answer", [Reply(drop=True), Reply(500, {"message": "Internal"}), Reply(200, text="<html>")])
def test_a_push_message_without_an_answer_is_tried_again_with_the_same_key(
    deps: Deps, instance: Instance, provider: Stub, answer: Reply
) -> None:
    accepted = {"message": "The retry key is already accepted", "sentMessages": [{"id": "600000000000000001"}]}
    provider.on("POST", PUSH, Reply(409, accepted))
    provider.on("POST", PUSH, answer, times=1)
    with pytest.raises(ProviderUnavailable):
        send(deps, instance, payload("hello"))
    assert send(deps, instance, payload("hello")) == Sent(external_message_id="600000000000000001")
    first, second = (request.headers["x-line-retry-key"] for request in provider.requests)
    assert first == second


def test_every_message_and_every_call_has_a_retry_key_of_its_own(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", PUSH, SENT)
    for message_id in ("m1", "m2", None, None):
        send(deps, instance, payload("hello", *[IMAGE] * 6).model_copy(update={"message_id": message_id}))
    assert len({request.headers["x-line-retry-key"] for request in provider.requests}) == 8


def test_files_and_text_go_out_in_one_call_and_all_their_ids_are_kept(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", REPLY, Reply(json={"sentMessages": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}))
    sent = send(deps, instance, payload("look", IMAGE, IMAGE, context=just_written(deps)))
    assert sent == Sent(external_message_id="1", further_ids=("2", "3"))
    assert [message["type"] for message in provider.requests[0].json["messages"]] == ["image", "image", "text"]


def test_more_than_five_messages_are_pushed_in_several_calls(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", PUSH, SENT)
    send(deps, instance, payload("look", *[IMAGE] * 5, context=just_written(deps)))
    assert [len(request.json["messages"]) for request in provider.requests] == [5, 1]
    assert provider.to(REPLY) == []


HTTP = "http://cdn.example.com/cat.jpg"
SOUND = {"type": "audio", "originalContentUrl": "https://cdn.example.com/a.m4a", "duration": 4200}
FILM = {
    "type": "video",
    "originalContentUrl": "https://cdn.example.com/v.mp4",
    "previewImageUrl": "https://p.example/p",
}
PLACE = {"type": "location", "title": "Café", "address": "1-3 Kioicho", "latitude": 35.5, "longitude": 139.25}


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (IMAGE, {"type": "image", "originalContentUrl": IMAGE.url, "previewImageUrl": IMAGE.url}),
        (Attachment(type=MessageKind.IMAGE, url=HTTP), {"type": "text", "text": HTTP}),
        (
            Attachment(type=MessageKind.STICKER, extra={"package_id": "446", "sticker_id": "1988"}),
            {"type": "sticker", "packageId": "446", "stickerId": "1988"},
        ),
        (
            Attachment(type=MessageKind.STICKER, url="https://s.example/s.png"),
            {
                "type": "image",
                "originalContentUrl": "https://s.example/s.png",
                "previewImageUrl": "https://s.example/s.png",
            },
        ),
        (Attachment(type=MessageKind.AUDIO, url=SOUND["originalContentUrl"], extra={"duration": 4200}), SOUND),
        (
            Attachment(type=MessageKind.AUDIO, url="https://a.example/a"),
            {"type": "text", "text": "https://a.example/a"},
        ),
        (
            Attachment(
                type=MessageKind.VIDEO, url=FILM["originalContentUrl"], extra={"preview_url": "https://p.example/p"}
            ),
            FILM,
        ),
        (
            Attachment(type=MessageKind.VIDEO, url="https://v.example/v"),
            {"type": "text", "text": "https://v.example/v"},
        ),
        (
            Attachment(type=MessageKind.DOCUMENT, url="https://d.example/d"),
            {"type": "text", "text": "https://d.example/d"},
        ),
        (
            Attachment(type=MessageKind.LOCATION, latitude=35.5, longitude=139.25, name="Café", address="1-3 Kioicho"),
            PLACE,
        ),
        (
            Attachment(type=MessageKind.LOCATION, latitude=35.5, longitude=139.25),
            PLACE | {"title": "35.5, 139.25", "address": "35.5, 139.25"},
        ),
    ],
)
def test_what_line_cannot_carry_goes_as_a_link(
    deps: Deps, instance: Instance, provider: Stub, attachment: Attachment, expected: dict[str, Any]
) -> None:
    provider.on("POST", PUSH, SENT)
    send(deps, instance, payload(None, attachment))
    assert pushed(provider) == [expected]


def test_a_text_that_is_too_long_is_cut(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", PUSH, SENT)
    send(deps, instance, payload("😀 " * 2500))
    texts = [message["text"] for message in pushed(provider)]
    assert "".join(texts).count("😀") == 2500
    assert all(len(text.encode("utf-16-le")) // 2 <= 5000 for text in texts)


def choices(number: int) -> list[Choice]:
    return [Choice(id=f"id-{n}", title=f"Size {n} of our shirts") for n in range(number)]


def test_a_few_choices_are_buttons_and_what_is_pressed_comes_back_with_its_words(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", PUSH, SENT)
    send(deps, instance, payload("Which one?", IMAGE, choices=choices(4)))
    image, question = pushed(provider)
    assert (image["type"], question["altText"], question["template"]["type"]) == ("image", "Which one?", "buttons")
    pressed = question["template"]["actions"][2]
    assert pressed["label"] == "Size 2 of our shirts"[:20]
    event = {
        "type": "postback",
        "webhookEventId": "01HF3Q5W8Z7V0D9K2M4N6P8R99",
        "timestamp": 1700000000000,
        "source": {"type": "user", "userId": ANN},
        "postback": {"data": pressed["data"]},
    }
    [answer] = inbound.parse(event)
    assert isinstance(answer, MessageReceived)
    assert (answer.text, answer.content.pressed) == (
        "Size 2 of our shirts",
        Press(title="Size 2 of our shirts", payload="id-2"),
    )


@pytest.mark.parametrize(("text", "number"), [("Which one?", 5), ("Which one? " * 15, 2)])
def test_many_choices_and_those_below_a_long_text_are_quick_replies(
    deps: Deps, instance: Instance, provider: Stub, text: str, number: int
) -> None:
    provider.on("POST", PUSH, SENT)
    send(deps, instance, payload(text, choices=choices(number)))
    [question] = pushed(provider)
    assert question["type"] == "text"
    assert [item["action"]["displayText"] for item in question["quickReply"]["items"]] == [
        choice.title for choice in choices(number)
    ]


def test_a_choice_whose_words_do_not_fit_into_a_postback_is_known_by_its_id(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", PUSH, SENT)
    send(deps, instance, payload("Which one?", choices=[Choice(id="x" * 290, title="long")]))
    assert pushed(provider)[0]["template"]["actions"][0]["data"] == "x" * 290


def test_a_reaction_is_refused_without_a_call(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="react"):
        send(deps, instance, payload(None, reaction=ReactionTo(external_message_id="1", emoji="👍")))
    assert provider.requests == []


def test_nothing_to_send_is_refused_without_a_call(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="neither a text nor a file"):
        send(deps, instance, payload(None, Attachment(type=MessageKind.IMAGE)))
    assert provider.requests == []


DETAILS = {"message": "The request body has 1 error(s)", "details": [{"message": "May not be empty", "property": "to"}]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Reply(400, DETAILS), r"1 error\(s\); to: May not be empty \(HTTP 400\)"),
        (Reply(401, {"message": "Authentication failed"}), r"config\.channelAccessToken"),
        (Reply(403, {"message": "Not available"}), "plan"),
        (Reply(404, text=""), "HTTP 404 without an explanation"),
        (Reply(429, {"message": "You have reached your monthly limit."}), "monthly limit"),
    ],
)
def test_a_final_refusal_is_told_with_lines_words(
    deps: Deps, instance: Instance, provider: Stub, answer: Reply, reason: str
) -> None:
    provider.on("POST", PUSH, answer)
    with pytest.raises(ProviderRejected, match=reason):
        send(deps, instance, payload("hello"))


@pytest.mark.parametrize("path", [PUSH, REPLY])
def test_too_many_requests_are_tried_again_after_the_pause_that_line_asks_for(
    deps: Deps, instance: Instance, provider: Stub, path: str
) -> None:
    limit = Reply(
        429, {"message": "The API rate limit has been exceeded. Try again later."}, headers={"retry-after": "7"}
    )
    provider.on("POST", path, limit)
    with pytest.raises(ProviderUnavailable) as caught:
        send(deps, instance, payload("hello", context=just_written(deps) if path == REPLY else {}))
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("answer", [Reply(json={}), Reply(500, {"message": "Internal"}), Reply(drop=True)])
def test_what_is_answered_is_marked_as_read_where_the_channel_says_so(
    deps: Deps, instance: Instance, provider: Stub, answer: Reply
) -> None:
    provider.on("POST", PUSH, SENT)
    provider.on("POST", READ, answer)
    context = {"read_token": "read-token"}
    assert send(deps, instance, payload("hello", context=context)).external_message_id
    assert provider.to(READ) == []
    assert send(deps, instance, payload("hello", context=context), markRead=True).external_message_id
    assert [request.json for request in provider.to(READ)] == [{"markAsReadToken": "read-token"}]
