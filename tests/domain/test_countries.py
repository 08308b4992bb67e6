"""The country of a telephone number."""

from __future__ import annotations

import pytest

from shared.domain.countries import country_of, is_country, zones_of


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("5511988887777", "BR"),
        ("+12425550100", "BS"),  # shares its calling code with the United States
        ("15550100123", "US"),  # an area that does not exist
        ("77012345678", "KZ"),
        ("441481960194", "GG"),
        ("80012345678", None),  # a freephone number of no country
        ("99999999999", None),
        ("123", None),
        ("ann@example.com", None),
    ],
)
def test_a_number_has_the_country_of_its_calling_code(number: str, country: str | None) -> None:
    assert country_of(number) == country


def test_what_has_no_calling_code_is_no_country() -> None:
    assert is_country("BR")
    assert not is_country("XX")


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+4930123456", ["Europe/Berlin"]),
        ("4930123456", ["Europe/Berlin"]),
        ("+99999999999", []),
        ("123", []),
        ("ann@example.com", []),
    ],
)
def test_a_number_lies_in_the_zones_of_its_area(number: str, zones: list[str]) -> None:
    assert zones_of(number) == zones
