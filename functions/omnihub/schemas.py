"""Omni-Hub's wire forms: snake case, times in whole seconds, an integer for an id."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, RootModel, StringConstraints, model_validator

from shared.domain.instances import ChannelType, ExternalAgent, Instance, InstanceStatus
from shared.http.times import WholeSeconds
from shared.usecases.instances.instances import Changes, NewInstance

SUPPORTED = [ChannelType.WHATSAPP, ChannelType.SLACK, ChannelType.DISCORD]
"""The channels that this dialect speaks of, as documented; the hub has more."""

_EVOLUTION = ("evolution_url", "evolution_key", "whatsapp_instance")

_OF_LATER_SERVERS = frozenset(
    {
        "agent_id",
        "agent_instance_type",
        "agent_stream_mode",
        "agent_type",
        "automagik_instance_id",
        "automagik_instance_name",
        "discord_*",
        "enable_auto_split",
        "is_active",
        "slack_*",
        "webhook_base64",
    }
)
"""What tools for later versions of Omni-Hub send beside the documented fields."""

_READ_ONLY = frozenset(
    {
        "created_at",
        "evolution_status",
        "has_discord_bot_token",
        "id",
        "owner_jid",
        "profile_name",
        "profile_pic_url",
        "updated_at",
    }
)
"""What comes along when a client sends back an instance that it has read."""


def _canonical(value: object) -> object:
    return value.strip().lower().replace("-", "_") if isinstance(value, str) else value


def _phone_number(value: str | None) -> str | None:
    """An international number that somebody could have, with or without its plus sign.

    Numbering plans change too fast to ask for more.
    """
    if not value:
        return None
    if re.fullmatch(r"\d{10,}", plain := re.sub(r"[\s().-]", "", value), re.ASCII):
        value = f"+{plain}"
    import phonenumbers  # noqa: PLC0415 - its tables cost cold start

    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException as error:
        raise ValueError("give a phone number in international form, such as +1234567890") from error
    result = phonenumbers.ValidationResult
    # Too short is let through: the document's own example is a digit short.
    if phonenumbers.is_possible_number_with_reason(number) in (result.TOO_LONG, result.INVALID_COUNTRY_CODE):
        raise ValueError("this phone number is not possible")
    digits = f"{number.country_code}{number.national_number}"
    if len(digits) < 8:
        raise ValueError("this phone number is too short")
    return f"+{digits}"


def _in_one_line(key: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", key):
        raise ValueError("give a key of one line, without control characters")
    return key


def _goes_on(url: str) -> str:
    """An address to which a path can be added."""
    if "?" in url or "#" in url:
        raise ValueError("give an address without a query or a fragment")
    return url


Word = Annotated[ChannelType, BeforeValidator(_canonical)]
Text = Annotated[str, Field(min_length=1, max_length=256)]
URL = Annotated[str, Field(min_length=1, max_length=2048)]
BaseURL = Annotated[URL, AfterValidator(_goes_on)]
# Copied keys often end in a line break.
Key = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4096), AfterValidator(_in_one_line)]
Secret = Annotated[Key, Field(min_length=1)]
Prefix = Annotated[str, Field(max_length=128)]
Timeout = Annotated[int, Field(ge=1, le=600, description="seconds")]


class InstanceIn(BaseModel):
    """A new instance. `phone_number`, `auto_qr` and `integration` count at creation only."""

    ignored: ClassVar = _OF_LATER_SERVERS

    name: Text
    channel_type: Word = ChannelType.WHATSAPP
    evolution_url: BaseURL | None = None
    evolution_key: Secret | None = None
    whatsapp_instance: Text | None = None
    session_id_prefix: Prefix | None = None
    phone_number: Annotated[str | None, Field(max_length=40), AfterValidator(_phone_number)] = None
    auto_qr: bool = True
    integration: Literal["WHATSAPP-BAILEYS", "WHATSAPP-BUSINESS"] = "WHATSAPP-BAILEYS"
    agent_api_url: BaseURL
    agent_api_key: Secret
    default_agent: Text
    agent_timeout: Timeout = 60
    is_default: bool = False
    config: dict[str, Any] | None = Field(
        default=None,
        description="What the channel takes beside these; WhatsApp: `provider` is `web`, `evolution` or `cloud`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, body: object) -> object:
        """Forms send empty fields along; they count as left out."""
        if not isinstance(body, Mapping):
            return body
        return {key: value for key, value in body.items() if value is not None and value != ""}

    def to_domain(self) -> NewInstance:
        """What to make; a WhatsApp instance is called the same at Evolution unless another name is given."""
        return NewInstance(
            channel_type=self.channel_type,
            name=self.name,
            config=self._config(),
            agent=ExternalAgent(
                api_url=self.agent_api_url, default_agent=self.default_agent, timeout=self.agent_timeout
            ),
            agent_api_key=self.agent_api_key,
            session_id_prefix=self.session_id_prefix,
            is_default=self.is_default,
        )

    def _config(self) -> dict[str, Any]:
        config = self.config or {}
        if self.channel_type is not ChannelType.WHATSAPP or config.get("provider", "evolution") != "evolution":
            return self.model_dump(include={"phone_number"}, exclude_none=True) | config
        fields = {*_EVOLUTION, "phone_number", "auto_qr", "integration"}
        return {"whatsapp_instance": self.name} | self.model_dump(include=fields, exclude_none=True) | config


class InstancePatch(BaseModel):
    """Only what is given changes. Null clears what belongs to Evolution and leaves everything else as it is.

    `name` may come along, but an instance keeps its name.
    """

    ignored: ClassVar = _OF_LATER_SERVERS | _READ_ONLY | {"phone_number", "auto_qr", "integration"}

    name: str | None = None
    channel_type: Word | None = None
    evolution_url: Annotated[str, Field(max_length=2048), AfterValidator(_goes_on)] | None = None
    evolution_key: Key | None = None
    whatsapp_instance: Annotated[str, Field(max_length=256)] | None = None
    session_id_prefix: Prefix | None = None
    agent_api_url: BaseURL | None = None
    agent_api_key: Secret | None = None
    default_agent: Text | None = None
    agent_timeout: Timeout | None = None
    is_default: bool | None = None

    def to_domain(self) -> Changes:
        agent = {"api_url": self.agent_api_url, "default_agent": self.default_agent, "timeout": self.agent_timeout}
        return Changes(
            channel_type=self.channel_type,
            config=self.model_dump(include=self.model_fields_set & set(_EVOLUTION)),
            agent={name: value for name, value in agent.items() if value is not None},
            agent_api_key=self.agent_api_key,
            session_id_prefix=self.session_id_prefix,
            is_default=self.is_default,
        )


class InstanceOut(BaseModel):
    """An instance. What belongs to Evolution is null on other channels; secrets may be masked."""

    id: int
    name: str
    channel_type: ChannelType
    evolution_url: str | None
    evolution_key: str | None
    whatsapp_instance: str | None
    session_id_prefix: str
    agent_api_url: str | None
    agent_api_key: str | None
    default_agent: str | None
    agent_timeout: int
    is_default: bool
    created_at: WholeSeconds
    updated_at: WholeSeconds

    @classmethod
    def of(cls, instance: Instance, secrets: Mapping[str, str]) -> InstanceOut:
        """`secrets` are already as the caller may see them."""
        evolution = dict.fromkeys(_EVOLUTION)
        if instance.type is ChannelType.WHATSAPP:
            evolution = {name: instance.config.get(name) for name in _EVOLUTION}
            evolution["evolution_key"] = secrets.get("evolution_key")
            evolution["whatsapp_instance"] = evolution["whatsapp_instance"] or instance.name
        agent = instance.agent
        return cls(
            **evolution,
            **instance.model_dump(
                include={"name", "session_id_prefix", "is_default", "created_at", "updated_at"},
            ),
            id=instance.seq,
            channel_type=instance.type,
            agent_api_url=agent.api_url if agent else None,
            agent_api_key=secrets.get("agent_api_key"),
            default_agent=agent.default_agent if agent else None,
            agent_timeout=agent.timeout if agent else 60,
        )


EvolutionState = Literal["open", "connecting", "close"]

_EVOLUTION_STATES: Mapping[InstanceStatus, EvolutionState] = {
    InstanceStatus.CONNECTED: "open",
    InstanceStatus.CONNECTING: "connecting",
    InstanceStatus.WAITING_FOR_SCAN: "connecting",
}
"""Evolution's words; what is neither connected nor about to be is closed."""


