"""What an account with a socket of our own is configured with; its session lies in a secret and in sealed snapshots."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.config import ChannelSettings
from shared.setting_forms import Url


class WhatsAppWebSettings(ChannelSettings):
    """Where WhatsApp keeps the files that people send, encrypted; and how many accounts one process holds at most."""

    whatsapp_media_url: Url = "https://mmg.whatsapp.net"
    whatsapp_accounts: int = Field(default=20, ge=0, le=200)


def _digits(value: object) -> object:
    """Only the digits of a number as people write it; nothing for an empty one."""
    return "".join(filter(str.isdecimal, value)) or None if isinstance(value, str) else value


class WhatsAppWebConfig(BaseModel):
    """`phone_number` is whose account is to be paired: then there is a code to type in, beside the one to scan.

    `groups` false leaves groups alone: most phones are in some that are none of their business's. With `online`
    contacts see the account online as long as it is connected, and WhatsApp tells when they write; the phone then shows
    no notifications. It holds from the next connection on.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    phone_number: Annotated[str | None, BeforeValidator(_digits), Field(min_length=7, max_length=15)] = None
    groups: bool | Literal["addressed", "all"] = False
    online: bool = False
