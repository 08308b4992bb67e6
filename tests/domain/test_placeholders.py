"""What campaigns say to each customer, and when they may say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain import placeholders
from shared.domain.campaign_rules import CampaignCap, QuietHours, with_message
from shared.domain.countries import zones_of
from shared.domain.customers import Customer
from shared.domain.outbox import Template

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def _customer(**fields: Any) -> Customer:
    return Customer(id="c", tenant_id="t", created_at=NOW, updated_at=NOW, **fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello {{name}}", "Hello Ann Lee"),
        ("Hello {{ first_name }}!", "Hello Ann!"),
        ("{{email|no mail}}, {{phone}}", "no mail, +49151"),
        ("from {{custom.home town|your town}}", "from Bonn"),
        ("{{custom.visits}} visits, {{custom.pets|no}} pets", "0 visits, no pets"),
        ("100 % {off}", "100 % {off}"),
        ("{{name|}}{{email|}}", "Ann Lee"),
        ("{{language|en}}", "en"),
    ],
)
def test_placeholders_are_filled_from_the_customer(text: str, expected: str) -> None:
    customer = _customer(name="Ann Lee", phone="+49151", custom_fields={"home town": "Bonn", "visits": 0})
    assert placeholders.fault(text) is None
    assert placeholders.filled(text, customer) == expected


def test_what_a_value_says_is_not_filled_again() -> None:
    assert placeholders.filled("Hello {{name}}", _customer(name="{{email|x}}")) == "Hello {{email|x}}"


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(placeholders.ValueMissing, match=r"custom\.city"):
        placeholders.filled("Hello {{name|you}} in {{custom.city}}", _customer(custom_fields={"city": " "}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{1}}", "is for templates"),
        ("{{nmae}}", "did you mean {{name}}?"),
        ("{{city}}", "custom.<field>"),
        ("{{custom.}}", "unknown placeholder"),
        ("{{}}", "unknown placeholder"),
        ("Hello {{name", "not closed"),
        ("Hello {{name}", "not closed"),
    ],
)
def test_a_placeholder_that_nobody_could_fill_is_a_fault(text: str, reason: str) -> None:
    assert reason in (placeholders.fault(text) or "")


@pytest.mark.parametrize(
    ("clock", "end"),
    [("20:59", None), ("21:00", "08:00"), ("23:30", "08:00"), ("07:59", "08:00"), ("08:00", None), ("12:00", None)],
)
def test_quiet_hours_go_over_midnight(clock: str, end: str | None) -> None:
    hour, minute = map(int, clock.split(":"))
    at = datetime(2026, 11, 21, hour, minute, 30, tzinfo=UTC)
    until = QuietHours(start="21:00", end="08:00").end_at(at)
    assert (f"{until:%H:%M}" if until else None) == end
    assert until is None or timedelta(0) < until - at <= timedelta(hours=11)


def test_quiet_hours_are_those_of_their_zone() -> None:
    quiet = QuietHours(start="21:00", end="08:00", zone="America/Sao_Paulo")
    assert quiet.end_at(NOW) == datetime(2026, 11, 21, 11, tzinfo=UTC)
    assert quiet.end_at(NOW, "Europe/Berlin") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "8", "end": "09:00"},
        {"start": "24:00", "end": "09:00"},
        {"start": "09:00", "end": "09:00"},
        {"start": "08:00", "end": "20:01"},
        {"start": "08:00", "end": "09:00", "zone": "Mars/Olympus"},
        {"start": "08:00", "end": "09:00", "zone": "../etc/passwd"},
        {"start": "08:00", "end": "09:00", "zone": ""},
    ],
)
def test_quiet_hours_that_cannot_be_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        QuietHours.model_validate(wrong)


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+5511988887777", ["America/Sao_Paulo"]),
        ("4915112345678", ["Europe/Berlin"]),
        ("+16505551234", ["America/Los_Angeles"]),
        ("ann@example.com", []),
        ("", []),
    ],
)
def test_a_number_tells_its_time_zones(number: str, zones: list[str]) -> None:
    assert zones_of(number) == zones


def test_a_cap_counts_the_messages_of_its_days_alone() -> None:
    sent_at = [NOW - timedelta(days=8), NOW - timedelta(days=6), NOW - timedelta(days=1)]
    assert CampaignCap(messages=2, days=7).is_reached(sent_at, NOW)
    assert not CampaignCap(messages=3, days=7).is_reached(sent_at, NOW)
    assert not CampaignCap(messages=2, days=6).is_reached(sent_at, NOW)


def test_times_that_no_cap_counts_are_forgotten() -> None:
    sent_at = [NOW - timedelta(days=91), NOW - timedelta(days=89)]
    assert with_message(sent_at, NOW) == [NOW - timedelta(days=89), NOW]


def test_what_fills_a_template_is_one_line() -> None:
    customer = _customer(name="Ann\nLee", custom_fields={"address": "5 High St\r\n\tBonn     Germany"})
    template = Template(
        name="sale",
        language="en",
        parameters=["{{first_name}}", "to {{custom.address}}"],
        named_parameters={"who": "{{name}}"},
        header={"type": "text", "text": "{{name}}"},
    )
    filled = placeholders.filled_template(template, customer)
    assert filled.parameters == ["Ann", "to 5 High St Bonn Germany"]
    assert (filled.named_parameters, filled.header) == ({"who": "Ann Lee"}, {"type": "text", "text": "Ann Lee"})
