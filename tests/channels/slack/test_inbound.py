"""What is particular to Slack's calls; the normal forms are golden files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk.signature import Clock, SignatureVerifier

from shared.channel.webhook import Webhook
from shared.channelkit.notations import slack_escaped as escaped
from shared.channels.slack import inbound
from shared.channels.slack import webhook as webhook_module
from shared.channels.slack.config import SlackConfig
from shared.channels.slack.mrkdwn import emoji, emoji_name, plain
from shared.config import Settings
from shared.deps import Deps
from shared.domain.content import Press
from shared.domain.inbound import MessageReceived
from shared.domain.instances import Instance
from shared.errors import PayloadInvalid, SignatureInvalid
from tests.channels import golden

FIXTURES = Path(__file__).parent / "fixtures"
FORM = "application/x-www-form-urlencoded"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def fixture(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    return body


def config(**fields: str) -> SlackConfig:
    return SlackConfig.model_validate({"botToken": "xoxb-1", "signingSecret": SECRET} | fields)


class Then(Clock):
    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return golden.RECEIVED_AT.timestamp() + self.seconds


def signed(body: bytes, *, age: int = 0, content_type: str = "application/json", secret: str = SECRET) -> Webhook:
    """A call signed by Slack's own library."""
    sent = str(int(golden.RECEIVED_AT.timestamp()) - age)
    signature = SignatureVerifier(secret).generate_signature(timestamp=sent, body=body)
    assert signature is not None
    headers = {"content-type": content_type, "x-slack-request-timestamp": sent, "x-slack-signature": signature}
    return golden.webhook(body, headers=headers)


def form(fields: dict[str, str]) -> Webhook:
    return signed(urlencode(fields).encode(), content_type=FORM)


def interaction(name: str) -> Webhook:
    return form({"payload": json.dumps(fixture(name))})


def command() -> Webhook:
    return form(fixture("slash_command__in-channel"))


def events(webhook: Webhook) -> list[Any]:
    return [event for part in webhook_module.accept(webhook) for event in inbound.parse(part.payload)]


@pytest.mark.parametrize("body", [b"{}", b"text=ol%C3%A1+&", "é\0".encode(), b""])
def test_what_slacks_library_signs_is_accepted(body: bytes) -> None:
    webhook_module.verify(signed(body), config(), Settings())


@pytest.mark.parametrize("age", [-299, 0, 299])
def test_a_call_may_be_five_minutes_old(age: int) -> None:
    webhook_module.verify(signed(b"{}", age=age), config(), Settings())


@pytest.mark.parametrize("age", [-301, 301, 86_400])
def test_an_older_one_is_a_replay_and_slacks_library_says_so_too(age: int) -> None:
    webhook = signed(b"{}", age=age)
    with pytest.raises(SignatureInvalid, match="five minutes"):
        webhook_module.verify(webhook, config(), Settings())
    assert not SignatureVerifier(SECRET, Then()).is_valid_request(b"{}", dict(webhook.headers))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-slack-request-timestamp", ""),
        ("x-slack-request-timestamp", "-1"),
        ("x-slack-request-timestamp", "1e9"),
        ("x-slack-request-timestamp", "١٢٣٤"),
        ("x-slack-request-timestamp", "9" * 400),
        ("x-slack-signature", ""),
        ("x-slack-signature", "v0="),
        ("x-slack-signature", "v1=" + "0" * 64),
    ],
)
def test_a_broken_header_is_refused(header: str, value: str) -> None:
    webhook = signed(b"{}")
    broken = golden.webhook(b"{}", headers={**webhook.headers, header: value})
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(broken, config(), Settings())


def test_the_raw_form_is_what_is_signed() -> None:
    webhook = command()
    webhook_module.verify(webhook, config(), Settings())
    with pytest.raises(SignatureInvalid, match="SLACK_SIGNING_SECRET"):
        webhook_module.verify(
            golden.webhook(webhook.body + b"&x=1", headers=dict(webhook.headers)), config(), Settings()
        )


def test_the_instances_own_secret_goes_before_the_deployments() -> None:
    deployment = Settings.model_validate({"slack_signing_secret": "of-deployment"})
    webhook_module.verify(signed(b"{}", secret="of-deployment"), SlackConfig(), deployment)
    webhook_module.verify(signed(b"{}"), config(), deployment)
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(signed(b"{}", secret="of-deployment"), config(), deployment)


def test_without_a_secret_production_refuses_all() -> None:
    production = Settings.model_validate({"environment": "production", "jwt_secret": "x" * 32, "webhook_strict": False})
    with pytest.raises(SignatureInvalid, match="set SLACK_SIGNING_SECRET"):
        webhook_module.verify(golden.webhook({}), SlackConfig(), production)


