"""The domain's pure rules, each with all that it distinguishes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain import storable
from shared.domain.accounts import Role
from shared.domain.calls import CallState, later_state
from shared.domain.campaigns import accepts_campaigns
from shared.domain.consent_words import LONGEST
from shared.domain.customers import Customer, Identity, Survey
from shared.domain.inbound import MessageReceived, Sender
from shared.domain.instance_options import FASTEST, MOST_ANSWERS, MOST_HUMAN_PAUSE, PER_MINUTE, HubOptions
from shared.domain.kinds import MessageKind
from shared.domain.messages import MOST_VERSIONS, Attachment, MessageStatus, later_status, media_id, phones
from shared.domain.ratings import SURVEY_TEXT, survey_score, survey_text
from shared.domain.shown_text import misleads
from tests.documents import a_message

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
STATUSES = ("pending", "sending", "failed", "sent", "dead", "delivered", "read")
"""What is sent, in the order in which it goes on."""


@pytest.mark.parametrize(("current", "reported"), list(product(STATUSES, STATUSES)))
def test_a_receipt_moves_a_status_forward_alone(current: str, reported: str) -> None:
    later = max(current, reported, key=STATUSES.index)
    assert later_status(MessageStatus(current), MessageStatus(reported)).value == later


@pytest.mark.parametrize("reported", STATUSES)
def test_what_was_received_stays_so(reported: str) -> None:
    assert later_status(MessageStatus.RECEIVED, MessageStatus(reported)) is MessageStatus.RECEIVED


@pytest.mark.parametrize(("current", "reported"), list(product(range(3), range(3))))
def test_a_call_goes_forward_alone(current: int, reported: int) -> None:
    states = (CallState.RINGING, CallState.LIVE, CallState.ENDED)
    assert later_state(states[current], states[reported]) is states[max(current, reported)]


def _customer(**fields: Any) -> Customer:
    return Customer(id="c", tenant_id="t", created_at=NOW, updated_at=NOW, **fields)


@pytest.mark.parametrize(
    "fields",
    [{"opted_out": True}, {"merged_into": "d"}]
    + [{"tags": ["vip", tag]} for tag in ("opted_out", "opted-out", "opt_out", "opt-out", "unsubscribed", " Opt-Out ")],
)
def test_who_opted_out_gets_no_campaign(fields: dict[str, Any]) -> None:
    assert not accepts_campaigns(_customer(**fields))


def test_everybody_else_gets_campaigns() -> None:
    assert accepts_campaigns(_customer(tags=["vip", "opted in"]))


def _answer(**fields: Any) -> MessageReceived:
    whole: dict[str, Any] = {
        "external_message_id": "m",
        "external_conversation_id": "5",
        "chat_key": "5",
        "sender": Sender(external_user_id="5", keys=("5",)),
        "kind": MessageKind.TEXT,
        "text": "4",
        "sent_at": NOW,
    }
    return MessageReceived(**(whole | fields))


def _surveyed_person(**fields: Any) -> Identity:
    whole: dict[str, Any] = {
        "id": "i",
        "tenant_id": "t",
        "instance_id": "x",
        "external_user_id": "5",
        "customer_id": "c",
        "survey": Survey(conversation_id="s", until=NOW),
        "created_at": NOW,
    }
    return Identity(**(whole | fields))


@pytest.mark.parametrize("text", ["1", "5", " 3\n"])
def test_a_digit_answers_a_survey(text: str) -> None:
    assert survey_score(_surveyed_person(), _answer(text=text), NOW) == int(text)


@pytest.mark.parametrize(
    "fields",
    [{"text": text} for text in ("0", "6", "4!", "", None)]
    + [{"from_me": True}, {"is_history": True}, {"is_group": True}, {"kind": MessageKind.IMAGE}],
)
def test_nothing_else_does(fields: dict[str, Any]) -> None:
    assert survey_score(_surveyed_person(), _answer(**fields), NOW) is None


def test_no_survey_is_answered_that_was_not_asked_or_is_over() -> None:
    assert survey_score(_surveyed_person(survey=None), _answer(), NOW) is None
    assert survey_score(_surveyed_person(conversation_id="s"), _answer(), NOW) is None
    assert survey_score(_surveyed_person(), _answer(), NOW + timedelta(microseconds=1)) is None


def test_the_question_is_the_owners_else_the_usual_one() -> None:
    assert survey_text(HubOptions.of({})) == SURVEY_TEXT
    assert survey_text(HubOptions.of({"csat_text": "x" * 1001})) == "x" * 1000
    assert survey_text(HubOptions.of({"csat": False, "csat_text": "Happy?"})) is None


@pytest.mark.parametrize(
    ("config", "option", "value"),
    [
        ({"phone_number": "+49"}, "phone_number", "+49"),
        ({"phone_number": 49}, "phone_number", None),
        ({"resend_unknown": True}, "resend_unknown", True),
        ({"resendUnknown": True}, "resend_unknown", True),
        ({"resend_unknown": "yes"}, "resend_unknown", False),
        ({"resend_unknown": False, "resendUnknown": True}, "resend_unknown", False),
        ({"pace_per_second": 0}, "pace_per_second", 0.0),
        ({"pacePerSecond": FASTEST}, "pace_per_second", float(FASTEST)),
        ({"pace_per_second": None}, "pace_per_second", None),
        ({"answerFormat": " plain "}, "answer_format", "plain"),
        ({"answer_format": " "}, "answer_format", None),
        ({"answer_format": 7}, "answer_format", None),
        ({"parse_mode": "HTML"}, "parse_mode", True),
        ({"csat": " OFF "}, "csat", False),
        ({"csat": "no"}, "csat", False),
        ({"csat": 0}, "csat", False),
        ({"csat": False}, "csat", False),
        ({"csat": ""}, "csat", True),
        ({"csatText": " Happy? "}, "csat_text", "Happy?"),
        ({"repliesPerSecond": 2}, "replies_per_second", 2.0),
        ({"growingAnswers": True}, "growing_answers", True),
        ({"growing_answers": "yes"}, "growing_answers", False),
        ({"readMarks": True}, "read_marks", True),
        ({"read_marks": 1}, "read_marks", False),
        ({"groups": "all"}, "groups", "all"),
        ({"groups": "addressed"}, "groups", "addressed"),
        ({"groups": False}, "groups", "none"),
        ({"groups": True}, "groups", "addressed"),
        ({"groups": None}, "groups", "addressed"),
        ({"humanPauseMinutes": 0}, "human_pause_minutes", 0),
        ({"human_pause_minutes": MOST_HUMAN_PAUSE}, "human_pause_minutes", MOST_HUMAN_PAUSE),
        ({"human_pause_minutes": None}, "human_pause_minutes", None),
        ({"messagesPerMinute": 0}, "messages_per_minute", 0),
        ({"messages_per_minute": MOST_ANSWERS}, "messages_per_minute", MOST_ANSWERS),
        ({"messages_per_minute": None}, "messages_per_minute", PER_MINUTE),
        ({"optOutWords": ["x" * LONGEST]}, "opt_out_words", ["x" * LONGEST]),
        ({"optInWords": []}, "opt_in_words", []),
        ({"opt_in_words": None}, "opt_in_words", None),
    ],
)
def test_an_option_may_be_written_in_many_ways(config: dict[str, Any], option: str, value: object) -> None:
    assert getattr(HubOptions.of(config), option) == value


@pytest.mark.parametrize("pace", [True, "5", -1, FASTEST + 1])
def test_a_pace_that_is_none_is_refused(pace: object) -> None:
    with pytest.raises(ValidationError):
        HubOptions.of({"pace_per_second": pace})


@pytest.mark.parametrize(
    ("option", "values", "sentence"),
    [
        ("groups", ["none", "everybody", 1], 'give "addressed", "all" or false'),
        ("human_pause_minutes", [-1, MOST_HUMAN_PAUSE + 1, True, 1.5, "5"], "give a whole number of minutes from 0"),
        ("messages_per_minute", [-1, MOST_ANSWERS + 1, True, 1.5, "5"], "give a whole number from 0"),
        ("opt_out_words", ["STOP", [""], ["x" * (LONGEST + 1)], [1]], "give a list of words of up to"),
        ("opt_in_words", ["START", [""], ["x" * (LONGEST + 1)], [1]], "give a list of words of up to"),
    ],
)
def test_an_option_that_cannot_be_used_says_what_to_give(option: str, values: list[object], sentence: str) -> None:
    for value in values:
        with pytest.raises(ValidationError, match=sentence):
            HubOptions.of({option: value})


@pytest.mark.parametrize(
    ("config", "markdown"),
    [
        ({}, True),
        ({"parse_mode": "HTML"}, False),
        ({"answer_format": "plain"}, False),
        ({"answer_format": "markdown", "parse_mode": "HTML"}, True),
    ],
)
def test_an_answer_is_markdown_unless_its_writer_wrote_something_else(config: dict[str, Any], markdown: bool) -> None:
    assert HubOptions.of(config).may_be_markdown is markdown


@pytest.mark.parametrize("text", ["a\0", "a\n", "a\x7f", "\ud800", "a\u2028b", "a\u2029b", "a\u200fb", "\u2066a"])
def test_a_name_that_shows_as_another_misleads(text: str) -> None:
    assert misleads(text)


@pytest.mark.parametrize("text", ["", "Café №7", "ไทย", "שלום", "👩‍💻"])
def test_a_name_in_any_writing_does_not(text: str) -> None:
    assert not misleads(text)


def test_what_is_a_file_has_an_id_for_its_content() -> None:
    files = {MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT, MessageKind.STICKER}
    for kind in MessageKind:
        assert media_id("m", 2, Attachment(type=kind)) == ("m-2" if kind in files else None)


@pytest.mark.parametrize(
    ("extra", "numbers"),
    [
        ({"phones": ["+1", 2]}, ["+1", "2"]),
        ({"phones": [], "phone_number": "+3"}, ["+3"]),
        ({"phones": "+4", "phone_number": "+3"}, ["+4"]),
        ({}, []),
    ],
)
def test_a_contact_has_several_numbers_or_one(extra: dict[str, Any], numbers: list[str]) -> None:
    assert phones(Attachment(type=MessageKind.CONTACT, extra=extra)) == numbers


def _nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [None, True, 1.5, math.pi, 2**63 - 1, -(2**63), "ü", [1, {"a": [2]}], {"a" * 1500: 1}, {"__a": 1}, _nested(16)],
)
def test_every_store_keeps(value: object) -> None:
    storable.check_storable(value)
    storable.check_readable(value)


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**63, -(2**63) - 1, {"\0": 1}, ["\0"], _nested(17)])
def test_nobody_reads(value: object) -> None:
    for check in (storable.check_readable, storable.check_storable):
        with pytest.raises(ValueError, match=r"must|nested"):
            check(value)


@pytest.mark.parametrize("value", [[[1]], {"": 1}, {"a" * 1501: 1}, {"ü" * 751: 1}, {"__a__": 1}, {"a": {"__b__": 1}}])
def test_some_store_would_not_keep(value: object) -> None:
    storable.check_readable(value)
    with pytest.raises(ValueError, match="must"):
        storable.check_storable(value)


def test_there_is_an_end_to_what_is_kept() -> None:
    storable.check_storable("x" * 1022, kilobytes=1)
    with pytest.raises(ValueError, match="shorter than 1 kB"):
        storable.check_storable("x" * 1023, kilobytes=1)


def test_a_role_covers_itself_and_what_is_less() -> None:
    order = [Role.OWNER, Role.ADMIN, Role.AGENT, Role.VIEWER]
    for higher, lower in product(range(4), range(4)):
        assert order[higher].covers(order[lower]) is (higher <= lower)
        assert order[higher].within(order[lower]) is order[max(higher, lower)]


def test_an_instance_that_says_nothing_of_automatic_answers_gives_twenty_an_hour() -> None:
    answers = [HubOptions.of(config).automatic_answers_per_hour for config in ({}, _answers_an_hour(None))]
    assert answers == [20, 20]


@pytest.mark.parametrize("number", [1, MOST_ANSWERS])
def test_an_instance_may_say_how_many_automatic_answers_it_gives(number: int) -> None:
    assert HubOptions.of(_answers_an_hour(number)).automatic_answers_per_hour == number


@pytest.mark.parametrize("number", [0, -1, MOST_ANSWERS + 1, 2.5, True, "20"])
def test_a_number_of_automatic_answers_that_cannot_be_is_refused(number: object) -> None:
    with pytest.raises(ValidationError, match=f"give a whole number from 1 to {MOST_ANSWERS}"):
        HubOptions.of(_answers_an_hour(number))


def _answers_an_hour(number: object) -> dict[str, object]:
    return {"automatic_answers_per_hour": number}


@pytest.mark.parametrize("attachments", [None, [], [Attachment(type=MessageKind.DOCUMENT, url="https://b.example")]])
def test_an_edit_keeps_what_the_message_said(attachments: list[Attachment] | None) -> None:
    former = [Attachment(type=MessageKind.IMAGE, url="https://a.example")]
    message = a_message(text="first", attachments=former)
    message.edit("second", attachments, NOW)
    assert (message.text, message.edited_at) == ("second", NOW)
    assert message.attachments == (former if attachments is None else attachments)
    [version] = message.versions
    assert (version.text, version.replaced_at) == ("first", NOW)
    assert version.attachments == ([] if attachments is None else former)


def test_a_message_keeps_only_its_latest_versions() -> None:
    message = a_message(text="0")
    for number in range(1, MOST_VERSIONS + 3):
        message.edit(str(number), None, NOW)
    assert [version.text for version in message.versions] == [str(number) for number in range(2, MOST_VERSIONS + 2)]
