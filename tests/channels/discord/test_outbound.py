"""What Discord's REST API is asked to send, and what becomes of its refusals."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import unquote

import pytest

from shared.channel.outbound import Sent
from shared.channels.discord import outbound
from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.sealing import seal_token
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind, Span
from shared.domain.outbox import Choice, OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable
from tests.stubs import Received, Reply, Stub

TOKEN = "MTk4.secret"
CHANNEL, USER = "645027906669510667", "82198810841029460"
CREATE = f"/channels/{CHANNEL}/messages$"
CREATED = {"id": "1308922333333333333", "channel_id": CHANNEL, "content": "hello"}
SENT = Sent(external_message_id=f"{CHANNEL}:1308922333333333333")
WEBHOOK = "/webhooks/775799577604522054/A_UNIQUE_TOKEN"


def send(deps: Deps, instance: Instance, payload: OutboxPayload) -> Sent:
    return outbound.send(deps, instance, DiscordConfig.model_validate({"botToken": TOKEN}), payload)


def to_channel(text: str | None = "hello", *attachments: Attachment, **more: Any) -> OutboxPayload:
    fields: dict[str, Any] = {"message_id": "m1", "external_conversation_id": CHANNEL, "external_user_id": USER}
    return OutboxPayload(text=text, attachments=list(attachments), **(fields | more))


def test_text_is_sent_as_the_bot_and_notifies_nobody(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    assert send(deps, instance, to_channel("hi @everyone")) == SENT
    (request,) = provider.requests
    assert request.headers["authorization"] == f"Bot {TOKEN}"
    assert request.headers["user-agent"].startswith("DiscordBot (")
    nonce = request.json["nonce"]
    assert len(nonce) <= 25
    assert request.json == {
        "content": "hi @everyone",
        "allowed_mentions": {"parse": []},
        "nonce": nonce,
        "enforce_nonce": True,
    }


def test_a_message_has_its_own_nonce_whenever_it_is_sent(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    for message_id in ("m1", "m1", "m2"):
        send(deps, instance, to_channel(message_id=message_id))
    first, again, other = (request.json["nonce"] for request in provider.requests)
    assert first == again != other


def dropping(times: int, provider: Stub) -> None:
    """Accept every message, store those with a new nonce, and drop the connection at the first `times` answers."""
    lost, created = count(1), dict[str, dict[str, str]]()

    def create(request: Received) -> Reply:
        message = created.setdefault(request.json["nonce"], CREATED | {"id": str(len(created) + 1)})
        return Reply(drop=True) if next(lost) <= times else Reply(json=message)

    provider.on("POST", CREATE, create)


def test_what_may_have_been_sent_is_sent_again_at_once_and_is_one_message(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    dropping(1, provider)
    assert send(deps, instance, to_channel()).external_message_id == f"{CHANNEL}:1"
    assert len(provider.requests) == 2
    assert send(deps, instance, to_channel(message_id="m2")).external_message_id == f"{CHANNEL}:2"


def test_twice_unknown_stays_unknown(deps: Deps, instance: Instance, provider: Stub) -> None:
    dropping(2, provider)
    with pytest.raises(OutcomeUnknown):
        send(deps, instance, to_channel())
    assert len(provider.requests) == 2


@pytest.mark.parametrize("second", [Reply(429, {"retry_after": 60.5}), Reply(502)])
def test_what_may_have_been_sent_is_not_left_for_later(
    deps: Deps, instance: Instance, provider: Stub, second: Reply
) -> None:
    provider.on("POST", CREATE, second)
    provider.on("POST", CREATE, Reply(drop=True), times=1)
    with pytest.raises(OutcomeUnknown):
        send(deps, instance, to_channel())


def test_an_answer_refers_to_its_message(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    send(deps, instance, to_channel(reply_to=f"{CHANNEL}:77"))
    send(deps, instance, to_channel(reply_to="interaction:77"))
    send(deps, instance, to_channel(context={"message_id": "78"}))
    first, second, third = (request.json.get("message_reference") for request in provider.requests)
    assert first == {"message_id": "77", "fail_if_not_exists": False}
    assert second is None
    assert third == {"message_id": "78", "fail_if_not_exists": False}


def test_files_and_places_are_links(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    image = Attachment(type=MessageKind.IMAGE, url="https://cdn.example/a.png")
    place = Attachment(type=MessageKind.LOCATION, latitude=1.5, longitude=2.5, name="Shop")
    send(deps, instance, to_channel("look", image, place))
    content = provider.requests[0].json["content"]
    assert content == "look\nhttps://cdn.example/a.png\nShop\nhttps://maps.google.com/?q=1.5,2.5"


def test_choices_are_rows_of_buttons(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    choices = [Choice(id=f"choice:{n}", title=f"Choice {n}") for n in range(7)]
    send(deps, instance, to_channel("Which one?", choices=choices))
    rows = provider.requests[0].json["components"]
    assert [len(row["components"]) for row in rows] == [5, 2]
    assert rows[1]["components"][1] == {"type": 2, "style": 1, "label": "Choice 6", "custom_id": "choice:6"}


@pytest.mark.parametrize("ids", [[str(n) for n in range(26)], ["x" * 101]])
def test_choices_that_discord_does_not_take_are_refused(
    deps: Deps, instance: Instance, provider: Stub, ids: list[str]
) -> None:
    with pytest.raises(ProviderRejected, match="choices"):
        send(deps, instance, to_channel(choices=[Choice(id=each, title="x") for each in ids]))
    assert provider.requests == []


def test_a_person_is_written_to_in_direct_messages(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/users/@me/channels$", Reply(json={"id": CHANNEL, "type": 1}))
    provider.on("POST", CREATE, Reply(json=CREATED))
    sent = send(deps, instance, to_channel(external_conversation_id=USER))
    assert sent == Sent(external_message_id=SENT.external_message_id, external_conversation_id=CHANNEL)
    assert provider.requests[0].json == {"recipient_id": USER}


def test_nothing_to_send_is_refused_without_a_call(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="neither a text nor a file"):
        send(deps, instance, to_channel(None, Attachment(type=MessageKind.DOCUMENT)))
    with pytest.raises(ProviderRejected, match="bot_token is missing"):
        outbound.send(deps, instance, DiscordConfig(), to_channel())
    assert provider.requests == []


FAILURES: list[tuple[Reply, type[ProviderError], str]] = [
    (Reply(401, {"message": "401: Unauthorized", "code": 0}), ProviderRejected, r"config\.botToken"),
    (Reply(403, {"message": "Missing Access", "code": 50001}), ProviderRejected, "invite_url"),
    (Reply(403, {"message": "Cannot send messages to this user", "code": 50007}), ProviderRejected, "no direct"),
    (Reply(404, {"message": "Unknown Channel", "code": 10003}), ProviderRejected, "Unknown Channel.*10003"),
    (Reply(400, {"message": "Invalid Form Body", "code": 50035}), ProviderRejected, "Invalid Form Body"),
    (Reply(400, text="<html>"), ProviderRejected, "HTTP 400"),
    (Reply(429, {"message": "slow", "retry_after": 64.57, "global": False}), ProviderUnavailable, "slow"),
    (Reply(400, {"message": "overloaded", "code": 130000}), ProviderUnavailable, "overloaded"),
    (Reply(500, {"message": "500: Internal Server Error", "code": 0}), ProviderUnavailable, "500"),
    (Reply(503, text="upstream"), ProviderUnavailable, "HTTP 503"),
    (Reply(200, text="<html>"), OutcomeUnknown, "not one of the API's"),
    (Reply(200, {"type": 0}), OutcomeUnknown, "does not name"),
]


@pytest.mark.parametrize(("reply", "expected", "detail"), FAILURES)
def test_failures_are_sorted(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply, expected: type[ProviderError], detail: str
) -> None:
    provider.on("POST", CREATE, reply)
    with pytest.raises(ProviderError, match=detail) as caught:
        send(deps, instance, to_channel())
    assert type(caught.value) is expected
    assert TOKEN not in str(caught.value)


def unavailable(deps: Deps, instance: Instance, payload: OutboxPayload) -> float:
    with pytest.raises(ProviderUnavailable) as caught:
        send(deps, instance, payload)
    return caught.value.retry_after or 0


OTHER = to_channel(external_conversation_id="1", message_id="m9")


def test_the_body_says_more_exactly_when_to_come_again(deps: Deps, instance: Instance, provider: Stub) -> None:
    limited = Reply(429, {"message": "slow", "retry_after": 64.57, "global": False}, headers={"Retry-After": "65"})
    provider.on("POST", "/messages$", Reply(json=CREATED))
    provider.on("POST", CREATE, limited)
    assert unavailable(deps, instance, to_channel()) == 64.57
    assert 60 < unavailable(deps, instance, to_channel()) <= 64.57
    assert len(provider.requests) == 1
    send(deps, instance, OTHER)
    send(deps, instance.model_copy(update={"id": "i2"}), OTHER)


@pytest.mark.parametrize(
    "limited",
    [
        Reply(429, {"retry_after": 30, "global": True}),
        Reply(429, {"retry_after": 30}, headers={"X-RateLimit-Scope": "global"}),
        Reply(429, text="", headers={"Retry-After": "30", "X-RateLimit-Scope": "global"}),
    ],
)
def test_a_global_limit_holds_for_all_of_the_bot(
    deps: Deps, instance: Instance, provider: Stub, limited: Reply
) -> None:
    provider.on("POST", CREATE, limited)
    assert unavailable(deps, instance, to_channel()) == 30
    assert 25 < unavailable(deps, instance, OTHER) <= 30
    assert len(provider.requests) == 1


def test_a_limit_that_is_used_up_is_not_tried(deps: Deps, instance: Instance, provider: Stub) -> None:
    last = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "20.5"}
    provider.on("POST", "/messages$", Reply(json=CREATED, headers=last))
    send(deps, instance, to_channel())
    assert 15 < unavailable(deps, instance, to_channel(message_id="m2")) <= 20.5
    send(deps, instance, OTHER)
    assert len(provider.requests) == 2


@pytest.mark.parametrize("left", ["", "soon", "-1", "inf", "nan"])
def test_a_limit_that_cannot_be_read_holds_nobody_back(
    deps: Deps, instance: Instance, provider: Stub, left: str
) -> None:
    used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": left}
    provider.on("POST", CREATE, Reply(json=CREATED, headers=used_up))
    for _ in range(2):
        send(deps, instance, to_channel())


def answering(
    now: datetime, *, minutes: float = 10, thinking: bool = True, bot_token: str = TOKEN, instance_id: str = "i1"
) -> OutboxPayload:
    config = DiscordConfig.model_validate({"botToken": bot_token})
    token = {
        "application_id": "775799577604522054",
        "token": seal_token(instance_id, config, "A_UNIQUE_TOKEN"),
        "until": (now + timedelta(minutes=minutes)).isoformat(),
        "thinking": thinking,
    }
    return to_channel(context={"interaction": token})


def original(flags: int) -> Reply:
    return Reply(json={"id": "5", "channel_id": CHANNEL, "flags": flags})


def calls(provider: Stub) -> list[tuple[str, str]]:
    return [(request.method, unquote(request.path)) for request in provider.requests]


def test_the_reply_fills_the_message_that_was_promised(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/messages/@original$", original(1 << 7))
    provider.on("PATCH", "/messages/@original$", Reply(json=CREATED))
    assert send(deps, instance, answering(deps.now())) == SENT
    assert calls(provider) == [("GET", f"{WEBHOOK}/messages/@original"), ("PATCH", f"{WEBHOOK}/messages/@original")]
    assert provider.requests[1].json == {"content": "hello", "allowed_mentions": {"parse": []}}
    assert all("authorization" not in request.headers for request in provider.requests)


def test_further_parts_follow_it(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/messages/@original$", original(0))
    provider.on("POST", f"{WEBHOOK}$", Reply(json=CREATED))
    assert send(deps, instance, answering(deps.now())) == SENT
    assert calls(provider)[-1] == ("POST", WEBHOOK)


def test_a_button_was_promised_nothing(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", f"{WEBHOOK}$", Reply(json=CREATED))
    assert send(deps, instance, answering(deps.now(), thinking=False)) == SENT
    assert calls(provider) == [("POST", WEBHOOK)]


def test_after_a_quarter_of_an_hour_the_reply_is_a_message(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    assert send(deps, instance, answering(deps.now(), minutes=-0.1)) == SENT
    assert calls(provider) == [("POST", f"/channels/{CHANNEL}/messages")]


@pytest.mark.parametrize(("bot_token", "instance_id"), [("MTk4.newer", "i1"), (TOKEN, "i2")])
def test_a_token_that_another_bot_or_instance_sealed_is_of_no_use(
    deps: Deps, instance: Instance, provider: Stub, bot_token: str, instance_id: str
) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    assert send(deps, instance, answering(deps.now(), bot_token=bot_token, instance_id=instance_id)) == SENT
    assert calls(provider) == [("POST", f"/channels/{CHANNEL}/messages")]


@pytest.mark.parametrize(
    "dead",
    [
        Reply(404, {"message": "Unknown Webhook", "code": 10015}),
        Reply(404, {"message": "Unknown Message", "code": 10008}),
        Reply(401, {"message": "Invalid Webhook Token", "code": 50027}),
        Reply(404, text=""),
    ],
)
@pytest.mark.parametrize("thinking", [True, False])
def test_a_token_that_died_early_is_not_called_again(
    deps: Deps, instance: Instance, provider: Stub, dead: Reply, thinking: bool
) -> None:
    provider.on("GET", "/messages/@original$", original(1 << 7))
    for method in ("PATCH", "POST"):
        provider.on(method, WEBHOOK, dead)
    provider.on("POST", CREATE, Reply(json=CREATED))
    assert send(deps, instance, answering(deps.now(), thinking=thinking)) == SENT
    assert calls(provider)[-1] == ("POST", f"/channels/{CHANNEL}/messages")


def test_filling_the_promised_message_may_be_done_twice(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/messages/@original$", original(1 << 7))
    provider.on("PATCH", "/messages/@original$", Reply(json=CREATED))
    provider.on("PATCH", "/messages/@original$", Reply(drop=True), times=1)
    assert send(deps, instance, answering(deps.now())) == SENT


def test_following_it_may_not(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", f"{WEBHOOK}$", Reply(drop=True))
    with pytest.raises(OutcomeUnknown) as caught:
        send(deps, instance, answering(deps.now(), thinking=False))
    assert len(provider.requests) == 1
    assert "A_UNIQUE_TOKEN" not in f"{caught.value}{caught.value.__cause__}"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("broken", [None, {}, {"interaction": None}, {"interaction": {"token": "x"}}])
def test_a_context_of_something_else_is_no_token(
    deps: Deps, instance: Instance, provider: Stub, broken: dict[str, Any] | None
) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    assert send(deps, instance, to_channel(context=broken or {})) == SENT


def reaction(emoji: str, message: str = f"{CHANNEL}:77") -> OutboxPayload:
    return to_channel(None, reaction=ReactionTo(external_message_id=message, emoji=emoji))


def test_a_reaction_is_put_and_taken_back(deps: Deps, instance: Instance, provider: Stub) -> None:
    reactions = [
        {"emoji": {"id": None, "name": "👍"}, "me": True, "count": 1},
        {"emoji": {"id": "41", "name": "LUL"}, "me": True, "count": 2},
        {"emoji": {"id": None, "name": "🔥"}, "me": False, "count": 1},
    ]
    provider.on("GET", f"/channels/{CHANNEL}/messages/77$", Reply(json={"id": "77", "reactions": reactions}))
    provider.on("PUT", "/reactions/", Reply(204, text=""))
    provider.on("DELETE", "/reactions/", Reply(204, text=""))
    for emoji in ("👍", ""):
        assert send(deps, instance, reaction(emoji)) == Sent(external_message_id=None)
    path = f"/channels/{CHANNEL}/messages/77"
    assert calls(provider) == [
        ("PUT", f"{path}/reactions/👍/@me"),
        ("GET", path),
        ("DELETE", f"{path}/reactions/👍/@me"),
        ("DELETE", f"{path}/reactions/LUL:41/@me"),
    ]


@pytest.mark.parametrize("message", ["interaction:77", "77", "../x:77"])
def test_only_a_message_can_be_reacted_to(deps: Deps, instance: Instance, provider: Stub, message: str) -> None:
    with pytest.raises(ProviderRejected, match="not one of Discord's"):
        send(deps, instance, reaction("👍", message))
    assert provider.requests == []


def test_styled_text_is_markdown_and_what_is_no_mark_is_escaped(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", CREATE, Reply(json=CREATED))
    send(deps, instance, to_channel("hi 2*3*4", spans=[Span(style="bold", start=0, end=2)]))
    assert provider.requests[0].json["content"] == r"**hi** 2\*3\*4"
