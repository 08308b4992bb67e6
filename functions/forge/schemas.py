"""Forge's wire forms, with the names of its TypeScript types."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from shared.domain import forge
from shared.domain.forge import RecipientType
from shared.usecases.forge.forge import Forge, NewSettings
from shared.usecases.forge.forge_instances import Item, Trial, channel_of
from shared.usecases.instances.instance_config import is_mask, mask


def _nothing(value: str | None) -> str | None:
    """Forms send empty fields; they count as null."""
    return value.strip() or None if value else None


def _blank_is_null(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _sendable(value: str | None) -> str | None:
    value = _nothing(value)
    if value and not is_mask(value) and not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must be printable ASCII without spaces")
    return value


Text = Annotated[str | None, Field(max_length=256), AfterValidator(_nothing)]


class OmniConfigIn(BaseModel):
    """`api_key` left out, or as it was shown masked, leaves the key as it is; null takes it away."""

    model_config = ConfigDict(title="OmniConfigIn")

    enabled: StrictBool = False
    host: Annotated[str | None, Field(max_length=2048), AfterValidator(_nothing)] = Field(
        default=None, examples=["http://localhost:8882"]
    )
    api_key: Annotated[str | None, Field(max_length=4096), AfterValidator(_sendable)] = None
    instance: Text = None
    recipient: Text = None
    recipient_type: Annotated[RecipientType | None, BeforeValidator(_blank_is_null)] = None


class ForgeProjectSettingsIn(BaseModel):
    """The whole settings; an `omni_config` of null empties all of it."""

    # What an answer has beside the settings, for clients that send one back.
    ignored: ClassVar = frozenset({"success", "data", "error_data", "message"})

    omni_enabled: StrictBool
    omni_config: OmniConfigIn | None

    def to_domain(self) -> NewSettings:
        config = self.omni_config or OmniConfigIn(api_key=None)
        keep = "api_key" not in config.model_fields_set or is_mask(config.api_key)
        return NewSettings(
            omni_enabled=self.omni_enabled,
            config=forge.OmniConfig.model_validate(config.model_dump(exclude={"api_key"})),
            api_key=None if keep else config.api_key,
            keep_key=keep,
        )


class OmniConfig(BaseModel):
    enabled: bool
    host: str | None
    api_key: str | None
    instance: str | None
    recipient: str | None
    recipient_type: RecipientType | None


class ForgeProjectSettings(BaseModel):
    """A tenant's settings. The key is masked unless the caller may read secrets or has just sent it."""

    omni_enabled: bool
    omni_config: OmniConfig

    @classmethod
    def of(cls, saved: Forge, *, clear: bool) -> ForgeProjectSettings:
        """The deployment's own key is never shown in clear."""
        key = saved.api_key
        config = saved.settings.config.model_dump() | {"host": saved.host}
        config["api_key"] = key if key is None or (clear and saved.own_key) else mask(key)
        return cls(omni_enabled=saved.settings.omni_enabled, omni_config=OmniConfig.model_validate(config))


class Enveloped(BaseModel):
    """What later builds of Forge's client look for around an answer: whether it is one, and in `data` what it says."""

    success: Literal[True] = True
    error_data: None = None
    message: str | None = None


class ForgeSettingsOut(ForgeProjectSettings, Enveloped):
    """The settings, once for each generation of Forge's client."""

    data: ForgeProjectSettings

    @classmethod
    def enveloped(cls, settings: ForgeProjectSettings) -> ForgeSettingsOut:
        return cls(omni_enabled=settings.omni_enabled, omni_config=settings.omni_config, data=settings)


class OmniChannel(BaseModel):
    """An instance as Forge's dialogs list it, of any channel."""

    instance_name: str
    channel_type: str
    display_name: str
    status: str
    is_healthy: bool

    @classmethod
    def of(cls, item: Item) -> OmniChannel:
        """Of what the Omni server tells, which may have names for people under several keys."""
        names = (item.get(key) for key in ("display_name", "displayName", "profile_name", "profileName"))
        healthy = item.get("is_healthy")
        return cls(
            instance_name=item["name"],
            channel_type=channel_of(item),
            display_name=next((name for name in names if isinstance(name, str) and name), item["name"]),
            status=item["status"],
            is_healthy=healthy if isinstance(healthy, bool) else item["status"] == "connected",
        )


class OmniInstance(BaseModel):
    """An instance; what else the Omni server tells of it is passed on, secrets excepted."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    status: str
    instance_name: str
    channel_type: str
    display_name: str
    is_healthy: bool

    @classmethod
    def of(cls, item: Item) -> OmniInstance:
        return cls.model_validate(item | OmniChannel.of(item).model_dump())


class OmniInstances(BaseModel):
    instances: list[OmniInstance]


class OmniInstancesOut(OmniInstances, Enveloped):
    """The instances, once for each generation of Forge's client."""

    data: OmniInstances


class OmniServerIn(BaseModel):
    """An Omni server to try; `api_key` may be masked as the settings show it."""

    host: Annotated[str | None, Field(max_length=2048), AfterValidator(_nothing)] = Field(
        default=None, examples=["http://localhost:8882"]
    )
    api_key: Annotated[str | None, Field(max_length=4096), AfterValidator(_sendable)] = None


class OmniTrial(BaseModel):
    """Whether the server takes the key; `error` says why not."""

    valid: bool
    instances: list[OmniChannel]
    error: str | None

    @classmethod
    def of(cls, trial: Trial) -> OmniTrial:
        return cls(valid=trial.error is None, instances=list(map(OmniChannel.of, trial.instances)), error=trial.error)


class OmniChannelsOut(Enveloped):
    data: list[OmniChannel]


class OmniTrialOut(Enveloped):
    data: OmniTrial


class TestMessageOut(Enveloped):
    """`data` says what was sent, in a sentence."""

    data: str
