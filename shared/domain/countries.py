"""The country of a telephone number."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\+?[0-9]{7,15}")
_NO_COUNTRY = ("001", "ZZ")
"""What the library calls numbers that belong to no single country, and calling codes that nobody has."""


def is_country(code: str) -> bool:
    """Whether a calling code leads to the country with this ISO 3166 code."""
    import phonenumbers  # noqa: PLC0415 - its tables cost cold start

    return code in phonenumbers.SUPPORTED_REGIONS


def country_of(number: str) -> str | None:
    """The ISO 3166 code of a number's country; None for what is no international number.

    Of a number that is in no country's plan it is the main country of its calling code.
    """
    if not _NUMBER.fullmatch(number):
        return None
    import phonenumbers  # noqa: PLC0415 - its tables cost cold start

    try:
        parsed = phonenumbers.parse("+" + number.lstrip("+"))
    except phonenumbers.NumberParseException:
        return None
    country = phonenumbers.region_code_for_number(parsed)
    if country is None and parsed.country_code is not None:
        country = phonenumbers.region_code_for_country_code(parsed.country_code)
    return None if country in _NO_COUNTRY else country


def zones_of(number: str) -> list[str]:
    """The time zones (IANA's names) in which a telephone number may be; none for what is no international number."""
    if not _NUMBER.fullmatch(number):
        return []
    import phonenumbers  # noqa: PLC0415 - its tables cost cold start
    from phonenumbers import timezone  # noqa: PLC0415

    try:
        parsed = phonenumbers.parse("+" + number.lstrip("+"))
    except phonenumbers.NumberParseException:
        return []
    zones = timezone.time_zones_for_number(parsed)
    return [zone for zone in zones if zone != timezone.UNKNOWN_TIMEZONE]
