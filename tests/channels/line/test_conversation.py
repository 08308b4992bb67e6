"""From LINE's call to the answer on LINE, through the whole hub."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import Any

import pytest

from shared.config import Settings
from shared.domain.messages import Direction, Message
from tests.channels.example import Call
from tests.channels.line.example import signature
from tests.channels.line.test_lifecycle import line_rules
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Received, Reply

PUBLIC, SECRET = "https://hub.example.com", "channel-secret"
BOT, ANN = "U8e742f61d673b39c7fff3cecb7536ef0", "U4af4980629d4c6e2a0a2e36b1f5d2c11"
USER = {"type": "user", "userId": ANN}
GROUP = {"type": "group", "groupId": "C4a1f0b0e1c2d3e4f5a6b7c8d9e0f1a2b", "userId": ANN}
MENTION = {"mentionees": [{"index": 0, "length": 5, "type": "user", "userId": BOT, "isSelf": True}]}
REPLY, PUSH = "/v2/bot/message/reply$", "/v2/bot/message/push$"

_numbers = count(1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_url": PUBLIC})


@pytest.fixture
def hub(hub: Hub) -> Hub:
    """A hub in front of a LINE that accepts everything and knows Ann."""
    numbers = count(600000000000000001)

    def accepted(request: Received) -> Reply:
        return Reply(json={"sentMessages": [{"id": str(next(numbers))} for _ in request.json["messages"]]})

    for path in (REPLY, PUSH):
        hub.provider.on("POST", path, accepted)
    hub.provider.on("GET", rf"/v2/bot/profile/{ANN}$", Reply(json={"displayName": "Ann", "userId": ANN}))
    member = rf"/v2/bot/group/{GROUP['groupId']}/member/{ANN}$"
    hub.provider.on("GET", member, Reply(json={"displayName": "Ann of the group", "userId": ANN}))
    hub.provider.on("GET", r"/v2/bot/group/[^/]+/summary$", Reply(json={"groupName": "Book club"}))
    return hub


def account(hub: Hub, **config: Any) -> str:
    """An account that is connected; returns the id of its channel."""
    line_rules(hub.provider, f"{PUBLIC}/webhook/line/unknown-yet")
    config = {"channelAccessToken": "token-1", "channelSecret": SECRET} | config
    return str(hub.post("/api/channels", {"name": "Line", "type": "LINE", "config": config}, 201)["id"])


def event(type_: str, source: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What happened just now."""
    number = next(_numbers)
    about = {"timestamp": int(time.time() * 1000), "mode": "active", "deliveryContext": {"isRedelivery": False}}
    token = {"replyToken": f"reply-token-{number}", "webhookEventId": f"01HF3Q5W8Z7V0D9K2M4N6P{number:04}"}
    return {"type": type_, "source": source} | about | token | fields


def says(text: str, source: dict[str, Any] = USER, **message: Any) -> dict[str, Any]:
    written = {"id": str(500000000000000000 + next(_numbers)), "type": "text", "text": text, "quoteToken": f"q-{text}"}
    return event("message", source, message=written | message)


def post(hub: Hub, channel: str, *events: dict[str, Any]) -> None:
    body = json.dumps({"destination": BOT, "events": events}).encode()
    proof = signature(Call(secret=SECRET, body=body))
    answer = hub.client.post(f"/webhook/line/{channel}", data=body, content_type="application/json", headers=proof)
    assert answer.status_code == 200, answer.text


def inbound(hub: Hub, number: int) -> list[Message]:
    eventually(lambda: len(hub.messages(Direction.INBOUND)) >= number)
    return hub.messages(Direction.INBOUND)


def answers(hub: Hub) -> list[str | None]:
    return [message.text for message in hub.messages(Direction.OUTBOUND)]


def test_a_message_is_answered_by_a_reply(hub: Hub) -> None:
    hub.echo_agent()
    channel = account(hub)
    post(hub, channel, says("do you have it in red?"))
    [reply] = hub.provider.wait_for(REPLY)
    assert reply.json["messages"] == [{"type": "text", "text": "Echo: do you have it in red?"}]
    assert reply.json["replyToken"].startswith("reply-token-")
    assert eventually(hub.idle)
    assert hub.conversation().customer_name == "Ann"
    assert hub.provider.to(PUSH) == []


def test_line_may_try_the_address_out(hub: Hub) -> None:
    post(hub, account(hub))
    assert hub.messages() == []


def test_an_account_whose_webhook_was_just_turned_on_is_connected(hub: Hub) -> None:
    channel = account(hub)
    assert hub.get(f"/api/channels/{channel}")["status"] == "DISCONNECTED"
    line_rules(hub.provider, f"{PUBLIC}/webhook/line/{channel}")
    hub.get(f"/api/v1/instances/{channel}/status")
    assert hub.get(f"/api/channels/{channel}")["status"] == "CONNECTED"


def test_what_line_delivers_again_is_one_message(hub: Hub) -> None:
    hub.echo_agent()
    channel = account(hub)
    first = says("once")
    pressed = event("postback", USER, postback={"data": "pressed once"})
    for each in (first, pressed):
        post(hub, channel, each)
        post(hub, channel, each | {"deliveryContext": {"isRedelivery": True}})
    post(hub, channel, says("later"))
    assert [message.text for message in inbound(hub, 3)] == ["once", "pressed once", "later"]


def test_several_events_of_one_call_are_all_stored(hub: Hub) -> None:
    post(hub, account(hub), says("one"), says("two"), says("three", GROUP))
    assert {message.text for message in inbound(hub, 3)} == {"one", "two", "three"}
    assert {talk.is_group for talk in hub.conversations()} == {True, False}


