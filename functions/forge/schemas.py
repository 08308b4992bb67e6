"""Forge's wire forms, with the names of its TypeScript types."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from shared.domain import forge
from shared.domain.forge import RecipientType
from shared.usecases.forge.forge import Forge, NewSettings
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
    ignored: ClassVar = frozenset({"success"})

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


class SavedSettings(ForgeProjectSettings):
    """The settings as they are now."""

    success: bool


class OmniInstance(BaseModel):
    """An instance; what else the Omni server tells of it is passed on, secrets excepted."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    status: str


class OmniInstances(BaseModel):
    instances: list[OmniInstance]
