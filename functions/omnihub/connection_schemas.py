"""Omni-Hub's wire forms of a connection: how it stands, and how to bring it about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from shared.channel.oauth import Links
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.usecases.instances.qr_pictures import png_base64

State = Literal["connected", "disconnected", "connecting", "error"]
Way = Literal["qr", "oauth", "invite", "none"]
"""How an account is connected: by scanning a code, by a link for a person, by inviting a bot, or by its credentials."""

STATES: Mapping[InstanceStatus, State] = {
    InstanceStatus.NOT_CONFIGURED: "disconnected",
    InstanceStatus.CONFIGURED: "disconnected",
    InstanceStatus.DISCONNECTED: "disconnected",
    InstanceStatus.DELETED: "disconnected",
    InstanceStatus.CONNECTING: "connecting",
    InstanceStatus.WAITING_FOR_SCAN: "connecting",
    InstanceStatus.CONNECTED: "connected",
    InstanceStatus.ERROR: "error",
}
"""The four words that this dialect has for an instance's status."""


class ConnectionOut(BaseModel):
    """How to connect an instance: at most one of the three ways is given."""

    instance_name: str
    channel_type: ChannelType
    qr_code: str | None = Field(description="A PNG as a data URI.")
    auth_url: str | None
    invite_url: str | None
    status: State | Literal["waiting_for_scan"]
    message: str
    connection_type: Way
    qr_url: None = Field(description="Later servers have a page with the code; here the code is in `qr_code`.")

    @classmethod
    def scannable(cls, instance: Instance) -> ConnectionOut:
        """Of an instance whose code was just asked for."""
        if instance.status is InstanceStatus.CONNECTED:
            return cls._of(instance, "Already connected", "qr")
        picture = png_base64(instance.pairing) if instance.pairing else None
        if instance.status is InstanceStatus.WAITING_FOR_SCAN and picture:
            code = f"data:image/png;base64,{picture}"
            typed = instance.pairing.pairing_code if instance.pairing else None
            other_way = f"; or enter {typed} on the phone" if typed else ""
            return cls._of(instance, f"QR code generated successfully{other_way}", "qr", qr_code=code)
        return cls._of(
            instance, str(instance.status_detail or "The QR code is not ready yet; ask again in a few seconds"), "qr"
        )

    @classmethod
    def failed(cls, instance: Instance, reason: str) -> ConnectionOut:
        """Of an instance whose provider could not be asked for a code."""
        return cls._of(instance, reason, "qr").model_copy(update={"status": "error"})

    @classmethod
    def linked(cls, instance: Instance, links: Links | None) -> ConnectionOut:
        """Of an instance that has no code to scan; `links` is for those that a person connects in a browser."""
        if links is None:
            return cls._of(instance, _advice(instance), "none")
        connected = instance.status is InstanceStatus.CONNECTED
        message = "Already connected" if connected else links.message
        way: Way = "oauth" if links.auth_url else "invite" if links.invite_url else "none"
        return cls._of(instance, message, way, auth_url=links.auth_url, invite_url=links.invite_url)

    @classmethod
    def _of(cls, instance: Instance, message: str, way: Way, **links: str | None) -> ConnectionOut:
        waits = instance.status is InstanceStatus.WAITING_FOR_SCAN
        none: dict[str, Any] = {"qr_code": None, "auth_url": None, "invite_url": None}
        return cls(
            instance_name=instance.name,
            channel_type=instance.type,
            **(none | links),
            status="waiting_for_scan" if waits else STATES[instance.status],
            message=message,
            connection_type=way,
            qr_url=None,
        )


def _advice(instance: Instance) -> str:
    if instance.status is InstanceStatus.CONNECTED:
        return "Already connected"
    if instance.status_detail:
        return str(instance.status_detail)
    return f"A {instance.type.value} instance has no code to scan: set what its config needs, or restart it"


class StatusOut(BaseModel):
    """How an instance's connection stands. `channel_data` is what is known of the account."""

    instance_name: str
    channel_type: ChannelType
    status: State
    channel_data: dict[str, str] | None

    @classmethod
    def of(cls, instance: Instance) -> StatusOut:
        data = {"phone_number": instance.phone_number, "display_name": instance.display_name}
        if instance.status is not InstanceStatus.CONNECTED:
            data["detail"] = str(instance.status_detail or "")
        if instance.status is InstanceStatus.ERROR:
            data["error"] = data["detail"]
        return cls._of(instance, STATES[instance.status], data)

    @classmethod
    def failed(cls, instance: Instance, reason: str) -> StatusOut:
        """Of an instance whose provider could not be asked."""
        return cls._of(instance, "error", {"error": reason})

    @classmethod
    def _of(cls, instance: Instance, state: State, data: Mapping[str, str | None]) -> StatusOut:
        return cls(
            instance_name=instance.name,
            channel_type=instance.type,
            status=state,
            channel_data={name: value for name, value in data.items() if value} or None,
        )


class OperationOut(BaseModel):
    """What an operation has done; `status` is its result, not the instance's state."""

    message: str
    status: Literal["restarting", "disconnected", "deleted"]


class MessageOut(BaseModel):
    """What later servers answer to connecting and disconnecting: a sentence."""

    message: str

    @classmethod
    def of(cls, instance: Instance) -> MessageOut:
        why = f": {instance.status_detail}" if instance.status_detail else ""
        return cls(message=f"Instance {instance.name} is {STATES[instance.status]}{why}")