class EvolutionStatus(BaseModel):
    """How a WhatsApp account stands as its webhooks and the hub's own checks have told, in Evolution's words."""

    state: EvolutionState
    owner_jid: str | None
    profile_name: str | None
    profile_picture_url: None
    last_updated: WholeSeconds
    error: str | None

    @classmethod
    def of(cls, instance: Instance) -> EvolutionStatus:
        return cls(
            state=_EVOLUTION_STATES.get(instance.status, "close"),
            owner_jid=_owner_jid(instance),
            profile_name=instance.display_name,
            profile_picture_url=None,
            last_updated=instance.checked_at or instance.updated_at,
            error=str(instance.status_detail) if instance.status_detail else None,
        )


def _owner_jid(instance: Instance) -> str | None:
    digits = re.sub(r"\D", "", instance.phone_number or "")
    return f"{digits}@s.whatsapp.net" if digits and instance.type is ChannelType.WHATSAPP else None


class DetailedInstanceOut(InstanceOut):
    """An instance with what tools for later servers read, who always send `include_status`."""

    is_active: bool
    phone_number: str | None
    profile_name: str | None
    owner_jid: str | None
    enable_auto_split: bool
    evolution_status: EvolutionStatus | None

    @classmethod
    def detailed(cls, instance: Instance, documented: InstanceOut, *, with_status: bool) -> DetailedInstanceOut:
        has_status = with_status and instance.type is ChannelType.WHATSAPP
        return cls(
            **documented.model_dump(),
            is_active=instance.status is InstanceStatus.CONNECTED,
            phone_number=instance.phone_number,
            profile_name=instance.display_name,
            owner_jid=_owner_jid(instance),
            enable_auto_split=True,
            evolution_status=EvolutionStatus.of(instance) if has_status else None,
        )


class InstancePath(BaseModel):
    instance_name: str


class InstanceQuery(BaseModel):
    include_status: bool | None = Field(
        default=None, description="With any value the answer also has what later servers have, with `true` the state."
    )


class InstancesQuery(InstanceQuery):
    skip: int = Field(default=0, ge=0, le=10_000)
    limit: int = Field(default=100, ge=1, description="above 1000 it counts as 1000")
    include: Literal["all"] | None = Field(
        default=None, description="`all`: every channel type, also where `include_status` asks for the documented three"
    )

    @property
    def types(self) -> Sequence[ChannelType] | None:
        """The types to list, None for all: tools that send `include_status` fail on a type they do not know."""
        return SUPPORTED if self.include_status is not None and self.include is None else None


class ChannelsQuery(BaseModel):
    include: str | None = Field(default=None, description="`all` for every channel of the hub")


class SupportedChannelsOut(BaseModel):
    supported_channels: list[ChannelType]
    total_channels: int


class ReadInstanceOut(RootModel[DetailedInstanceOut | InstanceOut]):
    """An instance, with more of it where `include_status` is sent."""


class InstancesOut(RootModel[list[DetailedInstanceOut | InstanceOut]]):
    """A bare list."""
