"""What strangers write costs what its length says: no parser takes much longer for it than for plain words.

A parser first has to be quick with 16 kB of each kind of text: one that takes the square of a text's length would keep
this test busy for many minutes with the 128 kB of all kinds that follows.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from functions.omnichat import vocabulary
from functions.omnihub.schemas import InstanceIn
from shared import channels, logs
from shared.answering import external, markdown, pieces
from shared.channel.inbound import InboundModule
from shared.channel.webhook import WebhookModule
from shared.channelkit import jid, notations, payloads, signatures, twilio_webhooks
from shared.channelkit.whatsapp import wire
from shared.channels.email_ses import bodies as mail_bodies
from shared.channels.email_ses import headers, parts, threads
from shared.channels.slack import mrkdwn
from shared.channels.sms_sns import address as sms_address
from shared.channels.whatsapp_cloud import address as cloud_address
from shared.channels.whatsapp_evolution import api, event_names
from shared.config import Settings
from shared.deps import Deps
from shared.domain import routing_language, storable
from shared.errors import HubError
from shared.http import bodies, limits
from shared.outgoing import Answer
from shared.security.addresses import AddressPolicy
from shared.usecases.forge import forge_instances
from shared.usecases.instances import instance_config
from tests.channels import golden
from tests.channels.lines import LINES
from tests.pipeline.hub import Hub

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE
LONG = 128 * KILOBYTE

RATIO = 40
"""How many times as long as plain words a text may take; a parser that takes the square fails by far."""

_SHORTEST = 0.03
"""Seconds a megabyte; a parser that is quicker with plain words is measured as if it took this long."""

# fmt: off
PIECES = (
    "A", "a", "aA1", "0", "_a", "__", ".", "-", " ", "\n", "\n \t", "<", "<a", "<!--", "&#", '"', "'", "(", "[", "](",
    "![", "*a", "~~a", "`", "\\", "@", "a@b,", ";a=", "=?utf-8?q?a", "?token=", "bearer ", "/bot1", "http://", "%",
    "{", "[[", "<@1>", "<@U1|", "--b\n", "begin ", "xn--", "a:", "😀", "\u0301", "\x00", "1e9",
)
# fmt: on


def _mail(head: str, body: str = "") -> Callable[[str], object]:
    def read(text: str) -> object:
        mail = parts.read((head + text + "\r\n\r\n" + body if body else head + text).encode())
        return (
            mail_bodies.body(mail, is_answer=True),
            parts.files(mail),
            headers.addresses(mail, "From"),
            headers.header(mail, "Subject"),
        )

    return read


def _request(name: str, read: Callable[[Request], object]) -> Callable[[str], object]:
    """A server takes no line breaks in a header."""
    return lambda text: read(Request(EnvironBuilder(headers=[(name, " ".join(text.splitlines()))]).get_environ()))


def _answer(text: str) -> Answer:
    return Answer(400, {"retry-after": text}, text.encode())


def _pieces(channel: str, *, is_markdown: bool) -> Callable[[str], object]:
    capabilities = channels.channel(channel).capabilities
    return lambda text: pieces.messages_of(text, capabilities, is_markdown=is_markdown)


def _form(text: str) -> object:
    form = replace(golden.webhook(text.encode()), headers={"content-type": "application/x-www-form-urlencoded"})
    return twilio_webhooks.signature_matches("signature", "token", form)


def _omni_instance(text: str) -> object:
    return forge_instances._items(
        [{"name": text, "status": text, "x": [text], text: 1, "inner": {text: 1}}], lambda item: True
    )


def _phone(text: str) -> object:
    agent = {"agent_api_url": "https://a.example", "agent_api_key": "k", "default_agent": "a"}
    return InstanceIn.model_validate({"name": "n", "phone_number": text} | agent)


_SETTINGS = Settings(environment="production", jwt_secret="s" * 32, trusted_proxies=1)
_POLICY = AddressPolicy(_SETTINGS)

PARSERS: dict[str, Callable[[str], object]] = {
    "a name in a configuration": lambda text: instance_config.split("slack", {text: 1}),
    "a name deep in a configuration": lambda text: instance_config.split("slack", {"a": [{"b": {text: 1}}]}),
    "a value in a configuration": lambda text: instance_config.split("slack", {"a": text, "b": [text]}),
    "a name that an older version stored": instance_config.names_secret,
    "another hub's instances": _omni_instance,
    "field names in an error": vocabulary.camel_case,
    "a line of the log": lambda text: logs.masked({"a": text, text: "b"}),
    "an answer in Markdown": markdown.read,
    "an answer to be cut for Discord": _pieces("discord", is_markdown=True),
    "an answer to be cut for Telegram": _pieces("telegram_bot", is_markdown=False),
    "an answer to be cut for text messages": _pieces("sms_twilio", is_markdown=False),
    "an external agent's answer": lambda text: external._read(replace(_answer(text), status=200)),
    "Evolution's refusal": lambda text: api.failure(Answer(400, {}, json.dumps({"message": [text]}).encode())),
    "a page instead of Evolution": lambda text: (_answer(text).is_page, api.failure(_answer(text))),
    "a pause that was asked for": lambda text: _answer(text).retry_after,
    "a routing condition": routing_language.parse_condition,
    "a phone number": _phone,
    "WhatsApp's address": lambda text: (jid.canonical(text), jid.phone(text)),
    "addresses of text messages": lambda text: (sms_address.canonical(text), twilio_webhooks.number_key(text)),
    "the Cloud API's address": cloud_address.canonical,
    "Slack's notation": lambda text: mrkdwn.plain(text, "U1"),
    "Discord's notation": notations._discord_escaped,
    "a URL": lambda text: _POLICY.check_url(text),
    "a URL's host": lambda text: _POLICY.check_url(f"https://{text}"),
    "a URL's path": lambda text: _POLICY.check_url(f"https://a.example/{text}"),
    "Evolution's values": lambda text: (wire.encoded_bytes(text), wire.integer(text), wire.enum(text, {})),
    "Evolution's events": event_names.canonical,
    "a mail": _mail(""),
    "a mail's text": _mail("From: a@b.example\r\n\r\n"),
    "a mail's HTML": _mail("Content-Type: text/html\r\n\r\n"),
    "a mail's parts": _mail("Content-Type: multipart/mixed; boundary=b\r\n\r\n"),
    "a mail in base64": _mail("Content-Transfer-Encoding: base64\r\n\r\n"),
    "a quoted-printable mail": _mail("Content-Transfer-Encoding: quoted-printable\r\n\r\n"),
    "a uuencoded mail": _mail("Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 666 a\n"),
    "a mail's addresses": _mail("From: ", "x"),
    "a mail's subject": _mail("Subject: ", "x"),
    "a mail's content type": _mail("Content-Type: ", "x"),
    "a mail's disposition": _mail("Content-Disposition: ", "x"),
    "a mail's references": threads.ids,
    "quoted lines": mail_bodies.unquoted,
    "a webhook": lambda text: payloads.json_object("provider", text.encode()),
    "a webhook's values": lambda text: payloads.json_object("provider", json.dumps({"a": text, text: 1}).encode()),
    "a request": lambda text: bodies.read_json(text.encode()),
    "a request's values": lambda text: bodies.read_json(json.dumps({"a": text, text: 1}).encode()),
    "what is stored": lambda text: storable.check_storable({"a": text}),
    "a form": _form,
    "a token": lambda text: signatures.jwt_hs256_matches(text, "key", 1),
    "the addresses of proxies": _request(
        "X-Forwarded-For",
        lambda request: limits.client_address(cast("Deps", SimpleNamespace(settings=_SETTINGS)), request),
    ),
    "a content type": _request("Content-Type", lambda request: request.mimetype),
    "a credential": _request("Authorization", lambda request: request.authorization),
    "a host": _request("Host", lambda request: request.host),
    "an entity tag": _request("If-None-Match", lambda request: request.if_none_match),
    "a user agent": _request("User-Agent", lambda request: request.user_agent),
}


def _seconds(parser: Callable[[str], object], text: str) -> float:
    """The processor time of one reading, without that of the garbage collection, which goes by what others left."""
    gc.disable()
    try:
        before = time.thread_time()
        # The last is what reading a mail that is nested too deep raises.
        with suppress(HubError, ValueError, RecursionError):
            parser(text)
        return time.thread_time() - before
    finally:
        gc.enable()


def _repeated(piece: str, size: int) -> str:
    return (piece * (size // len(piece) + 1))[:size]


def _check(parser: Callable[[str], object], pieces: Sequence[str], size: int = LONG) -> None:
    _compare(parser, [_repeated(piece, 16 * KILOBYTE) for piece in pieces])
    _compare(parser, ["".join(_repeated(piece, size // len(pieces)) for piece in pieces)])


def _compare(parser: Callable[[str], object], hostile_texts: Sequence[str]) -> None:
    """Compare texts of about one length with plain words of that length."""
    length = len(hostile_texts[0])
    plain = max(_seconds(parser, _repeated("plain words ", length)), _SHORTEST * length / MEGABYTE, 0.002)
    for hostile in hostile_texts:
        # Whatever else this machine does, one of three readings is undisturbed.
        is_quick = any(_seconds(parser, hostile) < RATIO * plain for _ in range(3))
        assert is_quick, f"{length} characters that begin with {hostile[:20]!r}"


@pytest.mark.parametrize("name", PARSERS)
def test_a_long_hostile_text_takes_about_as_long_as_plain_words(name: str) -> None:
    _check(PARSERS[name], PIECES)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/channels", {"name": "Bot", "type": "TELEGRAM_BOT"}),
        (
            "/api/v1/instances",
            {"name": "n", "agent_api_url": "https://a.example", "agent_api_key": "k", "default_agent": "a"},
        ),
    ],
)
@pytest.mark.parametrize("names", [["A" * 100_000], ["inner", "A" * 100_000], ["a name"], [""]])
def test_what_is_no_name_is_refused_before_anything_looks_at_it(
    hub: Hub, path: str, body: dict[str, Any], names: list[str]
) -> None:
    config: object = 1
    for name in reversed(names):
        config = {name: config}
    answer = hub.post(path, body | {"config": config}, 400)
    assert "config" in answer["fields"], answer


def _with_each_text(value: Any, text: str) -> Iterator[Any]:
    """The value with one of the texts in it replaced, once for each."""
    if isinstance(value, str):
        yield text
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from ({**value, name: changed} for changed in _with_each_text(item, text))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from ([*value[:number], changed, *value[number + 1 :]] for changed in _with_each_text(item, text))


@pytest.mark.parametrize("name", LINES)
def test_hostile_text_anywhere_in_a_customers_message_takes_about_as_long_as_words(name: str) -> None:
    accept, parse = (
        channels.implementation(name, WebhookModule).accept,
        channels.implementation(name, InboundModule).parse,
    )
    [recording] = [path for path in golden.recordings(name) if path.stem == LINES[name].message]
    payloads = [part.payload for body in golden.bodies(recording) for part in accept(golden.webhook(body))]

    def read_all(text: str) -> None:
        for payload in payloads:
            for changed in _with_each_text(payload, text):
                _seconds(parse, changed)

    _check(read_all, ["A", "<", "(", "<@1>", "a@b,", "\n \t"], 64 * KILOBYTE)


MANY = 8_000
_LISTS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "mentions in a message": (
        "discord",
        lambda count: {
            "t": "MESSAGE_CREATE",
            "d": {
                "id": "1",
                "channel_id": "1",
                "author": {"id": "2"},
                "content": "<@1>" * count,
                "mentions": [{"id": str(number)} for number in range(count)],
            },
        },
    ),
    "choices from a menu": (
        "discord",
        lambda count: {
            "id": "1",
            "application_id": "1",
            "type": 3,
            "token": "t",
            "channel_id": "1",
            "user": {"id": "2"},
            "data": {"custom_id": "c", "values": [f"v{number}" for number in range(count)]},
            "message": {
                "id": "1",
                "components": [{"custom_id": "c", "options": [{"value": f"w{number}"} for number in range(count)]}],
            },
        },
    ),
    "stickers": (
        "facebook",
        lambda count: {
            "sender": {"id": "1"},
            "recipient": {"id": "2"},
            "timestamp": 1_795_000_000_000,
            "message": {"mid": "m", "attachments": [{"type": "image", "payload": {"sticker_id": "1"}}] * count},
        },
    ),
}


@pytest.mark.parametrize("name", _LISTS)
def test_eight_times_as_many_things_in_a_message_take_no_square_of_it(name: str) -> None:
    channel, make = _LISTS[name]
    parse = channels.implementation(channel, InboundModule).parse
    _grows_with_its_length(parse, make)


def test_eight_times_as_many_messages_in_a_call_take_no_square_of_it() -> None:
    def call(count: int) -> Any:
        numbers = [f"4912345{number:06}" for number in range(count)]
        messages = [{"id": number, "from": number} for number in numbers]
        contacts = [{"wa_id": f"+{number}"} for number in numbers]
        value = {"metadata": {"phone_number_id": "1"}, "contacts": contacts, "messages": messages}
        entry = {"changes": [{"field": "messages", "value": value}]}
        return golden.webhook({"object": "whatsapp_business_account", "entry": [entry]})

    _grows_with_its_length(channels.implementation("whatsapp_cloud", WebhookModule).accept, call)


def _grows_with_its_length(parse: Callable[[Any], object], make: Callable[[int], Any]) -> None:
    few, many = make(MANY // 8), make(MANY)
    parse(make(10))
    shortest = max(min(_seconds(parse, few) for _ in range(3)), 0.004)
    assert any(_seconds(parse, many) < 32 * shortest for _ in range(3))
