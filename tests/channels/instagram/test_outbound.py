"""Sending to Instagram."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from shared.channel.outbound import Sent
from shared.channels.instagram import outbound
from shared.channels.instagram.config import InstagramConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import Choice, OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable
from tests.channels.parts import send_parts
from tests.stubs import Received, Reply, Stub

ANN, ACCOUNT, PAGE = "6187239847239847", "17841405822304914", "682498302938465"
TOKEN = "IGAA-secret-token"
MESSAGES = r"^/v23\.0/[^/]+/messages"
IMAGE = Attachment(type=MessageKind.IMAGE, url="https://cdn.example.com/cat.jpg")
TOO_LATE = (10, 2534022, "(#10) This message is sent outside of allowed window.")


def payload(text: str | None, *attachments: Attachment, **fields: Any) -> OutboxPayload:
    fields = {"automatic": True} | fields
    return OutboxPayload(external_conversation_id=ANN, text=text, attachments=list(attachments), **fields)


def error(code: int, subcode: int | None = None, message: str = "Because.", status: int = 400) -> Reply:
    return Reply(status, {"error": {"message": message, "code": code, "error_subcode": subcode}})


def takes_all(provider: Stub) -> None:
    def sent(request: Received) -> Reply:
        return Reply(json={"recipient_id": ANN, "message_id": f"mid-{len(provider.to(MESSAGES))}"})

    provider.on("POST", MESSAGES, sent)


def send(deps: Deps, instance: Instance, message: OutboxPayload, **config: str) -> Sent:
    account = InstagramConfig.model_validate({"accessToken": TOKEN} | config)
    return send_parts(outbound, message, partial(outbound.send, deps, instance, account))


def bodies(provider: Stub) -> list[Any]:
    return [request.json for request in provider.to(MESSAGES)]


def test_a_text_is_sent_as_the_account(deps: Deps, instance: Instance, provider: Stub) -> None:
    takes_all(provider)
    assert send(deps, instance, payload("hello")) == Sent(external_message_id="mid-1")
    [request] = provider.requests
    assert request.path == f"/v23.0/{ACCOUNT}/messages"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.json == {"recipient": {"id": ANN}, "messaging_type": "RESPONSE", "message": {"text": "hello"}}


def test_an_account_that_is_linked_to_a_page_sends_as_the_page(deps: Deps, instance: Instance, provider: Stub) -> None:
    takes_all(provider)
    send(deps, instance, payload("hello"), accessToken="EAAB", pageId=PAGE, appSecret="app-secret")
    assert provider.requests[0].path.startswith(f"/v23.0/{PAGE}/messages?appsecret_proof=")


def test_every_file_and_the_text_are_messages_whose_ids_are_kept(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    takes_all(provider)
    film = Attachment(type=MessageKind.VIDEO, url="https://cdn.example.com/cat.mp4")
    sent = send(deps, instance, payload("look", IMAGE, film))
    assert sent == Sent(external_message_id="mid-1", further_ids=("mid-2", "mid-3"))
    assert [body["message"] for body in bodies(provider)] == [
        {"attachment": {"type": "image", "payload": {"url": IMAGE.url, "is_reusable": False}}},
        {"attachment": {"type": "video", "payload": {"url": film.url, "is_reusable": False}}},
        {"text": "look"},
    ]


def test_instagram_counts_bytes_and_longer_texts_are_cut_between_words(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    takes_all(provider)
    sent = send(deps, instance, payload("日本語 " * 200))
    texts = [body["message"]["text"] for body in bodies(provider)]
    assert " ".join(texts).split() == ["日本語"] * 200
    assert [len(text.encode()) <= 1000 for text in texts] == [True, True]
    assert sent == Sent(external_message_id="mid-1", further_ids=("mid-2",))


def test_choices_are_quick_replies_below_the_last_part_of_the_text(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    takes_all(provider)
    options = [Choice(id="m", title="Medium"), Choice(id="xl", title="The largest that we have")]
    send(deps, instance, payload("a " * 600, choices=options))
    first, last = (body["message"] for body in bodies(provider))
    assert "quick_replies" not in first
    assert last["quick_replies"] == [
        {"content_type": "text", "title": "Medium", "payload": "m"},
        {"content_type": "text", "title": "The largest that we ", "payload": "xl"},
    ]


def test_a_file_that_meta_cannot_use_is_sent_as_its_link(deps: Deps, instance: Instance, provider: Stub) -> None:
    takes_all(provider)
    provider.on("POST", MESSAGES, error(100, 2018008, "Failed to fetch the file from the url"), times=1)
    sent = send(deps, instance, payload("look", IMAGE))
    assert [body["message"] for body in bodies(provider)[1:]] == [{"text": IMAGE.url}, {"text": "look"}]
    assert sent.note == "sent as a link: the image"


def test_a_place_is_told_in_words(deps: Deps, instance: Instance, provider: Stub) -> None:
    takes_all(provider)
    send(deps, instance, payload("here:", Attachment(type=MessageKind.LOCATION, latitude=1.5, longitude=-2.5)))
    assert bodies(provider)[0]["message"] == {"text": "here:\nhttps://maps.google.com/?q=1.5,-2.5"}


def test_nothing_to_send_is_refused_without_a_call(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="neither a text nor a file"):
        send(deps, instance, payload(None, Attachment(type=MessageKind.IMAGE)))
    assert provider.requests == []


@pytest.mark.parametrize(
    ("emoji", "expected"),
    [
        ("❤️", {"sender_action": "react", "payload": {"message_id": "m", "reaction": "love"}}),
        ("👍", {"sender_action": "react", "payload": {"message_id": "m", "reaction": "like"}}),
        ("🎉", {"sender_action": "react", "payload": {"message_id": "m", "reaction": "🎉"}}),
        ("", {"sender_action": "unreact", "payload": {"message_id": "m"}}),
    ],
)
def test_a_reaction_is_set_by_its_name_and_taken_back(
    deps: Deps, instance: Instance, provider: Stub, emoji: str, expected: dict[str, Any]
) -> None:
    takes_all(provider)
    reaction = ReactionTo(external_message_id="m", emoji=emoji)
    assert send(deps, instance, payload(None, reaction=reaction)) == Sent(external_message_id=None)
    assert bodies(provider) == [{"recipient": {"id": ANN}} | expected]


def test_a_persons_late_answer_goes_out_as_a_human_agents(deps: Deps, instance: Instance, provider: Stub) -> None:
    takes_all(provider)
    provider.on("POST", MESSAGES, error(*TOO_LATE), times=1)
    assert send(deps, instance, payload("sorry for the wait", automatic=False)).external_message_id == "mid-2"
    first, second = bodies(provider)
    assert first["messaging_type"] == "RESPONSE"
    assert (second["messaging_type"], second["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")


@pytest.mark.parametrize(("automatic", "calls"), [(True, 1), (False, 2)])
def test_what_comes_too_late_is_rejected_with_that_very_reason(
    deps: Deps, instance: Instance, provider: Stub, automatic: bool, calls: int
) -> None:
    provider.on("POST", MESSAGES, error(*TOO_LATE))
    with pytest.raises(ProviderRejected) as caught:
        send(deps, instance, payload("late", automatic=automatic))
    assert caught.value.reason == "outside_window"
    assert len(bodies(provider)) == calls


@pytest.mark.parametrize(("code", "hint"), [(190, r"config\.accessToken"), (10, "manage_messages"), (551, "now")])
def test_a_final_refusal_says_what_to_do(deps: Deps, instance: Instance, provider: Stub, code: int, hint: str) -> None:
    provider.on("POST", MESSAGES, error(code, None, f"Because of {TOKEN}"))
    with pytest.raises(ProviderRejected, match=hint) as caught:
        send(deps, instance, payload("hi"))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("reply", [error(2), error(613), Reply(502, text="<html>"), Reply(429, text="")])
def test_a_temporary_failure_is_tried_again(deps: Deps, instance: Instance, provider: Stub, reply: Reply) -> None:
    provider.on("POST", MESSAGES, reply)
    with pytest.raises(ProviderUnavailable):
        send(deps, instance, payload("hi"))


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(200, text="not json")])
def test_a_lost_answer_leaves_the_outcome_unknown(deps: Deps, instance: Instance, provider: Stub, reply: Reply) -> None:
    provider.on("POST", MESSAGES, reply)
    with pytest.raises(OutcomeUnknown):
        send(deps, instance, payload("hi"))
