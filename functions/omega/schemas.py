"""Omega's wire forms: one word of status each, and the picture of a code without a data URI's prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field, RootModel

from shared.domain.instances import Instance, InstanceStatus

LONGEST_WAIT = 60
"""Seconds; the functions that serve it have more time (`functions.yaml`)."""

Word = Literal["connected", "disconnected", "not_configured"]

_WORDS: Mapping[InstanceStatus, Word] = {
    InstanceStatus.CONNECTED: "connected",
    InstanceStatus.NOT_CONFIGURED: "not_configured",
}


class HealthOut(BaseModel):
    status: Literal["ok"] = "ok"
    uptime_secs: int
    whatsapp: Word


def word_for(instance: Instance | None) -> Word:
    """What this dialect calls the state of the account; None is for a tenant without one."""
    return _WORDS.get(instance.status, "disconnected") if instance else "not_configured"


class QRReady(BaseModel):
    status: Literal["qr_ready"] = "qr_ready"
    qr_png_base64: str = Field(description="A PNG.")


class AlreadyPaired(BaseModel):
    status: Literal["already_paired"] = "already_paired"
    message: str = "WhatsApp is already connected"


class PairOut(RootModel[QRReady | AlreadyPaired]):
    """A code to scan, or the news that none is needed."""


_NO_ACCOUNT = (
    "No WhatsApp instance can be chosen: make one the default, create one, "
    "or set SESSIONS_BUCKET, or EVOLUTION_URL and EVOLUTION_KEY"
)


class NotConfigured(BaseModel):
    """There is no account to pair; `message` says what to do."""

    status: Literal["not_configured"] = "not_configured"
    message: str
    detail: str = Field(description="The same as `message`, as in every failure.")
    error: str = Field(description="The same as `message`.")

    @classmethod
    def without_account(cls) -> NotConfigured:
        """Of a tenant of whose accounts none is meant."""
        return cls._because(_NO_ACCOUNT)

    @classmethod
    def without_code(cls, instance: Instance) -> NotConfigured:
        """Of an account that its credentials connect."""
        why = instance.status_detail or "check its credentials"
        return cls._because(f"The WhatsApp instance {instance.name} has no code to scan: {why}")

    @classmethod
    def _because(cls, reason: str) -> NotConfigured:
        return cls(message=reason, detail=reason, error=reason)


class PairStatusOut(BaseModel):
    status: Literal["paired", "pending"]
    message: Literal["WhatsApp pairing completed", "Pairing not yet completed"]


PAIRED = PairStatusOut(status="paired", message="WhatsApp pairing completed")
PENDING = PairStatusOut(status="pending", message="Pairing not yet completed")


class WaitQuery(BaseModel):
    timeout: float = Field(default=LONGEST_WAIT, ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="seconds")
