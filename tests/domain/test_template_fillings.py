"""What fills a template's header and buttons."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.templates import Filling

REPLY = {"type": "quick_reply", "index": 0, "payload": "yes"}
URL = {"type": "url", "index": 1, "text": "orders/42"}
LINK = "https://shop.example/42.pdf"


@pytest.mark.parametrize(
    "filling",
    [
        {},
        {"header": {"type": "text", "text": "May"}},
        {"header": {"type": "image", "link": LINK}},
        {"header": {"type": "document", "link": LINK, "filename": "42.pdf"}},
        {"buttons": [REPLY, URL]},
    ],
    ids=str,
)
def test_what_is_whole_is_stored_as_it_is(filling: dict[str, Any]) -> None:
    assert Filling.model_validate(filling).stored() == filling


@pytest.mark.parametrize(
    ("filling", "fault"),
    [
        ({"header": {"type": "text"}}, "wants text, and no link"),
        ({"header": {"type": "text", "text": "May", "link": LINK}}, "wants text, and no link"),
        ({"header": {"type": "video"}}, "wants link, and no text"),
        ({"header": {"type": "image", "link": LINK, "text": "May"}}, "wants link, and no text"),
        ({"header": {"type": "image", "link": LINK, "filename": "a.png"}}, "only a document"),
        ({"header": {"type": "image", "link": "ftp://shop.example"}}, "pattern"),
        ({"buttons": [REPLY, URL | {"index": 0}]}, "the same index"),
        ({"buttons": [REPLY | {"text": "yes"}]}, "wants payload, and no text"),
        ({"buttons": [URL | {"payload": "yes"}]}, "wants text, and no payload"),
        ({"buttons": [{"type": "url", "index": 0}]}, "wants text, and no payload"),
        ({"buttons": [{"type": "quick_reply", "index": 0}]}, "wants payload, and no text"),
        ({"buttons": [REPLY | {"index": -1}]}, "greater than or equal to 0"),
        ({"buttons": [REPLY | {"index": 10}]}, "less than or equal to 9"),
        ({"buttons": [REPLY | {"index": index} for index in range(10)] + [URL]}, "at most 10"),
    ],
    ids=str,
)
def test_what_lacks_something_or_has_too_much_is_refused(filling: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Filling.model_validate(filling)
