"""What somebody has to do so that an instance takes and sends messages, as far as the hub knows without asking."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel

from shared import channels
from shared.channel.lifecycle import SupportsPairing
from shared.channel.login import LoginModule
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus


class NextStep(StrEnum):
    """One thing to do; `NOTHING` where all is well."""

    NOTHING = "nothing"
    ENTER_CONFIG = "enter_config"
    """Its configuration is not complete, or its provider refuses it: the reason says what."""
    SCAN = "scan"
    """Get a code, and scan it with the phone."""
    LOG_IN = "log_in"
    WAIT = "wait"
    """It is being connected."""
    CONNECT = "connect"
    """Nothing but connecting it again is needed."""
    SET_PUBLIC_URL = "set_public_url"
    """The provider cannot call a hub that does not say where it can be reached (`PUBLIC_URL`)."""
    REGISTER_WEBHOOK = "register_webhook"
    """Enter the webhook's address at the provider, which has never called."""
    CHECK_WEBHOOK_SECRET = "check_webhook_secret"  # noqa: S105 - what to do, no secret
    """The last call was refused: the secret here and the provider's are not the same."""


def next_step(deps: Deps, instance: Instance) -> NextStep:
    """What is to be done about an instance."""
    match instance.status:
        case InstanceStatus.NOT_CONFIGURED | InstanceStatus.ERROR:
            return NextStep.ENTER_CONFIG
        case InstanceStatus.WAITING_FOR_SCAN:
            return NextStep.SCAN
        case InstanceStatus.CONNECTING:
            return NextStep.WAIT
        case InstanceStatus.CONNECTED:
            return _about_webhook(deps, instance)
    return _to_connect(instance)


def address(deps: Deps, instance: Instance) -> str | None:
    """Where the instance's provider calls, or is to be told to call; None where it does not call or cannot."""
    if instance.webhook.url is not None:
        return instance.webhook.url
    if not _takes_calls(instance) or deps.settings.own_address is None:
        return None
    return f"{deps.settings.own_address}/webhook/{instance.type.value}/{instance.id}"


def _to_connect(instance: Instance) -> NextStep:
    if instance.adapter in channels.names():
        if channels.ability(instance.adapter, SupportsPairing[BaseModel]) is not None:
            return NextStep.SCAN
        if channels.ability(instance.adapter, LoginModule) is not None:
            return NextStep.LOG_IN
    return NextStep.CONNECT


def _about_webhook(deps: Deps, instance: Instance) -> NextStep:
    webhook = instance.webhook
    if not _takes_calls(instance):
        return NextStep.NOTHING
    if webhook.refused_at is not None and (webhook.received_at is None or webhook.refused_at > webhook.received_at):
        return NextStep.CHECK_WEBHOOK_SECRET
    if webhook.received_at is not None or (webhook.registered_at is not None and webhook.error is None):
        return NextStep.NOTHING
    return NextStep.REGISTER_WEBHOOK if deps.settings.public_url else NextStep.SET_PUBLIC_URL


def _takes_calls(instance: Instance) -> bool:
    return instance.adapter in channels.names() and channels.channel(instance.adapter).has_webhook