def test_interactions_come_as_a_form_with_json_in_it() -> None:
    (event,) = events(interaction("block_actions__button"))
    assert (event.text, event.content.pressed) == ("Red", Press(title="Red", payload="red"))


def test_slash_commands_come_as_a_form_and_are_dated_by_their_arrival() -> None:
    (event,) = events(command())
    assert (event.text, event.sent_at) == ("where is my order?", golden.RECEIVED_AT)


@pytest.mark.parametrize("body", [b"payload=", b"payload=%5B%5D", b"a=1&" * 200, b"\xff=1", b"payload=%7B"])
def test_a_form_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadInvalid):
        webhook_module.accept(golden.webhook(body, headers={"content-type": FORM}))


def test_no_address_to_answer_without_a_token_is_kept() -> None:
    for webhook in (interaction("block_actions__button"), command()):
        assert "hooks.slack.com" not in json.dumps([part.payload for part in webhook_module.accept(webhook)])


def test_a_message_and_its_mention_are_one_message() -> None:
    first = events(golden.webhook(fixture("message_channel__mention")))
    second = events(golden.webhook(fixture("app_mention__same-message")))
    assert first[0].external_message_id == second[0].external_message_id
    assert first[0].extra != second[0].extra


def test_a_thread_is_handled_in_order_and_one_chat() -> None:
    names = ("message_channel__mention", "message_channel__reply-in-thread", "message_changed__in-channel")
    parts = [part for name in names for part in webhook_module.accept(golden.webhook(fixture(name)))]
    assert len({part.key for part in parts}) == 1
    mention, reply = (inbound.parse(part.payload)[0] for part in parts[:2])
    assert isinstance(mention, MessageReceived)
    assert isinstance(reply, MessageReceived)
    assert mention.chat_key == reply.chat_key
    assert (mention.if_known, reply.if_known) == (False, True)


def answered(deps: Deps, instance: Instance, webhook: Webhook) -> tuple[str, str] | None:
    answer = webhook_module.respond(deps, instance, config(commandAnswer="One moment"), webhook)
    return (answer.body, answer.content_type.partition(";")[0]) if answer else None


def test_slack_gets_the_response_that_it_expects(deps: Deps, instance: Instance) -> None:
    challenge = fixture("url_verification__challenge")
    hello = (challenge["challenge"], "text/plain")
    assert answered(deps, instance, golden.webhook(challenge)) == hello
    assert answered(deps, instance, golden.webhook(fixture("message_im__text"))) is None
    assert answered(deps, instance, interaction("block_actions__button")) == ("", "text/plain")
    response = answered(deps, instance, command())
    assert response is not None
    assert json.loads(response[0]) == {"response_type": "ephemeral", "text": "One moment"}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"type":"url_verification"}', b'{"type":"event_callback"}'])
def test_what_is_no_challenge_gets_no_greeting(body: bytes) -> None:
    assert webhook_module.respond_to_test(golden.webhook(body)) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
        ("<https://a.example|https://a.example> <https://a.example>", "https://a.example https://a.example"),
        ("<mailto:ann@a.example|ann@a.example>", "ann@a.example"),
        ("<@U1> and <@U2|bob>, <#C1|general>, <!here>, <!subteam^S1|@team>", "@U1 and @bob, #general, @here, @team"),
        ("<@U9>: help", "help"),
        ("help <@U9>", "help @U9"),
        ("1 < 2", "1 < 2"),
    ],
)
def test_text_is_read_as_people_see_it(written: str, read: str) -> None:
    assert plain(written, "U9") == read


def test_text_cannot_call_a_channel() -> None:
    assert escaped("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert plain(escaped("<!channel> & <@U1>")) == "<!channel> & <@U1>"


def test_emoji_go_by_name_and_come_by_name() -> None:
    assert emoji_name("👍") == "+1"
    assert emoji_name("❤") == emoji_name("❤️") == "heart"
    assert emoji_name(":party_parrot:") == "party_parrot"
    assert emoji_name("🦄") is None
    assert emoji(emoji_name("👍") or "") == "👍"
    assert emoji("party_parrot") == ":party_parrot:"


def test_a_time_far_away_is_no_message() -> None:
    body = fixture("message_im__text")
    for ts in ("999999999999.000000", "1", "1.", ".1", "-1.0", "1.0e5"):
        body["event"]["ts"] = ts
        (part,) = webhook_module.accept(golden.webhook(body))
        with pytest.raises(PayloadInvalid, match="ts"):
            inbound.parse(part.payload)
