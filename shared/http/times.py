"""How times look on the wire: always UTC with a `Z`, whole seconds in some dialects, milliseconds in another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, PlainSerializer


def whole_seconds(moment: datetime) -> str:
    """Write `2026-01-31T12:00:00Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def milliseconds(moment: datetime) -> str:
    """Write `2026-01-31T12:00:00.000Z`, as JavaScript's `Date` does."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def in_utc(moment: datetime) -> datetime:
    """Read a time that names no zone as UTC; raises `ValueError` for one that is in no year of UTC."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be in the years 1 to 9999 of UTC") from None


AwareMoment = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time that names its zone."""

WholeSeconds = Annotated[
    datetime, AfterValidator(in_utc), PlainSerializer(whole_seconds, return_type=str, when_used="json")
]
Milliseconds = Annotated[
    datetime, AfterValidator(in_utc), PlainSerializer(milliseconds, return_type=str, when_used="json")
]
