"""What Slack's Web API is asked to send, and what becomes of its refusals."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channel.outbound import Sent
from shared.channels.slack import outbound
from shared.channels.slack.config import SlackConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind, Span
from shared.domain.outbox import Choice, OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable
from tests.stubs import Reply, Stub

TOKEN = "xoxb-17653672481-secret"
POSTED = {"ok": True, "channel": "D0PNCRP9N", "ts": "1735689605.000100", "message": {"text": "hello"}}


def send(deps: Deps, instance: Instance, payload: OutboxPayload) -> Sent:
    config = SlackConfig.model_validate({"botToken": TOKEN, "botUserId": "U0LAN0Z89"})
    return outbound.send(deps, instance, config, payload)


def to(address: str, text: str | None = "hello", *attachments: Attachment, **more: Any) -> OutboxPayload:
    return OutboxPayload(external_conversation_id=address, text=text, attachments=list(attachments), **more)


def posted(provider: Stub) -> Any:
    return provider.to("/chat.postMessage")[0].json


def test_text_is_posted_with_the_token_in_a_header(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.postMessage$", Reply(json=POSTED))
    assert send(deps, instance, to("D0PNCRP9N")) == Sent(external_message_id="D0PNCRP9N:1735689605.000100")
    request = provider.requests[0]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in request.path
    assert request.json == {"channel": "D0PNCRP9N", "text": "hello"}


def test_a_conversation_that_is_a_thread_is_answered_there(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.postMessage$", Reply(json=POSTED | {"channel": "C1"}))
    send(deps, instance, to("C1:1735690000.000100", reply_to="C1:1735690060.000100"))
    assert posted(provider) == {"channel": "C1", "text": "hello", "thread_ts": "1735690000.000100"}


@pytest.mark.parametrize(
    ("more", "thread"),
    [
        ({"context": {"thread_ts": "1.1"}}, "1.1"),
        ({"context": {"thread_ts": "1.1"}, "reply_to": "D0PNCRP9N:2.2"}, "1.1"),
        ({"context": {"thread_ts": None}, "reply_to": "D0PNCRP9N:2.2"}, "2.2"),
        ({"reply_to": "D0OTHER:2.2"}, None),
        ({"context": {"thread_ts": None}}, None),
    ],
)
def test_direct_messages_are_answered_in_the_thread_that_was_written_in(
    deps: Deps, instance: Instance, provider: Stub, more: dict[str, Any], thread: str | None
) -> None:
    provider.on("POST", "/chat.postMessage$", Reply(json=POSTED))
    send(deps, instance, to("D0PNCRP9N", **more))
    assert posted(provider).get("thread_ts") == thread


def test_writing_to_a_person_tells_the_address_of_the_direct_messages(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", "/chat.postMessage$", Reply(json=POSTED))
    sent = send(deps, instance, to("U2147483697"))
    assert sent == Sent(external_message_id="D0PNCRP9N:1735689605.000100", external_conversation_id="D0PNCRP9N")


def test_text_calls_nobody_and_files_are_links(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.postMessage$", Reply(json=POSTED))
    image = Attachment(type=MessageKind.IMAGE, url="https://cdn.example/a.png?x=1&y=<2>|3", file_name="a <b>|c.png")
    bare = Attachment(type=MessageKind.VIDEO, url="https://cdn.example/b.mp4")
    place = Attachment(type=MessageKind.LOCATION, latitude=1.5, longitude=2.5, name="A & B")
    send(deps, instance, to("D0PNCRP9N", "hi <!channel>", image, bare, place))
    assert posted(provider)["text"] == (
        "hi &lt;!channel&gt;\n"
        "<https://cdn.example/a.png?x=1&amp;y=%3C2%3E%7C3|a &lt;b&gt; c.png>\n"
        "<https://cdn.example/b.mp4>\n"
        "A &amp; B\nhttps://maps.google.com/?q=1.5,2.5"
    )


def test_choices_are_buttons_that_bring_their_id_back(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.postMessage$", Reply(json=POSTED))
    choices = [Choice(id="red", title="Red <1>", description="a & b"), Choice(id="blue", title="B" * 80)]
    send(deps, instance, to("D0PNCRP9N", "Which one?", choices=choices))
    section, actions = posted(provider)["blocks"]
    assert posted(provider)["text"] == "Which one?"
    assert section["text"] == {"type": "mrkdwn", "text": "Which one?\nRed &lt;1&gt;: a &amp; b"}
    assert [(button["text"]["text"], button["value"]) for button in actions["elements"]] == [
        ("Red <1>", "red"),
        ("B" * 75, "blue"),
    ]
    assert len({button["action_id"] for button in actions["elements"]}) == 2


def test_a_long_question_takes_several_sections(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.postMessage$", Reply(json=POSTED))
    text = "a" * 3500 + " &" + "b" * 10
    send(deps, instance, to("D0PNCRP9N", text, choices=[Choice(id="1", title="Yes")]))
    sections = [block["text"]["text"] for block in posted(provider)["blocks"] if block["type"] == "section"]
    assert "".join(sections) == text.replace("&", "&amp;")
    assert [len(section) for section in sections] == [3000, 516]


def test_more_choices_than_slack_takes_are_refused(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="25 choices"):
        send(deps, instance, to("D0PNCRP9N", choices=[Choice(id=str(n), title="x") for n in range(26)]))
    assert provider.requests == []


def test_nothing_to_send_is_refused_without_a_call(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="neither a text nor a file"):
        send(deps, instance, to("D0PNCRP9N", None, Attachment(type=MessageKind.DOCUMENT)))
    assert provider.requests == []


def test_an_app_that_is_not_installed_sends_nothing(deps: Deps, instance: Instance) -> None:
    with pytest.raises(ProviderRejected, match="install the app"):
        outbound.send(deps, instance, SlackConfig(), to("D0PNCRP9N"))


FINAL = ["channel_not_found", "not_in_channel", "is_archived", "msg_too_long", "no_text", "restricted_action"]
FINAL += ["invalid_auth", "account_inactive", "token_revoked", "token_expired", "missing_scope", "something_new"]
FAILURES: list[tuple[Reply, type[ProviderError], str]] = [
    *((Reply(json={"ok": False, "error": code}), ProviderRejected, code) for code in FINAL),
    (Reply(429, {"ok": False, "error": "ratelimited"}, headers={"Retry-After": "30"}), ProviderUnavailable, "rate"),
    (Reply(json={"ok": False, "error": "ratelimited"}), ProviderUnavailable, "ratelimited"),
    (Reply(json={"ok": False, "error": "service_unavailable"}), ProviderUnavailable, "service_unavailable"),
    (Reply(503, text="upstream"), ProviderUnavailable, "HTTP 503"),
    (Reply(404, text="nothing"), ProviderRejected, "HTTP 404"),
    (Reply(json={"ok": False, "error": "internal_error"}), OutcomeUnknown, "internal_error"),
    (Reply(json={"ok": False, "error": "fatal_error"}), OutcomeUnknown, "fatal_error"),
    (Reply(text="<html>"), OutcomeUnknown, "Web API"),
    (Reply(json={"ok": True}), OutcomeUnknown, "does not name"),
    (Reply(drop=True), OutcomeUnknown, "without an answer"),
]


@pytest.mark.parametrize(("reply", "expected", "detail"), FAILURES)
def test_failures_are_sorted(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply, expected: type[ProviderError], detail: str
) -> None:
    provider.on("POST", "/chat.postMessage$", reply)
    with pytest.raises(ProviderError, match=detail) as caught:
        send(deps, instance, to("D0PNCRP9N"))
    assert type(caught.value) is expected
    assert TOKEN not in str(caught.value)
    assert len(provider.requests) == 1


def test_slack_says_when_to_come_again(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.postMessage$", FAILURES[len(FINAL)][0])
    with pytest.raises(ProviderUnavailable) as caught:
        send(deps, instance, to("D0PNCRP9N"))
    assert caught.value.retry_after == 30


def test_a_missing_permission_is_named(deps: Deps, instance: Instance, provider: Stub) -> None:
    refusal = {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "im:history"}
    provider.on("POST", "/chat.postMessage$", Reply(json=refusal))
    with pytest.raises(ProviderRejected, match="needed: chat:write"):
        send(deps, instance, to("D0PNCRP9N"))


def reaction(emoji: str, message: str = "D0PNCRP9N:1735689600.000200") -> OutboxPayload:
    return to("D0PNCRP9N", None, reaction=ReactionTo(external_message_id=message, emoji=emoji))


@pytest.mark.parametrize("answer", [{"ok": True}, {"ok": False, "error": "already_reacted"}])
def test_a_reaction_is_added_by_name(deps: Deps, instance: Instance, provider: Stub, answer: dict[str, Any]) -> None:
    provider.on("POST", "/reactions.add$", Reply(json=answer))
    assert send(deps, instance, reaction("🎉")) == Sent(external_message_id=None)
    message = {"channel": "D0PNCRP9N", "timestamp": "1735689600.000200"}
    assert provider.requests[0].json == message | {"name": "tada"}


def test_taking_a_reaction_back_removes_our_own(deps: Deps, instance: Instance, provider: Stub) -> None:
    reactions = [
        {"name": "tada", "count": 2, "users": ["U2147483697", "U0LAN0Z89"]},
        {"name": "eyes", "count": 1, "users": ["U2147483697"]},
        {"name": "wave", "count": 1, "users": ["U0LAN0Z89"]},
    ]
    about = {"ok": True, "type": "message", "message": {"reactions": reactions}}
    provider.on("GET", r"/reactions.get\?.*timestamp=1735689600.000200", Reply(json=about))
    provider.on("POST", "/reactions.remove$", Reply(json={"ok": True}))
    provider.on("POST", "/reactions.remove$", Reply(json={"ok": False, "error": "no_reaction"}), times=1)
    send(deps, instance, reaction(""))
    assert [request.json["name"] for request in provider.to("/reactions.remove")] == ["tada", "wave"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (reaction("🦄"), "by name"),
        (reaction("🎉", "command:1"), "no_such"),
        (reaction("🎉", "x"), "not one of Slack's"),
    ],
)
def test_a_reaction_that_slack_cannot_take_is_refused(
    deps: Deps, instance: Instance, provider: Stub, payload: OutboxPayload, reason: str
) -> None:
    provider.on("POST", "/reactions.add$", Reply(json={"ok": False, "error": "no_such"}))
    with pytest.raises(ProviderRejected, match=reason):
        send(deps, instance, payload)


def test_styled_text_is_written_in_slacks_notation_and_nothing_in_it_notifies_anybody(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", "/chat.postMessage$", Reply(json=POSTED))
    spans = [Span(style="bold", start=0, end=2), Span(style="link", start=3, end=7, value="https://x.example/?a&b")]
    send(deps, instance, to("D0PNCRP9N", "hi shop <!here>", spans=spans))
    assert posted(provider)["text"] == "*hi* <https://x.example/?a&amp;b|shop> &lt;!here&gt;"
