"""From Slack's call to the answer in Slack, through the whole hub."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from shared.domain.messages import Direction
from tests.channels.slack.test_inbound import fixture
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Received, Reply, Stub

SECRET = "signing-secret"
APP, TEAM, BOT = "A0MDYCDME", "T061EG9R6", "U0LAN0Z89"


def slack_rules(provider: Stub) -> None:
    """Play a Slack that accepts everything."""
    numbers = count(100)

    def posted(request: Received) -> Reply:
        channel = "D0PNCRP9N" if request.json["channel"].startswith("U") else request.json["channel"]
        return Reply(json={"ok": True, "channel": channel, "ts": f"1735700000.{next(numbers):06}"})

    identity = {"ok": True, "team": "Acme", "team_id": TEAM, "user_id": BOT, "bot_id": "B0LAN0Z90"}
    provider.on("GET", "/auth.test", Reply(json=identity))
    provider.on("POST", "/auth.test", Reply(json=identity))
    provider.on("GET", "/bots.info", Reply(json={"ok": True, "bot": {"app_id": APP}}))
    for user, name in (("U2147483697", "ann"), ("U061F7AUR", "bob")):
        about = {"ok": True, "user": {"profile": {"display_name": name}}}
        provider.on("GET", rf"/users.info\?user={user}$", Reply(json=about))
    provider.on("POST", "/chat.postMessage", posted)


@pytest.fixture
def hub(hub: Hub) -> Hub:
    slack_rules(hub.provider)
    return hub


@pytest.fixture
def team(hub: Hub) -> Any:
    """A Slack channel, connected by its bot token."""
    config = {"botToken": "xoxb-1", "signingSecret": SECRET}
    return hub.post("/api/channels", {"name": "Team", "type": "SLACK", "config": config}, 201)


def call(hub: Hub, path: str, body: bytes, content_type: str = "application/json", **headers: str) -> TestResponse:
    sent = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), b"v0:" + sent.encode() + b":" + body, hashlib.sha256).hexdigest()
    proof = {"X-Slack-Request-Timestamp": sent, "X-Slack-Signature": f"v0={signature}"}
    answer = hub.client.post(path, data=body, content_type=content_type, headers=proof | headers)
    assert answer.status_code == 200, answer.text
    return answer


def event(hub: Hub, team: Any, body: dict[str, Any], **headers: str) -> TestResponse:
    return call(hub, f"/webhook/slack/{team['id']}", json.dumps(body).encode(), **headers)


def posts(hub: Hub) -> list[Any]:
    return [request.json for request in hub.provider.to("/chat.postMessage")]


def inbound(hub: Hub) -> list[str | None]:
    return [message.text for message in hub.messages(Direction.INBOUND)]


def test_a_direct_message_is_answered(hub: Hub, team: Any) -> None:
    hub.echo_agent()
    assert hub.get(f"/api/channels/{team['id']}")["status"] == "CONNECTED"
    event(hub, team, fixture("message_im__text"))
    hub.provider.wait_for("/chat.postMessage")
    assert eventually(hub.idle)
    text = "Is the red one (https://shop.example/a?b=1&amp;c=2) in stock, &lt;3?"
    assert posts(hub) == [{"channel": "D0PNCRP9N", "text": f"Echo: {text}"}]
    assert hub.conversation().customer_name == "ann"


def test_what_slack_delivers_again_is_one_message(hub: Hub, team: Any) -> None:
    for number in range(3):
        retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_timeout"} if number else {}
        event(hub, team, fixture("message_im__text"), **retry)
    event(hub, team, fixture("message_bot__own-echo"))
    event(hub, team, fixture("message_im__in-a-thread"))
    eventually(lambda: len(inbound(hub)) == 2)
    assert len(hub.messages()) == 2


def test_only_the_retry_came_and_it_is_taken(hub: Hub, team: Any) -> None:
    event(hub, team, fixture("message_im__text"), **{"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_error"})
    eventually(lambda: len(inbound(hub)) == 1)


def test_an_own_echo_does_not_double_what_was_sent(hub: Hub, team: Any) -> None:
    hub.echo_agent()
    event(hub, team, fixture("message_im__text"))
    hub.provider.wait_for("/chat.postMessage")
    assert eventually(hub.idle)
    echo = fixture("message_bot__own-echo")
    echo["event"]["ts"] = "1735700000.000100"
    event(hub, team, echo)
    event(hub, team, fixture("message_im__in-a-thread"))
    eventually(lambda: len(inbound(hub)) == 2)
    assert len(hub.messages(Direction.OUTBOUND)) == 1


def test_a_mention_begins_a_conversation_that_its_thread_goes_on_with(hub: Hub, team: Any) -> None:
    hub.echo_agent()
    names = ("among-people", "mention", "reply-in-thread")
    stray = fixture("message_channel__reply-in-thread")
    stray["event"] |= {"thread_ts": "1735680000.000100", "ts": "1735680060.000100", "text": "a thread of others"}
    event(hub, team, stray)
    for name in names:
        event(hub, team, fixture(f"message_channel__{name}"))
    event(hub, team, fixture("app_mention__same-message"))
    event(hub, team, fixture("message_im__text"))
    eventually(lambda: len(inbound(hub)) == 3)
    hub.provider.wait_for("/chat.postMessage", 2)
    talk = {each.external_conversation_id: each for each in hub.conversations()}
    assert set(talk) == {"C0LAN2Q65:1735690000.000100", "D0PNCRP9N"}
    threads = {(post["channel"], post.get("thread_ts")) for post in posts(hub)}
    assert threads == {("C0LAN2Q65", "1735690000.000100"), ("D0PNCRP9N", None)}
    assert len({each.customer_id for each in talk.values()}) == 1
    written = {(message.author_id, message.author_name) for message in hub.messages(Direction.INBOUND)}
    assert written == {("U2147483697", "ann"), ("U061F7AUR", "bob")}
    assert [each.customer_name for each in talk.values()] == ["ann", "ann"]


@pytest.mark.parametrize(
    ("config", "text", "for_people"),
    [
        ({}, "yes, me", True),
        ({}, "<@U0LAN0Z89> yes, me", False),
        ({"groups": "all"}, "yes, me", False),
        ({"groups": False}, "<@U0LAN0Z89> yes, me", True),
    ],
)
def test_machines_answer_in_a_channels_thread_only_what_mentions_the_bot(
    hub: Hub, team: Any, config: dict[str, Any], text: str, for_people: bool
) -> None:
    hub.patch(f"/api/channels/{team['id']}", {"config": config})
    event(hub, team, fixture("message_channel__mention"))
    eventually(lambda: len(inbound(hub)) == 1)
    in_thread = fixture("message_channel__reply-in-thread")
    in_thread["event"]["text"] = text
    event(hub, team, in_thread)
    eventually(lambda: len(inbound(hub)) == 2)
    by_author = {message.author_name: message.for_people for message in hub.messages(Direction.INBOUND)}
    assert by_author["bob"] is for_people


def test_a_thread_begins_under_the_name_that_the_business_gave_its_writer(hub: Hub, team: Any) -> None:
    event(hub, team, fixture("message_im__text"))
    profile = f"/customers/{hub.conversation().customer_id}/profile"
    named = {"name": "Ann Smith", "phone": "+14155550123"}
    assert hub.client.put(profile, json=named, headers=hub.headers).status_code == 200
    event(hub, team, fixture("message_channel__mention"))
    threads = eventually(lambda: [each for each in hub.conversations() if ":" in each.external_conversation_id])
    assert [(each.customer_name, each.customer_phone) for each in threads] == [("Ann Smith", "+14155550123")]


def test_edits_deletions_and_reactions_reach_the_message(hub: Hub, team: Any) -> None:
    event(hub, team, fixture("message_im__text"))
    eventually(lambda: len(inbound(hub)) == 1)
    event(hub, team, fixture("message_changed__edited"))
    reaction = fixture("reaction_added__known")
    reaction["event"]["item"]["ts"] = "1735689600.000200"
    event(hub, team, reaction)
    event(hub, team, fixture("message_deleted__im"))
    eventually(lambda: hub.messages()[0].deleted_at)
    (message,) = hub.messages()
    assert message.text == "Is the green one in stock?"
    assert message.reactions == {"U2147483697": "👍"}


def test_changes_of_what_people_say_among_themselves_leave_nothing_behind(hub: Hub, team: Any) -> None:
    event(hub, team, fixture("message_changed__in-channel"))
    event(hub, team, fixture("message_deleted__tombstone"))
    event(hub, team, fixture("message_im__text"))
    eventually(lambda: len(inbound(hub)) == 1)
    assert len(hub.documents("messages")) == 1


def test_a_button_and_a_slash_command_are_messages(hub: Hub, team: Any) -> None:
    hub.echo_agent()
    path = f"/webhook/slack/{team['id']}"
    form = "application/x-www-form-urlencoded"
    response = call(hub, path, urlencode(fixture("slash_command__in-channel")).encode(), form)
    assert response.json == {
        "response_type": "ephemeral",
        "text": "Thank you! The answer comes as a direct message.",
    }
    hub.provider.wait_for("/chat.postMessage")
    assert posts(hub) == [{"channel": "U2147483697", "text": "Echo: where is my order?"}]
    eventually(lambda: hub.conversation().external_conversation_id == "D0PNCRP9N")
    pressed = urlencode({"payload": json.dumps(fixture("block_actions__button"))}).encode()
    assert call(hub, path, pressed, form).data == b""
    eventually(lambda: inbound(hub) == ["where is my order?", "Red"])


def test_the_address_is_tried_out_with_a_challenge(hub: Hub, team: Any) -> None:
    challenge = fixture("url_verification__challenge")
    answer = event(hub, team, challenge)
    assert (answer.text, answer.mimetype) == (challenge["challenge"], "text/plain")


@pytest.mark.parametrize("name", ["app_uninstalled__gone", "tokens_revoked__bot"])
def test_a_removed_app_is_disconnected_and_somebody_is_told(hub: Hub, team: Any, name: str) -> None:
    event(hub, team, fixture(name))
    event(hub, team, fixture(name))
    eventually(lambda: hub.get(f"/api/channels/{team['id']}")["status"] == "DISCONNECTED")
    notifications = hub.documents("notifications", tenant_id=hub.tenant_id)
    assert [note["title"] for note in notifications] == ["Channel Disconnected"]
    assert "install the app again" in notifications[0]["message"]


def test_a_refused_message_is_dead_with_slacks_reason(hub: Hub, team: Any) -> None:
    event(hub, team, fixture("message_im__text"))
    conversation = eventually(hub.conversation)
    hub.provider.on("POST", "/chat.postMessage", Reply(json={"ok": False, "error": "is_archived"}))
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "hello"}, 202)
    eventually(lambda: hub.documents("outbox", status="DEAD"))
    assert "is_archived" in hub.documents("outbox", status="DEAD")[0]["error"]


def test_slacks_wish_to_wait_is_heard(hub: Hub, team: Any) -> None:
    event(hub, team, fixture("message_im__text"))
    conversation = eventually(hub.conversation)
    slow_down = Reply(429, {"ok": False, "error": "ratelimited"}, headers={"Retry-After": "0"})
    hub.provider.on("POST", "/chat.postMessage", slow_down, times=1)
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "hello"}, 202)
    assert len(hub.provider.wait_for("/chat.postMessage", 2)) == 2
    assert eventually(hub.idle)


def shared(hub: Hub, body: dict[str, Any]) -> TestResponse:
    return call(hub, "/webhook/slack", json.dumps(body).encode())


def test_workspaces_of_one_app_share_an_address(hub: Hub, team: Any) -> None:
    shared(hub, fixture("message_im__text"))
    shared(hub, fixture("message_im__text") | {"team_id": "T0STRANGER"})
    eventually(lambda: len(inbound(hub)) == 1)
    body = urlencode(fixture("slash_command__in-channel")).encode()
    response = call(hub, "/webhook/slack", body, "application/x-www-form-urlencoded")
    assert b"direct message" in response.data
    eventually(lambda: len(inbound(hub)) == 2)


def test_the_shared_address_is_tried_out_too(hub: Hub) -> None:
    challenge = fixture("url_verification__challenge")
    answer = shared(hub, challenge)
    assert (answer.text, answer.mimetype) == (challenge["challenge"], "text/plain")


def test_only_channels_of_apps_with_many_accounts_have_a_shared_address(hub: Hub) -> None:
    for name in ("telegram_bot", "facebook", "nothing"):
        assert hub.client.post(f"/webhook/{name}", json={}).status_code == 404


def test_a_forged_call_is_refused(hub: Hub, team: Any) -> None:
    for path in (f"/webhook/slack/{team['id']}", "/webhook/slack"):
        answer = hub.client.post(path, json=fixture("message_im__text"))
        assert answer.status_code == 401, path


def test_a_credential_is_tried_before_it_is_kept(hub: Hub) -> None:
    assert hub.post("/integrations/slack/test", {"api_key": "xoxb-2"})["success"]
    assert hub.provider.to("/auth.test")[-1].headers["authorization"] == "Bearer xoxb-2"
    hub.provider.on("POST", "/auth.test", Reply(json={"ok": False, "error": "invalid_auth"}))
    assert "invalid_auth" in json.dumps(hub.post("/integrations/slack/test", {"api_key": "xoxb-3"}))


def test_the_dashboard_configures_slack_by_its_key(hub: Hub) -> None:
    hub.post("/channels/slack/configure", {"api_key": "xoxb-1"})
    assert hub.get("/channels/slack/status")["status"] == "connected"


def test_the_link_of_a_session_that_moves_to_video_is_sent_into_the_thread_in_which_the_customer_wrote(
    hub: Hub, team: Any
) -> None:
    event(hub, team, fixture("message_im__in-a-thread"))
    session = hub.conversation().id
    video = {
        "twilio_account_sid": "AC00000000000000000000000000000001",
        "auth_token": "auth-token-of-the-account",
        "api_key_sid": "SK00000000000000000000000000000001",
        "api_key_secret": "the-secret-of-the-api-key-1234567",
        "join_url": "https://shop.example/call?t={token}",
    }
    hub.post("/channels/video/configure", video)
    hub.post(f"/sessions/{session}/transfer", {"from_channel": "slack", "to_channel": "video"})
    hub.provider.wait_for("/chat.postMessage")
    [link] = posts(hub)
    assert "https://shop.example/call?t=" in link["text"]
    assert link["thread_ts"] == "1735689600.000200"


def test_in_a_channel_shared_by_companies_a_question_is_the_companys_whose_app_was_called(hub: Hub, team: Any) -> None:
    shared = fixture("app_mention__shared-channel")
    assert shared["team_id"] != TEAM
    call(hub, "/webhook/slack", json.dumps(shared).encode())
    [message] = eventually(lambda: hub.messages(Direction.INBOUND))
    assert message.instance_id == team["id"]


def test_the_other_companys_channel_gets_nothing_of_it(hub: Hub, team: Any) -> None:
    shared = fixture("app_mention__shared-channel")
    shared["authorizations"][0]["team_id"], shared["team_id"] = shared["team_id"], TEAM
    body = json.dumps(shared).encode()
    sent = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), b"v0:" + sent.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": sent, "X-Slack-Signature": f"v0={signature}"}
    hub.client.post("/webhook/slack", data=body, content_type="application/json", headers=headers)
    event(hub, team, fixture("message_im__text"))
    eventually(lambda: inbound(hub))
    assert len(hub.messages(Direction.INBOUND)) == 1
    assert "secret question" not in str(inbound(hub))


def test_clients_of_the_company_whose_app_was_called_read_the_question_and_its_answer(hub: Hub, team: Any) -> None:
    hub.echo_agent()
    call(hub, "/webhook/slack", json.dumps(fixture("app_mention__shared-channel")).encode())
    hub.provider.wait_for("/chat.postMessage")
    [conversation] = hub.get("/api/conversations")["conversations"]
    assert conversation["channelInstanceId"] == team["id"]
    messages = hub.get(f"/api/conversations/{conversation['id']}/messages")["messages"]
    assert sorted(message["direction"] for message in messages) == ["INBOUND", "OUTBOUND"]
    assert all("secret question to Acme" in message["text"] for message in messages)
    [answer] = posts(hub)
    assert (answer["channel"], answer["thread_ts"]) == ("C77", "1795970195.747950")
