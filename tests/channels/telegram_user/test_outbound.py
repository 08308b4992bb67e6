"""What an account sends, over the line that its process holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from shared.channel.connection import Listener
from shared.channel.outbound import Sent
from shared.channels.telegram_user import changes, connection, outbound, presence
from shared.channels.telegram_user.address import canonical
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.gateway import PROVIDER, FileRefused
from shared.channels.telegram_user.outbound import CAPTION_LIMIT
from shared.deps import Deps
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import ProviderRejected, ProviderUnavailable
from tests.channels.parts import send_parts
from tests.channels.telegram_user.telegram import FakeLine, Telegram
from tests.documents import an_instance

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PICTURE = Attachment(type=MessageKind.IMAGE, url="https://x.example/a.png")
INSTANCE = an_instance(PROVIDER)


@pytest.fixture
def telegram(deps: Deps) -> Iterator[Telegram]:
    telegram = Telegram()
    line = FakeLine(telegram, "s", None, Listener(lambda update: None, lambda final, why: None))
    connection.hold(deps, INSTANCE.id, line)
    yield telegram
    connection.drop(deps, INSTANCE.id)


def _send(deps: Deps, **fields: Any) -> Sent:
    defaults: dict[str, Any] = {"message_id": "m1", "external_conversation_id": "5"}
    payload = OutboxPayload(**(defaults | fields))
    return send_parts(outbound, payload, partial(outbound.send, deps, INSTANCE, TelegramUserConfig()))


def test_a_text_goes_where_the_customer_wrote_from(deps: Deps, telegram: Telegram) -> None:
    sent = _send(deps, text="Hello", reply_to="11", context={"access_hash": "-9"})
    (post,) = telegram.sent
    assert (post.chat, post.access_hash, post.text, post.reply_to) == (5, -9, "Hello", 11)
    assert sent.external_message_id == "500"


def test_a_supergroups_message_is_named_with_its_chat(deps: Deps, telegram: Telegram) -> None:
    sent = _send(deps, external_conversation_id="-1001234567890", text="Hello", reply_to="-1001234567890:8")
    assert telegram.sent[0].reply_to == 8
    assert sent.external_message_id == "-1001234567890:500"


def test_the_same_message_has_the_same_number_for_telegram_always(deps: Deps, telegram: Telegram) -> None:
    for message_id in ("m1", "m1", "m2"):
        _send(deps, message_id=message_id, text="x" * 2000, attachments=[PICTURE])
    numbers = [post.nonce for post in telegram.sent]
    assert numbers[:2] == numbers[2:4]
    assert len(set(numbers)) == 4
    assert all(0 < abs(number) < 2**63 for number in numbers)


def test_a_short_text_is_the_files_caption_and_a_long_one_follows(deps: Deps, telegram: Telegram) -> None:
    _send(deps, text="x" * CAPTION_LIMIT, attachments=[PICTURE])
    assert [(post.form, len(post.text)) for post in telegram.sent] == [("file", CAPTION_LIMIT)]
    telegram.sent.clear()
    _send(deps, text="🙂" * (CAPTION_LIMIT // 2 + 1), attachments=[PICTURE])
    assert [(post.form, bool(post.text)) for post in telegram.sent] == [("file", False), ("text", True)]


def test_a_file_that_telegram_cannot_use_is_sent_as_its_link(deps: Deps, telegram: Telegram) -> None:
    telegram.refusals.append(FileRefused(PROVIDER, "WebpageCurlFailed"))
    _send(deps, text="Look", attachments=[PICTURE])
    assert [(post.form, post.text) for post in telegram.sent] == [("text", f"Look\n{PICTURE.url}")]


def test_a_place_and_a_reaction(deps: Deps, telegram: Telegram) -> None:
    spot = Attachment(type=MessageKind.LOCATION, latitude=1.0, longitude=2.0, name="Shop", address="Street")
    _send(deps, text="Here", attachments=[spot])
    assert [post.form for post in telegram.sent] == ["place", "text"]
    telegram.sent.clear()
    sent = _send(deps, reaction=ReactionTo(external_message_id="11", emoji="❤"))
    assert (telegram.sent[0].form, telegram.sent[0].text, telegram.sent[0].reply_to) == ("reaction", "❤", 11)
    assert sent.external_message_id is None
    with pytest.raises(ProviderRejected):
        _send(deps, reaction=ReactionTo(external_message_id="elsewhere", emoji="❤"))


def test_what_was_sent_is_edited_and_deleted_and_what_came_is_read(deps: Deps, telegram: Telegram) -> None:
    payload = OutboxPayload(external_conversation_id="5", text="Hello", context={"access_hash": "-9"})
    config = TelegramUserConfig()
    changes.edit(deps, INSTANCE, config, payload, "11")
    changes.delete(deps, INSTANCE, config, payload, "11")
    presence.mark_read(deps, INSTANCE, config, payload, ["11", "12"])
    asked_for = [(post.form, post.chat, post.access_hash, post.reply_to) for post in telegram.sent]
    assert asked_for == [("edit", 5, -9, 11), ("deletion", 5, -9, 11), ("read", 5, -9, 12)]
    assert telegram.sent[0].text == "Hello"
    with pytest.raises(ProviderRejected):
        changes.delete(deps, INSTANCE, config, payload, "elsewhere")
    with pytest.raises(ProviderUnavailable, match="not logged in"):
        changes.edit(replace(deps, owner="another"), INSTANCE, config, payload, "11")


def test_nothing_to_send_is_refused(deps: Deps, telegram: Telegram) -> None:
    with pytest.raises(ProviderRejected):
        _send(deps)


def test_without_a_line_the_message_waits_and_says_why(deps: Deps, telegram: Telegram) -> None:
    with pytest.raises(ProviderUnavailable, match="not logged in"):
        outbound.send(replace(deps, owner="another"), INSTANCE, TelegramUserConfig(), OutboxPayload(text="Hi"))


@pytest.mark.parametrize(
    ("typed", "address"),
    [(" 5 ", "5"), ("-1001", "-1001"), ("@Ann_Lee", "@ann_lee"), ("Ann", "@ann"), ("https://t.me/Ann", "@ann")],
)
def test_addresses_that_people_type(typed: str, address: str) -> None:
    assert canonical(typed) == address
    assert canonical(address) == address
