"""WhatsApp's addresses in all their spellings."""

from __future__ import annotations

import pytest

from shared.channelkit import jid


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("5511988887777@s.whatsapp.net", "5511988887777@s.whatsapp.net"),
        ("5511988887777:12@s.whatsapp.net", "5511988887777@s.whatsapp.net"),
        ("5511988887777@c.us", "5511988887777@s.whatsapp.net"),
        ("+5511988887777", "5511988887777@s.whatsapp.net"),
        (" 5511988887777 ", "5511988887777@s.whatsapp.net"),
        ("99887766554433:3@lid", "99887766554433@lid"),
        ("5511900000000-1400000000@g.us", "5511900000000-1400000000@g.us"),
        ("someone", "someone"),
        ("", ""),
        ("a@b@c", "a@b@c"),
    ],
)
def test_bare_takes_the_device_off(address: str, expected: str) -> None:
    assert jid.bare(address) == expected


@pytest.mark.parametrize(
    "addresses",
    [
        ("553187654321@s.whatsapp.net", "5531987654321@s.whatsapp.net", "+5531987654321"),
        ("5215512345678@s.whatsapp.net", "525512345678@s.whatsapp.net"),
        ("5491123456789@s.whatsapp.net", "541123456789@s.whatsapp.net"),
    ],
    ids=["Brazil", "Mexico", "Argentina"],
)
def test_a_number_with_and_without_the_mobile_digit_is_one_person(addresses: tuple[str, ...]) -> None:
    assert len({jid.canonical(address) for address in addresses}) == 1


@pytest.mark.parametrize(
    "address",
    [
        "553133334444@s.whatsapp.net",
        "5511988887777@s.whatsapp.net",
        "12125550123@s.whatsapp.net",
        "553187654321@lid",
        "551187654321-1400000000@g.us",
    ],
    ids=["a landline", "with its digit", "elsewhere", "a hidden id", "a group"],
)
def test_other_addresses_stay_as_they_are(address: str) -> None:
    assert jid.canonical(address) == address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("5511988887777:1@s.whatsapp.net", "+5511988887777"),
        ("553187654321@s.whatsapp.net", "+5531987654321"),
        ("5215512345678@s.whatsapp.net", "+525512345678"),
        ("5491123456789@s.whatsapp.net", "+5491123456789"),
        ("541143211234@s.whatsapp.net", "+541143211234"),
        ("99887766554433@lid", None),
        ("120363025246125486@g.us", None),
        ("hello@s.whatsapp.net", None),
        ("1234567890123456@s.whatsapp.net", None),
    ],
)
def test_only_phone_addresses_hold_a_number_to_dial(address: str, expected: str | None) -> None:
    assert jid.phone(address) == expected


def test_kinds_of_addresses_are_told_apart() -> None:
    assert jid.is_group("1@g.us")
    assert jid.is_chat("1@g.us")
    assert not jid.is_chat("status@broadcast")
    assert not jid.is_chat("1@newsletter")
