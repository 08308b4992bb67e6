"""OmniChat's wire forms of logging a person's Telegram account in."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AliasChoices, Field, SecretStr

from functions.omnichat.channel_schemas import ChannelOut
from functions.omnichat.schemas import Done, Request, Wire
from shared.domain.ids import stable_id


class TelegramChannelIn(Request, Wire):
    channel_instance_id: str = Field(min_length=1, max_length=128)


class TelegramStartIn(TelegramChannelIn):
    phone: str = Field(
        min_length=1,
        max_length=32,
        validation_alias=AliasChoices("phone", "phoneNumber"),
        examples=["+491701234567"],
    )


class TelegramConfirmIn(TelegramChannelIn):
    """`password` is that of two-step verification, for accounts that have one."""

    ignored: ClassVar = frozenset({"tenantId", "phoneNumber", "phoneCodeHash"})

    code: str = Field(min_length=1, max_length=16, examples=["12345"])
    password: SecretStr | None = Field(default=None, max_length=1024)


class CodeSent(Done):
    """A code is on its way. `phoneCodeHash` stands for this login; Telegram's own stays in the hub."""

    status: Literal["code_sent"] = "code_sent"
    channel_id: str
    phone_number: str
    phone_code_hash: str

    @classmethod
    def of(cls, body: TelegramStartIn) -> CodeSent:
        channel_id = body.channel_instance_id
        return cls(channel_id=channel_id, phone_number=body.phone, phone_code_hash=stable_id("login", channel_id))


class Confirmed(Wire):
    """`ok` says whether the account is connected; where it is not, `error` says what is missing."""

    ok: bool
    status: Literal["connected", "password_needed"]
    needs_two_factor: bool = Field(alias="needs2FA")
    error: str | None
    platform: ChannelOut | None

    @classmethod
    def connected(cls, channel: ChannelOut) -> Confirmed:
        return cls(ok=True, status="connected", needs_two_factor=False, error=None, platform=channel)

    @classmethod
    def without_password(cls) -> Confirmed:
        error = "This account has a password of its own (two-step verification): send it as password"
        return cls(ok=False, status="password_needed", needs_two_factor=True, error=error, platform=None)


class LoggedOut(Done):
    status: Literal["disconnected"] = "disconnected"
