"""OmniChat's wire forms of channel instances."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, RootModel
from pydantic.alias_generators import to_camel

from functions.omnichat.realtime_schemas import CHANNEL_STATUS
from functions.omnichat.schemas import AgentChoice, Done, Request, Wire
from functions.omnichat.vocabulary import VOCABULARY
from shared.deps import Deps
from shared.domain.agents import AgentBinding
from shared.domain.instances import ChannelType, Instance, InstanceStatus, PairingCode, WebhookHealth
from shared.domain.status_details import StatusDetail
from shared.domain.storable import check_storable
from shared.http.display_names import Name
from shared.http.times import Milliseconds
from shared.usecases.instances import next_steps, unlisted
from shared.usecases.instances.instance_config import AGENT_API_KEY, mask, model_of, shown_config
from shared.usecases.instances.instance_documents import label, public_metadata
from shared.usecases.instances.instances import Changes, NewInstance
from shared.usecases.instances.next_steps import NextStep
from shared.usecases.instances.qr_pictures import png_base64
from shared.usecases.instances.unlisted import Unlisted, split_metadata


def canonical_type(value: object) -> object:
    return value.strip().lower().replace("-", "_") if isinstance(value, str) else value


def _check_storable(value: dict[str, Any]) -> dict[str, Any]:
    check_storable(value, kilobytes=64)
    return value


Metadata = Annotated[dict[str, Any], AfterValidator(_check_storable)]
ExternalId = Annotated[str, Field(max_length=255)]


class ChannelIn(Request, Wire):
    """A new channel. Several may have the same `name`; `adapter` chooses among the ways to reach a type."""

    ignored: ClassVar = frozenset({"tenantId"})

    name: Name
    type: Annotated[ChannelType, BeforeValidator(canonical_type)] = Field(description="WHATSAPP, TELEGRAM_BOT, …")
    metadata: Metadata | None = None
    config: dict[str, Any] | None = None
    external_id: ExternalId | None = None
    adapter: str | None = None
    is_default: bool = False

    def to_domain(self) -> NewInstance:
        return NewInstance(
            channel_type=self.type,
            label=self.name,
            adapter=self.adapter,
            config=self.config or {},
            metadata=self.metadata or {},
            external_id=self.external_id,
            is_default=self.is_default,
        )


class ChannelPatch(Request, Wire):
    """Only what is given changes; in `config` only the given keys do, and null takes a key away."""

    takes_away = frozenset({"external_id"})

    name: Name | None = None
    metadata: Metadata | None = None
    config: dict[str, Any] | None = None
    external_id: ExternalId | None = None
    is_default: bool | None = None

    def to_domain(self) -> Changes:
        removes_account = "external_id" in self.model_fields_set and self.external_id is None
        return Changes(
            label=self.name,
            metadata=self.metadata,
            config=self.config or {},
            external_id="" if removes_account else self.external_id,
            is_default=self.is_default,
        )


def _sentence(detail: StatusDetail | None) -> str | None:
    return VOCABULARY.sentence(detail.sentence) if detail else None


class WebhookOut(Wire):
    """Whether the provider knows where to call; `error` is what it said when it was told.

    `received_at` is when the last call came, to ten minutes; `refusal` says why the last of `refused_count` calls was
    refused at `refused_at`.
    """

    url: str | None
    registered_at: Milliseconds | None
    error: str | None
    received_at: Milliseconds | None
    refused_count: int
    refused_at: Milliseconds | None
    refusal: str | None

    @classmethod
    def of(cls, webhook: WebhookHealth) -> WebhookOut:
        return cls.model_validate(
            webhook.model_dump() | {"error": _sentence(webhook.error), "refusal": _sentence(webhook.refusal)}
        )


class ChannelOut(Wire):
    """A channel. Secrets in `config` are masked for everybody.

    `qrCode` is the text of a code to scan with WhatsApp until `qrCodeExpiry`; only admins are shown it.
    """

    id: str
    tenant_id: str
    name: str
    type: str = Field(examples=["TELEGRAM_BOT"])
    adapter: str
    status: str = Field(examples=["CONNECTED"])
    status_detail: str | None
    external_id: str | None
    config: dict[str, Any]
    metadata: dict[str, Any]
    is_default: bool
    webhook: WebhookOut
    created_at: Milliseconds
    updated_at: Milliseconds
    qr_code: str | None
    qr_code_expiry: Milliseconds | None
    last_connect_attempt: Milliseconds | None
    last_connected_at: Milliseconds | None
    last_error: str | None

    @classmethod
    def of(cls, instance: Instance, secrets: Mapping[str, str], code: PairingCode | None = None) -> Self:
        """The channel, with the code to scan if it is to be shown."""
        same = {"id", "tenant_id", "adapter", "external_id", "is_default", "created_at", "updated_at"}
        reason = _sentence(instance.status_detail)
        return cls(
            **instance.model_dump(include=same),
            name=label(instance),
            type=instance.type.upper(),
            status=CHANNEL_STATUS[instance.status],
            status_detail=reason,
            config=_config(instance, secrets),
            metadata=_metadata(instance, secrets),
            webhook=WebhookOut.of(instance.webhook),
            qr_code=code.text if code else None,
            qr_code_expiry=code.expires_at if code and code.text else None,
            last_connect_attempt=instance.connect_tried_at,
            last_connected_at=instance.connected_at,
            last_error=reason if instance.status is InstanceStatus.ERROR else None,
        )

    @classmethod
    def created(cls, instance: Instance, secrets: Mapping[str, str]) -> ChannelOut:
        """A new channel counts as disconnected; what connecting it brings is told by event and seen on reading."""
        return cls.of(instance, secrets).model_copy(update={"status": "DISCONNECTED"})


class ChannelHealthOut(Wire):
    """How a channel is: `reason` is why it is not connected, `nextStep` what somebody has to do about it.

    `webhookAddress` is where its provider calls, to be entered there where the hub does not do that itself; `webhook`
    tells of the calls.
    """

    status: str = Field(examples=["CONNECTED"])
    reason: str | None = Field(examples=["missing in config: botToken"])
    next_step: NextStep
    webhook_address: str | None = Field(examples=["https://hub.example.com/webhook/line/c-1"])
    webhook: WebhookOut

    @classmethod
    def of(cls, deps: Deps, instance: Instance) -> ChannelHealthOut:
        return cls(
            status=CHANNEL_STATUS[instance.status],
            reason=_sentence(instance.status_detail),
            next_step=next_steps.next_step(deps, instance),
            webhook_address=next_steps.address(deps, instance),
            webhook=WebhookOut.of(instance.webhook),
        )


class PairingOut(Wire):
    """A code to scan with WhatsApp, as a picture; or to type, where the channel has a `phoneNumber`."""

    qr_code: str | None = Field(description="A PNG as a data URI.")
    pairing_code: str | None
    expires_at: Milliseconds


class ConnectedOut(ChannelOut):
    """A channel that was connected, with the code to scan if it waits for that."""

    pairing: PairingOut | None = None

    @classmethod
    def connected(cls, instance: Instance, secrets: Mapping[str, str], now: datetime) -> ConnectedOut:
        pairing = instance.pairing
        if pairing is not None and pairing.expires_at <= now:
            pairing = None
        out = cls.of(instance, secrets, pairing)
        if pairing is not None:
            picture = png_base64(pairing)
            out.pairing = PairingOut(
                qr_code=f"data:image/png;base64,{picture}" if picture else None,
                pairing_code=pairing.pairing_code,
                expires_at=pairing.expires_at,
            )
        return out


def _config(instance: Instance, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Known fields in camel case, unknown ones under the name that was given, and masked."""
    model = model_of(instance.adapter)
    fields = set(model.model_fields) if model else set()
    masked = {name: mask(value) for name, value in secrets.items() if name not in (AGENT_API_KEY, unlisted.SECRET)}
    config = shown_config(instance) | masked | unlisted.masked(Unlisted.of(secrets).config)
    return {to_camel(name) if name in fields else name: value for name, value in config.items()}


