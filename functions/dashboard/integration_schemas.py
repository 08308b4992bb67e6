"""The Dashboard's wire forms of integrations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from functions.dashboard.channel_schemas import ConfigureIn
from functions.dashboard.schemas import CHANNELS
from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.instances import ChannelType
from shared.http.times import WholeSeconds
from shared.usecases.instances.integrations import Trial, settings_of
from shared.usecases.overview.channels import TypeStatus


class IntegrationOut(BaseModel):
    """A channel type that is configured, or a provider behind several.

    `last_sync` is when its connection was last checked or changed.
    """

    type: str
    status: str
    last_sync: WholeSeconds | None

    @classmethod
    def of(cls, type_status: TypeStatus) -> IntegrationOut:
        return cls(
            type=type_status.provider or CHANNELS[type_status.type],
            status=type_status.status.value,
            last_sync=type_status.updated_at,
        )


class IntegrationsOut(BaseModel):
    integrations: list[IntegrationOut]


class IntegrationPath(BaseModel):
    integration_type: str


MAX_RESULT = 500
"""Characters of a trial's result; providers may quote whole pages."""


class TrialIn(BaseModel):
    """What to try, whatever the type takes; without `api_key` the stored credential is tried.

    Of a type that has no credential (chat) it is told how its channel stands.
    """

    model_config = ConfigDict(extra="allow")

    api_key: str | None = Field(default=None, max_length=4096)
    phone_number: str | None = Field(default=None, max_length=40)

    @property
    def values(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)

    def names_for(self, types: Iterable[ChannelType]) -> list[str]:
        """The names that may be given, those of `configure` among them."""
        return [*ConfigureIn.model_fields, *settings_of(types)]


class TrialOut(BaseModel):
    """`test_result` says what is wrong when it failed; `latency` is in milliseconds."""

    success: bool
    test_result: str
    latency: int

    @classmethod
    def of(cls, trial: Trial) -> TrialOut:
        result = VOCABULARY.sentence(trial.result)[:MAX_RESULT]
        return cls(success=trial.success, test_result=result, latency=trial.latency)
