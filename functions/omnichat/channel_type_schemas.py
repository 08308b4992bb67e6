"""OmniChat's wire form of the ways to connect a channel."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.alias_generators import to_camel

from functions.omnichat.schemas import Wire
from shared import channels
from shared.channel import Capabilities, Channel
from shared.channel.lifecycle import SupportsPairing
from shared.channel.login import LoginModule
from shared.channel.oauth import OAuthModule
from shared.config import Settings
from shared.domain.messages import MessageKind
from shared.usecases.instances import adapter_choice, instance_config

Way = Literal["scan", "login", "browser", "credentials"]

_NOT_MADE_OF_LETTERS = {
    "id": "ID",
    "url": "URL",
    "api": "API",
    "aws": "AWS",
    "sns": "SNS",
    "arn": "ARN",
    "qr": "QR",
    "sid": "SID",
    "arns": "ARNs",
}


class TypeCapabilities(Wire):
    """What messages of the channel can be; `windowHours` is for how long after a customer's message one may write."""

    text_limit: int
    attachments: list[MessageKind]
    abilities: list[str] = Field(
        examples=[["image", "edit"]], description="Beside sending a text: `image`, `template`, `edit`, `typing`, …"
    )
    window_hours: float | None

    @classmethod
    def of(cls, declared: Capabilities) -> TypeCapabilities:
        return cls(
            text_limit=declared.text_limit,
            attachments=[kind for kind in MessageKind if kind in declared.attachments],
            abilities=declared.abilities,
            window_hours=declared.window / timedelta(hours=1) if declared.window else None,
        )


class ChannelTypeOut(Wire):
    """One way to connect a channel.

    `connects` says how: by a code to `scan`, by a `login` with a code that the provider sends, in the provider's
    `browser` pages, by `credentials`; a channel that needs nothing of these has none. `configSchema` is a JSON schema
    of `config`; a field that is `writeOnly` holds a secret. `help` says where what it asks for comes from.
    """

    type: str = Field(examples=["TELEGRAM_BOT"])
    adapter: str
    label: str = Field(examples=["Telegram Bot"])
    is_default: bool = Field(description="Whether it serves a new channel of the type that names no adapter.")
    connects: list[Way]
    help: str = Field(examples=["Write /newbot to @BotFather: it answers with the token of a new bot."])
    has_webhook: bool
    config_schema: dict[str, Any] = Field(examples=[{"type": "object", "properties": {}, "required": []}])
    capabilities: TypeCapabilities

    @classmethod
    def of(cls, adapter: str, settings: Settings) -> ChannelTypeOut:
        declared, channel_type = channels.channel(adapter), channels.type_of(adapter)
        return cls(
            type=channel_type.upper(),
            adapter=adapter,
            label=declared.setup.title,
            is_default=adapter_choice.chosen(settings, channel_type, {}) == adapter,
            connects=_ways(adapter),
            help=declared.setup.help,
            has_webhook=declared.has_webhook,
            config_schema=_schema(declared, set(instance_config.defaults(adapter, settings))),
            capabilities=TypeCapabilities.of(declared.capabilities),
        )


class ChannelTypesOut(Wire):
    channel_types: list[ChannelTypeOut]

    @classmethod
    def of_all(cls, settings: Settings) -> ChannelTypesOut:
        return cls(channel_types=[ChannelTypeOut.of(adapter, settings) for adapter in channels.names()])


def _ways(adapter: str) -> list[Way]:
    abilities: list[tuple[Way, object]] = [
        ("scan", channels.ability(adapter, SupportsPairing[BaseModel])),
        ("login", channels.ability(adapter, LoginModule)),
        ("browser", channels.ability(adapter, OAuthModule[BaseModel])),
    ]
    ways = [way for way, module in abilities if module is not None]
    return [*ways, "credentials"] if _asks_for_secrets(adapter) else ways


def _asks_for_secrets(adapter: str) -> bool:
    return channels.channel(adapter).setup.api_key is not None


def _schema(declared: Channel, optional: set[str]) -> dict[str, Any]:
    """The schema of what a person enters, with OmniChat's names; nobody has to enter what is `optional`."""
    schema = declared.config.model_json_schema(by_alias=False)
    properties = {
        to_camel(name): {key: value for key, value in field.items() if key != "default" or value is not None}
        | {"title": _title(name)}
        for name, field in schema.get("properties", {}).items()
        if name not in declared.setup.generated
    }
    required = [to_camel(name) for name in schema.get("required", []) if name not in optional]
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {"type": "object", "properties": properties, "required": required} | definitions


def _title(name: str) -> str:
    first, *others = (_NOT_MADE_OF_LETTERS.get(word, word) for word in name.split("_"))
    return " ".join([first[:1].upper() + first[1:], *others])