def _metadata(instance: Instance, secrets: Mapping[str, str]) -> dict[str, Any]:
    listed, unknown = split_metadata(public_metadata(instance), {})
    number = {"phoneNumber": instance.phone_number} if instance.phone_number else {}
    return listed | unlisted.masked(unknown | Unlisted.of(secrets).metadata) | number


class ChannelUserOut(Wire):
    """The account that a channel is connected as."""

    name: str | None
    phone_number: str | None


class ChannelStatusOut(Done):
    """Where a channel stands; `error` is why it is not connected."""

    status: Literal["connected", "connecting", "disconnected", "error"]
    connected: bool
    user: ChannelUserOut | None
    error: str | None

    @classmethod
    def of(cls, instance: Instance) -> ChannelStatusOut:
        is_connected = instance.status is InstanceStatus.CONNECTED
        user = ChannelUserOut(name=instance.display_name, phone_number=instance.phone_number)
        status = CHANNEL_STATUS[instance.status].lower()
        error = _sentence(instance.status_detail)
        fields = {"status": status, "connected": is_connected, "user": user if is_connected else None, "error": error}
        return cls.model_validate(fields)


class StartedOut(Done):
    """What comes of it is told by event, and seen in the channel."""

    status: Literal["starting"] = "starting"


class BindingIn(Request, Wire):
    """Only what is given changes; null takes agent or behaviour away."""

    takes_away = frozenset({"agent_id", "behavior"})

    agent_id: AgentChoice = None
    behavior: str | None = Field(default=None, max_length=2000)
    auto_reply: bool = True


class BindingFields(Wire):
    agent_id: str | None
    behavior: str | None
    auto_reply: bool


class BindingOut(Done):
    """Who answers on a channel by itself; null where nobody has decided that."""

    binding: BindingFields | None

    @classmethod
    def of(cls, binding: AgentBinding | None) -> BindingOut:
        return cls(binding=BindingFields.model_validate(binding.model_dump()) if binding else None)


class ChannelPath(Wire):
    id: str


class ChannelsQuery(Wire):
    limit: int = Field(default=100, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2048)


class ChannelsOut(RootModel[list[ChannelOut]]):
    """A bare list."""