def test_in_a_group_only_what_mentions_the_account_is_answered(hub: Hub) -> None:
    hub.echo_agent()
    channel = account(hub)
    post(hub, channel, says("lunch at noon?", GROUP))
    [stored] = inbound(hub, 1)
    assert (stored.author_name, hub.conversation().customer_name) == ("Ann of the group", "Book club")
    assert (stored.for_people, hub.conversation().needs_reply_since is None) == (True, False)
    post(hub, channel, says("@Shop do you open at noon?", GROUP, mention=MENTION))
    [reply] = hub.provider.wait_for(REPLY)
    assert reply.json["messages"][0]["text"] == "Echo: @Shop do you open at noon?"
    assert eventually(hub.idle)
    assert len(answers(hub)) == 1


def test_in_a_group_what_quotes_us_is_answered(hub: Hub) -> None:
    hub.echo_agent()
    channel = account(hub)
    post(hub, channel, says("lunch at noon?", GROUP))
    [question] = inbound(hub, 1)
    talk = {"channelInstanceId": channel, "conversationId": hub.conversation().id}
    hub.post("/api/messages/send", talk | {"text": "We open at noon."}, 202)
    eventually(lambda: hub.messages(Direction.OUTBOUND) and hub.idle())
    [answer] = hub.messages(Direction.OUTBOUND)
    hub.post(f"/api/conversations/{hub.conversation().id}/release", {}, 200)
    post(hub, channel, says("I mean Bob", GROUP, quotedMessageId=question.external_message_id))
    post(hub, channel, says("and on Sunday?", GROUP, quotedMessageId=answer.external_message_id))
    eventually(lambda: len(answers(hub)) == 2)
    assert answers(hub) == ["We open at noon.", "Echo: and on Sunday?"]


def test_where_the_channel_says_so_everything_in_a_group_is_answered(hub: Hub) -> None:
    hub.echo_agent()
    post(hub, account(hub, groups="all"), says("lunch at noon?", GROUP))
    [reply] = hub.provider.wait_for(REPLY)
    assert "lunch at noon?" in reply.json["messages"][0]["text"]


def test_the_first_message_of_a_group_by_somebody_who_stays_unknown_is_stored_at_once(hub: Hub) -> None:
    hub.echo_agent()
    anonymous = {"type": "group", "groupId": GROUP["groupId"]}
    post(hub, account(hub), says("@Shop who am I?", anonymous, mention=MENTION))
    [reply] = hub.provider.wait_for(REPLY)
    assert reply.json["messages"][0]["text"] == "Echo: @Shop who am I?"
    assert [message.author_id for message in inbound(hub, 1)] == [GROUP["groupId"]]


def test_while_another_program_is_in_charge_only_people_answer(hub: Hub) -> None:
    hub.echo_agent()
    channel = account(hub)
    post(hub, channel, says("to the other program") | {"mode": "standby"})
    [stored] = inbound(hub, 1)
    assert (stored.for_people, hub.conversation().needs_reply_since is None) == (True, False)
    post(hub, channel, says("and now to you"))
    eventually(lambda: answers(hub))
    assert answers(hub) == ["Echo: and now to you"]


def test_a_message_that_its_author_takes_back_is_deleted(hub: Hub) -> None:
    channel = account(hub)
    written = says("my number is 1234")
    post(hub, channel, written)
    inbound(hub, 1)
    post(hub, channel, event("unsend", USER, unsend={"messageId": written["message"]["id"]}))
    eventually(lambda: hub.messages()[0].deleted_at)
    assert len(hub.messages()) == 1


def test_following_and_blocking_are_notes_that_nobody_answers(hub: Hub) -> None:
    hub.echo_agent()
    channel = account(hub)
    stranger = {"type": "user", "userId": "U00000000000000000000000000000b0b"}
    post(hub, channel, event("unfollow", stranger), event("follow", USER, follow={"isUnblocked": False}))
    post(hub, channel, event("unfollow", USER))
    eventually(lambda: len(hub.messages()) == 2)
    assert [message.direction for message in hub.messages()] == [Direction.SYSTEM] * 2
    assert [message.text for message in hub.messages()] == [
        "The customer has added the account as a friend.",
        "The customer has blocked the account.",
    ]
    assert hub.conversation().needs_reply_since is None
    assert hub.provider.to(REPLY) == []


def test_a_persons_answer_quotes_what_it_answers(hub: Hub) -> None:
    channel = account(hub)
    post(hub, channel, says("first"), says("second"))
    first, _ = inbound(hub, 2)
    body = {"channelInstanceId": channel, "conversationId": hub.conversation().id, "text": "to the first"}
    hub.post("/api/messages/send", body | {"replyTo": first.external_message_id}, 202)
    [reply] = hub.provider.wait_for(REPLY)
    assert reply.json["messages"] == [{"type": "text", "text": "to the first", "quoteToken": "q-first"}]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Reply(content=b"\x89PNG\r\n\x1a\npicture", headers={"content-type": "image/png"}), 200),
        (Reply(202), 503),
        (Reply(404, {"message": "Not found"}), 404),
        (Reply(410, text=""), 404),
    ],
)
def test_a_file_is_fetched_from_line_by_its_messages_id(hub: Hub, answer: Reply, status: int) -> None:
    written = event("message", USER, message={"id": "500", "type": "image", "contentProvider": {"type": "line"}})
    hub.provider.on("GET", "/v2/bot/message/500/content$", answer)
    post(hub, account(hub), written)
    [message] = inbound(hub, 1)
    response = hub.client.get(f"/media/{message.id}-0", headers=hub.headers)
    assert response.status_code == status, response.text
    assert (response.data == answer.content) == (status == 200)
