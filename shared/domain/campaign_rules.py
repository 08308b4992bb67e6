"""What a business allows its campaigns: when they may be sent, and how often to the same customer."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, Field, field_validator, model_validator

MOST_CAP_DAYS = 90
MOST_CAP_MESSAGES = 100
_LONGEST = timedelta(hours=12)
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class QuietHours(BaseModel):
    """Hours of each day in which no campaign's message is sent, from `start` to before `end`.

    They are those of `zone` (IANA's name), with `by_customer` those of the country of each customer's telephone number,
    and of `zone` for who has none.
    """

    start: str = Field(pattern=_TIME, examples=["21:00"])
    end: str = Field(pattern=_TIME, examples=["08:00"])
    zone: str = Field(default="UTC", max_length=64, examples=["America/Sao_Paulo"])
    by_customer: bool = False

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - costs cold start, and few have quiet hours

        try:
            return ZoneInfo(zone).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone, such as America/Sao_Paulo") from None

    @model_validator(mode="after")
    def _leave_hours(self) -> QuietHours:
        # Numbers of one country may lie in zones that are eleven hours apart, and each customer has to be reached.
        if not timedelta(0) < self._length <= _LONGEST:
            raise ValueError("quiet hours last up to 12 hours, and start and end differ")
        return self

    @property
    def _length(self) -> timedelta:
        return (_of_day(self.end) - _of_day(self.start)) % timedelta(days=1)

    def end_at(self, now: datetime, zone: str | None = None) -> datetime | None:
        """When the quiet hours end in which `now` lies, in `zone` or the tenant's; None outside of them."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - as above

        local = now.astimezone(ZoneInfo(zone or self.zone))
        since_start = (timedelta(hours=local.hour, minutes=local.minute) - _of_day(self.start)) % timedelta(days=1)
        if since_start >= self._length:
            return None
        rest = self._length - since_start
        return (now + rest).replace(second=0, microsecond=0)


class CampaignCap(BaseModel):
    """At most so many messages of campaigns to one customer within so many days, over all campaigns."""

    messages: int = Field(ge=1, le=MOST_CAP_MESSAGES)
    days: int = Field(ge=1, le=MOST_CAP_DAYS)

    def is_reached(self, sent_at: list[datetime], now: datetime) -> bool:
        """Whether a customer to whom messages were sent at these times gets no more for now."""
        since = now - timedelta(days=self.days)
        return sum(at > since for at in sent_at) >= self.messages


def with_message(sent_at: list[datetime], now: datetime) -> list[datetime]:
    """The times that caps count, with one more and without what no cap counts any longer."""
    since = now - timedelta(days=MOST_CAP_DAYS)
    return [*(at for at in sent_at if at > since), now][-MOST_CAP_MESSAGES:]


def _of_day(clock: str) -> timedelta:
    hours, _, minutes = clock.partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes))
