"""What an agent is told of a message's content beside its text."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.content import Content


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({}, []),
        ({"subject": "Order 7"}, ["Subject: Order 7"]),
        ({"quoted": {"text": "Open on Sunday?"}}, ["[answers a message: Open on Sunday?]"]),
        ({"quoted": {"text": "Hi", "author": "Ann"}}, ["[answers a message by Ann: Hi]"]),
        ({"quoted": {"is_story": True}}, ["[answers a story]"]),
        ({"quoted": {"is_story": True, "author": "Ann", "text": "New!"}}, ["[answers a story by Ann: New!]"]),
        ({"quoted": {"author": "Ann"}}, []),
        ({"forwarded": {}}, ["[forwarded]"]),
        ({"forwarded": {"author": "Bob"}}, ["[forwarded from Bob]"]),
        ({"pressed": {"title": "Yes", "payload": "confirm-7"}}, ["[chose: confirm-7]"]),
        ({"pressed": {"title": "Yes", "payload": "Yes"}}, []),
        ({"pressed": {"title": "Yes"}}, []),
        ({"form": [{"name": "Size", "value": "L"}, {"name": "Colour", "value": "red"}]}, ["Size: L", "Colour: red"]),
        (
            {"order": {"note": "Quickly, please", "title": "Shoes", "item_count": 3}},
            ["Quickly, please", "[order: Shoes, 3 items]"],
        ),
        ({"order": {"title": "Shoes"}}, ["[order: Shoes]"]),
        ({"order": {"item_count": 3}}, ["[order: 3 items]"]),
        ({"payment": {"amount": 12.5, "currency": "EUR"}}, ["[paid: 12.5 EUR]"]),
        ({"payment": {"amount": 3, "currency": "EUR", "reference": "R7"}}, ["[paid: 3 EUR, R7]"]),
        ({"referral": {"title": "Sale"}}, ["[came from: Sale]"]),
        (
            {
                "referral": {
                    "title": "Sale",
                    "text": "Half price",
                    "product_id": "P1",
                    "ad_id": "A1",
                    "url": "https://shop.example",
                    "ref": "spring",
                }
            },
            ["[came from: Sale, Half price, product P1, advertisement A1, https://shop.example, spring]"],
        ),
        ({"poll": {"question": "When?", "options": ["Monday", "Friday"]}}, ["[poll: When?, Monday / Friday]"]),
        ({"unsupported": "a sticker pack"}, ["[a message that cannot be shown: a sticker pack]"]),
        (
            {
                "unsupported": "a game",
                "subject": "Order 7",
                "forwarded": {},
                "pressed": {"title": "Yes", "payload": "7"},
            },
            ["Subject: Order 7", "[forwarded]", "[chose: 7]", "[a message that cannot be shown: a game]"],
        ),
    ],
    ids=str,
)
def test_content_is_put_into_words(fields: dict[str, Any], lines: list[str]) -> None:
    assert Content.model_validate(fields).in_words() == lines


@pytest.mark.parametrize(
    ("order", "lines"),
    [
        ({"lines": [{"product": "shoe", "quantity": 2}]}, ["2 x shoe"]),
        ({"lines": [{"product": "shoe", "quantity": 2, "price": 9.5}]}, ["2 x shoe at 9.5"]),
        ({"currency": "EUR", "lines": [{"product": "shoe", "quantity": 1, "price": 9}]}, ["1 x shoe at 9 EUR"]),
        (
            {"currency": "EUR", "lines": [{"product": "shoe", "quantity": 1, "price": 0, "currency": "USD"}]},
            ["1 x shoe at 0 USD"],
        ),
        ({"total": 0}, ["Total: 0"]),
        ({"total": 19.5, "currency": "EUR"}, ["Total: 19.5 EUR"]),
    ],
    ids=str,
)
def test_an_order_is_put_into_words_line_by_line(order: dict[str, Any], lines: list[str]) -> None:
    assert Content.model_validate({"order": order}).in_words() == lines
