"""What Forge is told about its Omni server."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class RecipientType(StrEnum):
    PHONE_NUMBER = "PhoneNumber"
    USER_ID = "UserId"


class OmniConfig(BaseModel):
    """Where the Omni server is and whom it writes to; its API key lies apart."""

    enabled: bool = False
    host: str | None = None
    instance: str | None = None
    recipient: str | None = None
    recipient_type: RecipientType | None = None


class ForgeSettings(BaseModel):
    """A tenant's settings. `secret_name` names the secret with the API key; every key gets a name of its own."""

    tenant_id: str
    omni_enabled: bool = False
    config: OmniConfig = Field(default_factory=OmniConfig)
    secret_name: str | None = None
    updated_at: datetime | None = None

    @property
    def active(self) -> bool:
        """Both switches are on."""
        return self.omni_enabled and self.config.enabled
