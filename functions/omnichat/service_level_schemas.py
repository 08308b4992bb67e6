"""OmniChat's forms of business hours and SLA policies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator

from functions.omnichat.conversation_schemas import status_word
from functions.omnichat.schemas import Request, Wire
from shared.domain.business_hours import BusinessHours, Holiday, Interval, standing
from shared.domain.conversations import Priority
from shared.domain.service_levels import SlaPolicy
from shared.http.display_names import Name
from shared.http.times import Milliseconds

Zone = Annotated[str, Field(min_length=1, max_length=64, description="An IANA name, such as `Europe/Berlin`.")]
AwayText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
LanguageTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Minutes = Annotated[int, Field(ge=1, le=43_200, strict=True)]
Id = Annotated[str, Field(min_length=1, max_length=64)]

_WEEK: list[JsonValue] = [
    {"day": day, "opens": "09:00", "closes": "17:00"}
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
]
_HOURS: dict[str, JsonValue] = {
    "zone": "Europe/Berlin",
    "intervals": _WEEK,
    "holidays": [{"date": "12-25", "name": "Christmas"}],
}


def _stored(request: BaseModel) -> dict[str, Any]:
    """What is given, in the domain's words."""
    fields = request.model_dump(exclude_unset=True)
    if "channel_id" in fields:
        fields["instance_id"] = fields.pop("channel_id")
    return fields


class BusinessHoursChange(Request, Wire):
    """Only what is given changes. `intervals` are those of a week, several for a day where there is a break.

    One that closes at or before the time at which it opens ends on the next day. `holidays` are closed, `12-25` every
    year. The hours are those of a team's or a channel's conversations, without either those of all others.
    `awayMessage` is what a customer is told, once while it is closed, whom no machine answers; `awayMessages` has it by
    language, such as `pt`.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"awayMessage": "We are back tomorrow at nine."}})
    takes_away = frozenset({"team_id", "channel_id", "away_message"})

    name: Annotated[str, Field(max_length=100)] = ""
    zone: Zone | None = None
    team_id: Id | None = None
    channel_id: Id | None = None
    intervals: list[Interval] = Field(default_factory=list, max_length=70)
    holidays: list[Holiday] = Field(default_factory=list, max_length=400)
    away_message: AwayText | None = None
    away_messages: dict[LanguageTag, AwayText] = Field(default_factory=dict, max_length=50)

    def fields(self) -> dict[str, Any]:
        return _stored(self)


class BusinessHoursIn(BusinessHoursChange):
    """New business hours; see the fields of a change."""

    model_config = ConfigDict(json_schema_extra={"example": _HOURS})

    zone: Zone


class BusinessHoursOut(Wire):
    """`opensAt` and `closesAt` are the next times at which it does; null: never."""

    id: str
    name: str
    zone: str
    team_id: str | None
    channel_id: str | None
    intervals: list[Interval]
    holidays: list[Holiday]
    away_message: str | None
    away_messages: dict[str, str]
    is_open: bool
    opens_at: Milliseconds | None
    closes_at: Milliseconds | None
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, hours: BusinessHours, now: datetime) -> BusinessHoursOut:
        at_present = standing(hours, now)
        return cls(
            **hours.model_dump(exclude={"instance_id"}),
            channel_id=hours.instance_id,
            is_open=at_present.is_open,
            opens_at=at_present.opens_at,
            closes_at=at_present.closes_at,
        )


class BusinessHoursList(Wire):
    """The oldest first; there are at most 50."""

    business_hours: list[BusinessHoursOut]


class ServiceLevelPath(BaseModel):
    id: str = Field(max_length=64)


class SlaPolicyChange(Request, Wire):
    """Only what is given changes. Times are in minutes; null takes one away.

    A policy holds for the conversations of the team, the channel and the priority that it names; of several the one
    that names most. With `inBusinessTime` only the time counts during which the business is open. People are warned
    `warnBeforeMinutes` before something is due, where that is left out when four fifths of the time have gone by.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"firstAnswerMinutes": 30}})
    takes_away = frozenset(
        {
            *("team_id", "channel_id", "priority", "first_answer_minutes", "next_answer_minutes"),
            *("resolution_minutes", "warn_before_minutes"),
        }
    )

    name: Name | None = None
    team_id: Id | None = None
    channel_id: Id | None = None
    priority: Priority | None = Field(default=None, description="LOW, NORMAL, HIGH or URGENT")
    first_answer_minutes: Minutes | None = None
    next_answer_minutes: Minutes | None = None
    resolution_minutes: Minutes | None = None
    in_business_time: bool = True
    warn_before_minutes: Annotated[int, Field(ge=0, le=43_200, strict=True)] | None = None

    _any_case = field_validator("priority", mode="before")(status_word)

    def fields(self) -> dict[str, Any]:
        return _stored(self)


class SlaPolicyIn(SlaPolicyChange):
    """A new policy; it needs one of the three times."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "Answer within an hour", "firstAnswerMinutes": 60}}
    )

    name: Name


class SlaPolicyOut(Wire):
    id: str
    name: str
    team_id: str | None
    channel_id: str | None
    priority: str | None
    first_answer_minutes: int | None
    next_answer_minutes: int | None
    resolution_minutes: int | None
    in_business_time: bool
    warn_before_minutes: int | None
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, policy: SlaPolicy) -> SlaPolicyOut:
        return cls(
            **policy.model_dump(exclude={"instance_id", "priority"}),
            channel_id=policy.instance_id,
            priority=policy.priority.upper() if policy.priority else None,
        )


class SlaPoliciesOut(Wire):
    """The oldest first; there are at most 50."""

    sla_policies: list[SlaPolicyOut]
