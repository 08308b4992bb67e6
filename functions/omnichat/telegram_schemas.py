"""OmniChat's wire forms of logging a person's Telegram account in."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from functions.omnichat.schemas import Request, Wire


class TelegramChannelIn(Request, Wire):
    channel_instance_id: str = Field(min_length=1, max_length=128)


class TelegramStartIn(TelegramChannelIn):
    phone: str = Field(min_length=1, max_length=32, examples=["+491701234567"])


class TelegramConfirmIn(TelegramChannelIn):
    """`password` is that of two-step verification, for accounts that have one."""

    ignored: ClassVar = frozenset({"tenantId", "phoneNumber", "phoneCodeHash"})

    code: str = Field(min_length=1, max_length=16, examples=["12345"])
    password: SecretStr | None = Field(default=None, max_length=1024)


class CodeSent(Wire):
    status: Literal["code_sent"] = "code_sent"


class Confirmed(Wire):
    status: Literal["connected", "password_needed"]


class LoggedOut(Wire):
    status: Literal["disconnected"] = "disconnected"
