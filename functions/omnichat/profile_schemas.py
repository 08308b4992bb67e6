"""OmniChat's wire forms of a person's own profile, and of the business."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from functions.omnichat.schemas import Request, Wire
from shared.domain.accounts import Role, Tenant, User
from shared.http.display_names import Name
from shared.http.times import Milliseconds


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/Lisbon") from None
    return name


TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_time_zone)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]


class ProfileOut(Wire):
    """A person's own profile. `language` and `timeZone` are null where the browser's hold."""

    id: str
    tenant_id: str
    email: str
    name: str | None
    role: Role
    language: str | None = Field(examples=["pt"])
    time_zone: str | None = Field(examples=["Europe/Lisbon"])
    sounds: bool
    created_at: Milliseconds

    @classmethod
    def of(cls, user: User) -> ProfileOut:
        return cls.model_validate(user.model_dump(include=set(cls.model_fields)))


class ProfilePatch(Request, Wire):
    """Only what is given changes; null takes name, language or time zone away."""

    takes_away = frozenset({"name", "language", "time_zone"})

    name: Name | None = None
    language: Language | None = Field(default=None, examples=["pt"])
    time_zone: TimeZone | None = Field(default=None, examples=["Europe/Lisbon"])
    sounds: bool = False

    def changes(self) -> dict[str, Any]:
        """What to change, as it is stored."""
        return self.model_dump(by_alias=False, exclude_unset=True)


class BusinessOut(Wire):
    """The business that a credential is for; what holds for its conversations is in `/api/settings`."""

    id: str
    name: str
    time_zone: str | None = Field(examples=["Europe/Lisbon"])
    created_at: Milliseconds

    @classmethod
    def of(cls, tenant: Tenant) -> BusinessOut:
        return cls.model_validate(tenant.model_dump(include=set(cls.model_fields)))


class BusinessPatch(Request, Wire):
    """Only what is given changes; null takes the time zone away."""

    takes_away = frozenset({"time_zone"})

    name: Name = Field(default="", validate_default=False)
    time_zone: TimeZone | None = Field(default=None, examples=["Europe/Lisbon"])

    def changes(self) -> dict[str, Any]:
        """What to change, as it is stored."""
        return self.model_dump(by_alias=False, exclude_unset=True)
