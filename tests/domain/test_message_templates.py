"""What a provider refuses in a new template, and what fits the places of one that it keeps."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.kinds import TemplateStatus
from shared.domain.message_templates import (
    ButtonContent,
    MessageTemplate,
    TemplateContent,
    faults,
    mismatch,
    parameter_format,
)
from shared.domain.outbox import Template
from tests.documents import MOMENT

BODY = "Hello {{1}}, your order {{2}} is here."
EXAMPLES = {"1": "Ann", "2": "A-7"}
URL = {"type": "url", "text": "Track", "url": "https://shop.example/{{1}}"}


def _content(**fields: Any) -> TemplateContent:
    return TemplateContent.model_validate({"body": "Hello."} | fields)


def _faults(**fields: Any) -> list[str]:
    """The fields at fault."""
    return list(faults("order_1", "pt_BR", "utility", _content(**fields)))


def _template(content: TemplateContent, **fields: Any) -> MessageTemplate:
    moments = {"created_at": MOMENT, "updated_at": MOMENT}
    names = {"id": "1", "tenant_id": "t1", "instance_id": "i1", "name": "order", "language": "de"}
    status = {"category": "utility", "status": TemplateStatus.APPROVED, "content": content}
    return MessageTemplate.model_validate(names | moments | status | fields)


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (("order_1", "pt_BR", "utility"), []),
        (("a" * 512, "en", "marketing"), []),
        (("a" * 513, "en", "marketing"), ["name"]),
        (("Order", "en", "utility"), ["name"]),
        (("", "en", "utility"), ["name"]),
        (("order", "pt-BR", "utility"), ["language"]),
        (("order", "", "utility"), ["language"]),
        (("order", "en", "authentication"), ["category"]),
        (("order", "en", "other"), ["category"]),
        (("Order", "xx", "other"), ["name", "language", "category"]),
    ],
)
def test_name_language_and_category_are_those_of_the_provider(
    arguments: tuple[str, str, str], fields: list[str]
) -> None:
    assert list(faults(*arguments, _content())) == fields


def test_why_a_login_code_cannot_be_a_template_is_said() -> None:
    assert "the provider's own" in faults("a", "en", "authentication", _content())["category"]


@pytest.mark.parametrize(
    ("body", "examples", "fault"),
    [
        ("x" * 1024, {}, None),
        ("  x  ", {}, None),
        (" ", {}, "is empty"),
        ("x" * 1025, {}, "1024"),
        (BODY, EXAMPLES, None),
        ("Hello {{2}} and {{1}} there", EXAMPLES, None),
        ("Hello {{1}}, {{1}} there", {"1": "Ann"}, None),
        ("{{1}} hello", EXAMPLES, "begin or end"),
        ("hello {{1}}", EXAMPLES, "begin or end"),
        ("Hello {{1}} and {{3}}!", {"1": "a", "3": "c"}, "without a gap"),
        ("Hello {{2}}!", EXAMPLES, "without a gap"),
        ("Hello {{first_name}}!", {"first_name": "Ann"}, None),
        ("Hello {{Name}}!", {"Name": "Ann"}, "some have numbers"),
        ("Hello {{1}} and {{name}}!", {"1": "a", "name": "b"}, "some have numbers"),
        ("Hello {{ name !", {}, "begins no place"),
        ("Hello {{1}} {{ x!", {"1": "a"}, "begins no place"),
        (BODY, {"1": "Ann"}, "needs an example for 2"),
        (BODY, {"1": "Ann", "2": " "}, "needs an example for 2"),
        (BODY, {}, "needs an example for 1, 2"),
    ],
)
def test_a_body_is_as_the_provider_wants_it(body: str, examples: dict[str, str], fault: str | None) -> None:
    refused = faults("order_1", "pt_BR", "utility", _content(body=body, examples=examples))
    assert list(refused) == (["body"] if fault else [])
    assert (fault or "") in refused.get("body", "")


@pytest.mark.parametrize(
    ("header", "is_fine"),
    [
        (None, True),
        ({"type": "text", "text": "x"}, True),
        ({"type": "text", "text": "x" * 60}, True),
        ({"type": "text", "text": "x" * 61}, False),
        ({"type": "text", "text": "  "}, False),
        ({"type": "text"}, False),
        ({"type": "text", "text": "Order {{1}}"}, True),
        ({"type": "text", "text": "Order {{1}} {{2}}"}, False),
        ({"type": "text", "text": "Order {{3}}"}, False),
        ({"type": "image"}, False),
    ],
)
def test_a_header_is_one_line_with_one_place(header: dict[str, str] | None, is_fine: bool) -> None:
    assert _faults(header=header, examples=EXAMPLES) == ([] if is_fine else ["header"])


@pytest.mark.parametrize(
    ("footer", "is_fine"), [(None, True), ("x" * 60, True), ("x" * 61, False), (" ", False), ("Bye {{1}}", False)]
)
def test_a_footer_is_short_and_has_no_places(footer: str | None, is_fine: bool) -> None:
    assert _faults(footer=footer) == ([] if is_fine else ["footer"])


@pytest.mark.parametrize(
    ("button", "is_fine"),
    [
        ({"type": "quick_reply", "text": "x" * 25}, True),
        ({"type": "quick_reply", "text": "x" * 26}, False),
        ({"type": "quick_reply", "text": " "}, False),
        ({"type": "quick_reply", "text": "{{1}}"}, False),
        ({"type": "flow", "text": "Go"}, False),
        (URL, True),
        (URL | {"url": "https://shop.example"}, True),
        (URL | {"url": "https://" + "x" * 1992}, True),
        (URL | {"url": "https://" + "x" * 1993}, False),
        (URL | {"url": None}, False),
        (URL | {"url": "shop.example"}, False),
        (URL | {"url": "https://{{1}}"}, False),
        (URL | {"url": "https://shop.example/{{1}}/a"}, False),
        (URL | {"url": "https://shop.example/{{2}}"}, False),
        (URL | {"url": "https://shop.example/{{2}}{{1}}"}, False),
        ({"type": "phone_number", "text": "Call", "phone_number": "+5511999998888"}, True),
        ({"type": "phone_number", "text": "Call", "phone_number": "12345"}, True),
        ({"type": "phone_number", "text": "Call", "phone_number": "1234"}, False),
        ({"type": "phone_number", "text": "Call"}, False),
    ],
)
def test_a_button_is_as_its_type_wants_it(button: dict[str, Any], is_fine: bool) -> None:
    fine = {"type": "quick_reply", "text": "Yes"}
    assert _faults(buttons=[fine, button]) == ([] if is_fine else ["buttons"]), "the second one is looked at, too"


def test_a_template_has_ten_buttons_at_the_most() -> None:
    buttons = [{"type": "quick_reply", "text": "Yes"}] * 11
    assert (_faults(buttons=buttons[:10]), _faults(buttons=buttons)) == ([], ["buttons"])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"body": BODY}, "positional"),
        ({"body": "Hello {{name}}."}, "named"),
        ({"body": "Hello.", "header": {"type": "text", "text": "For {{name}}"}}, "named"),
        ({"body": "Hello."}, "positional"),
    ],
)
def test_places_have_numbers_or_names(content: dict[str, Any], expected: str) -> None:
    assert parameter_format(_content(**content)) == expected


def test_only_what_is_approved_may_be_sent_and_else_the_reason_is_told() -> None:
    assert _template(_content()).refusal is None
    paused = _template(_content(), status=TemplateStatus.PAUSED, reason="low quality")
    assert paused.refusal == "the template order (de) is paused: low quality"
    assert _template(_content(), status=TemplateStatus.PAUSED).refusal == "the template order (de) is paused"


@pytest.mark.parametrize(
    ("filling", "message"),
    [
        ({"parameters": ["Ann", "A-7"]}, None),
        ({"parameters": ["Ann"]}, "2 places in its text, and parameters has 1"),
        ({"parameters": ["Ann", "A-7", "x"]}, "2 places in its text, and parameters has 3"),
        ({"parameters": ["Ann", "A-7"], "named_parameters": {"name": "Ann"}}, "2 places"),
        ({"parameters": ["Ann", "A-7"], "header": {"type": "text", "text": "x"}}, "no place in its header"),
    ],
)
def test_every_place_with_a_number_is_filled_and_nothing_else(filling: dict[str, Any], message: str | None) -> None:
    _assert_mismatch(_template(_content(body=BODY)), filling, message)


def test_one_place_is_not_called_places() -> None:
    _assert_mismatch(_template(_content(body="Hello {{1}}.")), {}, "has 1 place in its text, and parameters has 0")


@pytest.mark.parametrize(
    ("filling", "message"),
    [
        ({"named_parameters": {"name": "Ann", "order": "A-7"}}, None),
        ({"named_parameters": {"name": "Ann"}}, "exactly name, order"),
        ({"named_parameters": {"name": "Ann", "order": "A-7", "day": "x"}}, "exactly name, order"),
        ({"named_parameters": {"name": "Ann", "order": "A-7"}, "parameters": ["Ann"]}, "exactly name, order"),
        ({"parameters": ["Ann", "A-7"]}, "exactly name, order"),
    ],
)
def test_every_place_with_a_name_is_filled_and_nothing_else(filling: dict[str, Any], message: str | None) -> None:
    named = _template(_content(body="Hello {{name}}: {{order}}."), parameter_format="named")
    _assert_mismatch(named, filling, message)


@pytest.mark.parametrize(
    ("header", "filled", "message"),
    [
        (None, None, None),
        (None, "image", "has no place in its header"),
        ({"type": "text", "text": "News"}, None, None),
        ({"type": "text", "text": "News"}, "text", "has no place in its header"),
        ({"type": "text", "text": "For {{1}}"}, "text", None),
        ({"type": "text", "text": "For {{1}}"}, None, "needs a header of type text"),
        ({"type": "image"}, "image", None),
        ({"type": "image"}, "video", "needs a header of type image"),
        ({"type": "image"}, None, "needs a header of type image"),
        ({"type": "location"}, None, None),
    ],
)
def test_a_header_is_filled_where_it_has_a_place(
    header: dict[str, str] | None, filled: str | None, message: str | None
) -> None:
    _assert_mismatch(_template(_content(header=header)), {"header": filled and {"type": filled}}, message)


def test_the_first_button_whose_address_is_not_filled_is_named() -> None:
    fixed, open_ = ButtonContent(type="url", text="a", url="https://x.example"), ButtonContent.model_validate(URL)
    template = _template(TemplateContent(body="Hello.", buttons=[fixed, open_, open_]))
    filled = {"type": "url", "index": 1, "text": "7"}
    _assert_mismatch(template, {"buttons": [filled, filled | {"index": 2}]}, None)
    _assert_mismatch(template, {"buttons": [filled]}, "the address of button 2")
    _assert_mismatch(template, {"buttons": [filled | {"type": "quick_reply"}]}, "the address of button 1")
    _assert_mismatch(template, {}, "the address of button 1")


def _assert_mismatch(template: MessageTemplate, filling: dict[str, Any], message: str | None) -> None:
    answer = mismatch(template, Template.model_validate({"name": "order", "language": "de"} | filling))
    assert (answer is None) == (message is None), answer
    assert (message or "") in (answer or "")
