"""Why an instance has its status, as data: each dialect puts its own names of fields into the sentence."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, model_validator

from shared.errors import FieldName, joined


class DetailCode(StrEnum):
    """What an instance's status is explained by."""

    MISSING_CONFIG = "missing_config"
    """`fields` of its configuration are not set."""
    OTHER_ACCOUNT = "other_account"
    """A call to the tenant's default webhook was about `account`, which is not the instance's."""
    REPORTED = "reported"
    """`parts` are what its channel, or the provider, said."""


class ConfigField(BaseModel):
    """A field of an instance's configuration, in snake case, that a sentence mentions."""

    field: str


class StatusDetail(BaseModel):
    """A code and what belongs to it. A bare sentence, which is what older documents hold, is read as `REPORTED`."""

    code: DetailCode
    fields: list[str] = []
    account: str = ""
    parts: list[str | ConfigField] = []

    @model_validator(mode="before")
    @classmethod
    def _from_sentence(cls, value: Any) -> Any:
        return {"code": DetailCode.REPORTED, "parts": [value]} if isinstance(value, str) else value

    @property
    def sentence(self) -> tuple[str, ...]:
        """The words, for an operator, with a `FieldName` for each field."""
        match self.code:
            case DetailCode.MISSING_CONFIG:
                return ("missing in config: ", *joined(map(FieldName, self.fields), ", "))
            case DetailCode.OTHER_ACCOUNT:
                return (
                    f"a call to the default webhook was about {self.account!r}, which is not this instance's account",
                )
            case DetailCode.REPORTED:
                return tuple(part if isinstance(part, str) else FieldName(part.field) for part in self.parts)

    def __str__(self) -> str:
        """The sentence in the hub's own names."""
        return "".join(self.sentence)
