"""What a campaign sends on each channel, to whom, and what customers accept."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.campaigns import Audience, Campaign
from shared.domain.customers import Customer, MessageCount, OptOut, count_message
from shared.domain.instances import ChannelType
from tests.documents import MOMENT

EMAIL, WHATSAPP = ChannelType.EMAIL, ChannelType.WHATSAPP


def _campaign(**fields: Any) -> Campaign:
    moments = {"advanced_at": MOMENT, "created_at": MOMENT, "updated_at": MOMENT}
    return Campaign(
        **({"id": "c1", "tenant_id": "t1", "name": "May", "channels": [EMAIL], "message": "Hi"} | moments | fields)
    )


def _customer(**fields: Any) -> Customer:
    return Customer(**({"id": "p1", "tenant_id": "t1", "created_at": MOMENT, "updated_at": MOMENT} | fields))


@pytest.mark.parametrize(
    ("template", "text"),
    [("Hello!", "Hello!"), (" ", "Hi"), ({"name": "hello"}, "Hi"), (None, "Hi")],
)
def test_the_text_on_a_channel_is_its_own_or_that_of_the_campaign(template: object, text: str) -> None:
    campaign = _campaign(settings=json.dumps({"email": {"template": template}}))
    assert (campaign.text_on(EMAIL), campaign.text_on(WHATSAPP)) == (text, "Hi")


@pytest.mark.parametrize(
    ("settings", "template"),
    [
        ({}, None),
        ({"template": "two words"}, None),
        ({"template": " hello_1 "}, {"name": "hello_1", "language": "en_US"}),
        ({"template": "hello"}, None),
        ({"template": "hello_1", "language": "de"}, {"name": "hello_1", "language": "de"}),
        ({"template": {"name": "hello", "language": "pt_BR"}}, {"name": "hello", "language": "pt_BR"}),
        (
            {"template": {"name": "hello", "language": "de", "header": {"type": "text", "text": "May"}}},
            {"name": "hello", "language": "de", "header": {"type": "text", "text": "May"}},
        ),
        ({"template": {"name": "hello", "language": "de", "header": {"type": "text"}}}, None),
        ({"template": {"language": "de"}}, None),
    ],
)
def test_a_template_is_an_object_or_its_name_in_one_word(settings: object, template: dict[str, Any] | None) -> None:
    sent = _campaign(settings=json.dumps({"whatsapp": settings})).template_on(WHATSAPP)
    assert (sent and sent.model_dump(exclude_defaults=True)) == template


@pytest.mark.parametrize(
    ("customer", "tag"),
    [({"tags": ["a", "b"]}, 0), ({"tags": ["b"]}, 1), ({"tags": ["c"]}, None), ({"id": "listed", "tags": ["a"]}, None)],
)
def test_a_customer_comes_by_the_first_of_their_tags_that_the_audience_has(
    customer: dict[str, Any], tag: int | None
) -> None:
    campaign = _campaign(audience=Audience(tags=["a", "b"], customer_ids=["listed"]))
    assert [number for number in (0, 1) if campaign.comes_to(_customer(**customer), number)] == [
        each for each in [tag] if each is not None
    ]


@pytest.mark.parametrize(
    ("audience", "is_empty"), [({}, True), ({"tags": ["a"]}, False), ({"customer_ids": ["p1"]}, False)]
)
def test_an_audience_is_empty_that_names_nobody(audience: dict[str, list[str]], is_empty: bool) -> None:
    assert Audience(**audience).is_empty is is_empty


def test_each_customer_has_one_message_of_a_campaign() -> None:
    ids = {_campaign(id=campaign).message_id(customer) for campaign in ("c1", "c2") for customer in ("p1", "p2")}
    assert len(ids) == 4
    assert _campaign().message_id("p1") in ids


@pytest.mark.parametrize(
    ("fields", "accepts"),
    [
        ({}, True),
        ({"opted_out": True}, False),
        ({"opt_outs": [OptOut(channel=EMAIL, at=MOMENT)]}, False),
        ({"opt_outs": [OptOut(channel=WHATSAPP, at=MOMENT)]}, True),
        ({"opt_outs": [OptOut(channel=None, at=MOMENT)]}, False),
    ],
)
def test_who_opted_out_of_a_channel_accepts_nothing_there(fields: dict[str, Any], accepts: bool) -> None:
    assert _customer(**fields).accepts(EMAIL) is accepts


@pytest.mark.parametrize(
    ("seconds", "count"),
    [(59, MessageCount(since=MOMENT, number=4)), (60, MessageCount(since=MOMENT + timedelta(minutes=1), number=1))],
)
def test_messages_are_counted_by_minutes_that_begin_with_the_first(seconds: int, count: MessageCount) -> None:
    assert count_message(MessageCount(since=MOMENT, number=3), MOMENT + timedelta(seconds=seconds)) == count


def test_the_first_message_begins_a_count() -> None:
    assert count_message(None, MOMENT) == MessageCount(since=MOMENT, number=1)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "Hi"),
        ({"email": {"text": "Dear"}}, "Dear"),
        ({"email": {"text": "Dear", "template": "may"}}, "Dear"),
        ({"email": {"text": "  ", "template": "may"}}, "may"),
        ({"email": {"text": 7, "template": " "}}, "Hi"),
        ({"email": {"template": {"name": "may", "language": "en"}}}, "Hi"),
        ({"whatsapp": {"text": "Dear"}}, "Hi"),
    ],
)
def test_what_is_said_on_a_channel(settings: dict[str, Any], text: str) -> None:
    assert _campaign(settings=json.dumps(settings)).text_on(EMAIL) == text


def test_the_opt_outs_that_are_shown_are_the_first_of_each_channel() -> None:
    later = MOMENT + timedelta(days=1)
    first, second = OptOut(channel=EMAIL, at=MOMENT), OptOut(channel=EMAIL, at=later)
    everywhere = OptOut(channel=None, at=later)
    assert _customer(opt_outs=[first, second]).shown_opt_outs() == [first]
    assert _customer(opted_out=True, opt_outs=[first]).shown_opt_outs() == [first, OptOut(at=MOMENT)]
    assert _customer(opted_out=True, opt_outs=[everywhere]).shown_opt_outs() == [everywhere]
    assert _customer().shown_opt_outs() == []
