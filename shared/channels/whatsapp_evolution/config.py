"""What an instance of this channel is configured with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr

from shared.config import ChannelSettings, Settings
from shared.setting_forms import HeaderKey, Url


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


BlankIsNone = BeforeValidator(_none_if_empty)


class EvolutionSettings(ChannelSettings):
    """The deployment's own Evolution server."""

    evolution_url: Url | None = None
    evolution_key: HeaderKey | None = None


class EvolutionConfig(BaseModel):
    """An account on an Evolution API server.

    `whatsapp_instance` is the instance's name there, by default the hub's own
    name for it. `webhook_secret` is made when connecting; `instance_token` is
    what Evolution calls `hash`; `jwt_key` is for webhooks that an operator
    registered with Evolution's header of that name. `auto_qr` asks for a QR
    code when the instance is created at Evolution.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    evolution_url: Annotated[Url | None, BlankIsNone] = None
    evolution_key: Annotated[SecretStr | None, BlankIsNone] = None
    whatsapp_instance: Annotated[str | None, BlankIsNone] = None
    integration: Literal["WHATSAPP-BAILEYS", "WHATSAPP-BUSINESS"] = "WHATSAPP-BAILEYS"
    phone_number: Annotated[str | None, BlankIsNone] = None
    auto_qr: bool = True
    webhook_secret: Annotated[SecretStr | None, BlankIsNone] = None
    instance_token: Annotated[SecretStr | None, BlankIsNone] = None
    jwt_key: Annotated[SecretStr | None, BlankIsNone] = None


def defaults(settings: Settings) -> Mapping[str, Any]:
    """The deployment's own Evolution server, for instances that name none."""
    own = settings.of(EvolutionSettings)
    values = {"evolution_url": own.evolution_url, "evolution_key": own.evolution_key}
    return {name: value for name, value in values.items() if value is not None}
