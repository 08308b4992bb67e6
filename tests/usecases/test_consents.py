"""What a customer's word changes, and who answers a message of somebody who has opted out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.content import Content
from shared.domain.customers import Identity
from shared.domain.inbound import MessageReceived, Sender
from shared.domain.kinds import Consent, MessageKind
from shared.usecases.ingest import consents
from tests.documents import MOMENT, an_instance

BOT, CALLS = an_instance("telegram_bot"), an_instance("voice")


def _received(text: str | None = "stop", **fields: Any) -> MessageReceived:
    whole: dict[str, Any] = {
        "external_message_id": "m",
        "external_conversation_id": "5",
        "chat_key": "5",
        "sender": Sender(external_user_id="5", keys=("5",)),
        "kind": MessageKind.TEXT,
        "text": text,
        "sent_at": MOMENT,
    }
    return MessageReceived(**(whole | fields))


def _chat(*, opted_out: bool) -> Identity:
    fields: dict[str, Any] = {"id": "d1", "tenant_id": "t1", "instance_id": "i1", "external_user_id": "5"}
    return Identity(**fields, customer_id="p1", created_at=MOMENT, opted_out=opted_out)


@pytest.mark.parametrize(
    ("text", "opted_out", "change"),
    [
        ("stop", False, Consent.OPT_OUT),
        ("stop", True, None),
        ("start", True, Consent.OPT_IN),
        ("start", False, None),
        ("hello", False, None),
    ],
)
def test_a_word_counts_where_it_changes_something(text: str, opted_out: bool, change: Consent | None) -> None:
    assert consents.of(BOT, _chat(opted_out=opted_out), _received(text)) is change


@pytest.mark.parametrize(
    ("subject", "text", "opts_out"),
    [
        ("Unsubscribe", "", True),
        ("Our sale", "STOP\n\nAda\nExample Inc., Lisbon, and much more of a signature", True),
        ("Re: Unsubscribe", "Now I want your mails again", False),
        ("Our sale", "Stop it\n\nSTOP", False),
        (None, None, False),
    ],
)
def test_of_a_mail_the_subject_or_the_first_line_is_the_word(
    subject: str | None, text: str | None, opts_out: bool
) -> None:
    mail = _received(text=text, content=Content(subject=subject))
    change = Consent.OPT_OUT if opts_out else None
    assert consents.of(an_instance("email_ses"), _chat(opted_out=False), mail) is change
    assert consents.of(BOT, _chat(opted_out=False), mail) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"from_me": True},
        {"is_note": True},
        {"is_history": True},
        {"nobody_waits": True},
        {"for_people": True},
        {"is_group": True},
        {"is_shared": True},
        {"reports_consent": True},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_word_counts_only_from_a_customer_who_waits_for_the_machine(fields: dict[str, Any]) -> None:
    assert consents.of(BOT, _chat(opted_out=False), _received(**fields)) is None


def test_nobody_opts_out_of_a_call() -> None:
    assert consents.of(CALLS, _chat(opted_out=False), _received()) is None


def test_nothing_but_a_confirmation_answers_a_change() -> None:
    received = _received()
    assert consents.as_received(BOT, _chat(opted_out=False), received, Consent.OPT_OUT) == replace(
        received, for_people=True, nobody_waits=True, not_routed=True
    )


def test_who_has_not_opted_out_is_answered_as_before() -> None:
    received = _received("hello")
    assert consents.as_received(BOT, _chat(opted_out=False), received, None) is received


@pytest.mark.parametrize(
    ("received", "changes"),
    [
        (_received("hello"), {"for_people": True, "nobody_waits": False}),
        (_received("hello", nobody_waits=True), {"for_people": True}),
        (_received("stop"), {"for_people": True, "nobody_waits": True}),
        (_received("stop", is_group=True), {"for_people": True, "nobody_waits": False}),
        (_received("stop", from_me=True), {}),
        (_received("stop", is_note=True), {}),
        (_received("stop", reports_consent=True), {}),
    ],
    ids=["message", "that nobody answers", "stop again", "in a group", "ours", "note", "told by the provider"],
)
def test_people_alone_answer_who_has_opted_out(received: MessageReceived, changes: dict[str, Any]) -> None:
    assert consents.as_received(BOT, _chat(opted_out=True), received, None) == replace(received, **changes)
