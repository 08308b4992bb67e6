"""Connecting an instance with its provider, and storing the outcome."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from pydantic import BaseModel

from shared import channels
from shared.channel.lifecycle import Connection, SupportsAccounts, SupportsConnecting, SupportsRenewal
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import (
    ChannelType,
    Instance,
    InstanceStatus,
    PairingCode,
    WebhookHealth,
)
from shared.domain.status_details import StatusDetail
from shared.errors import BadRequest, Collision, Overloaded, ProviderError
from shared.usecases import realtime
from shared.usecases.instances import instance_config
from shared.usecases.instances.channel_alerts import add_alert
from shared.usecases.instances.instance_documents import release_account, release_address, reserve
from shared.usecases.instances.instance_lookup import forget
from shared.usecases.instances.status_details import reported

log = logging.getLogger(__name__)

# How long a code is valid at least; WhatsApp's first one is for a minute, the others for 20 s.
_PAIRING_VALID = timedelta(seconds=45)


def connect(deps: Deps, instance: Instance) -> Instance:
    """Register our webhook with the provider, store the outcome and tell the instance's room.

    Never fails because of the provider: its error is in `status_detail` and
    `webhook.error` then. A channel that needs no connecting is connected at once.
    """
    try:
        connection = _ask(deps, instance)
        if connection is None:
            return instance
        connected = record(deps, instance, connection)
    except (ProviderError, BadRequest, Collision, Overloaded) as error:
        return record_failure(deps, instance, error.detail)
    tell(deps, instance, connected)
    return connected


def _ask(deps: Deps, instance: Instance) -> Connection | None:
    if instance.adapter not in channels.names():
        return None
    module = channels.ability(instance.adapter, SupportsConnecting[BaseModel])
    if module is None:
        instance_config.load_config(deps, instance)
        return Connection(status=InstanceStatus.CONNECTED)
    return claiming(deps, instance, module.connect)(deps, instance, prepared_config(deps, instance))


def prepared_config(deps: Deps, instance: Instance) -> BaseModel:
    """The instance's configuration with a webhook secret in it, stored before the provider is told it.

    The provider may call before connecting returns. Raises as `load_config` does.
    """
    model = channels.channel(instance.adapter).config
    if deps.settings.makes_webhook_secrets and "webhook_secret" in model.model_fields:
        credentials = instance_config.credentials(deps, instance)
        if not credentials.get("webhook_secret"):
            deps.secrets.write(instance.secret_name, credentials | {"webhook_secret": secrets.token_urlsafe(32)})
            deps.cache.forget(("config", instance.id))
    return instance_config.load_config(deps, instance)


def record(deps: Deps, instance: Instance, connection: Connection) -> Instance:
    """Store the outcome of connecting; raises `NotFound`, and `Collision` for another instance's account."""
    before, after = run_with_retry(deps, lambda unit: _record(deps, unit, instance, connection))
    forget(deps, before)
    forget(deps, after)
    return after


def _record(deps: Deps, unit: UnitOfWork, instance: Instance, connection: Connection) -> tuple[Instance, Instance]:
    """The instance before and after it."""
    addresses = [address for address in (connection.external_id, connection.account) if address]
    address_keys = [unit.instance_addresses.key(ids.instance_address(instance.adapter, each)) for each in addresses]
    unit.fetch(unit.instances.key(instance.id), *address_keys)
    before = unit.instances.owned(instance.tenant_id, instance.id)
    after = unit.instances.put(_connected(deps, before, connection))
    add_alert(deps, unit, before, after.status, None, deps.now())
    if connection.external_id:
        reserve(unit, before, connection.external_id)
        if connection.external_id != before.external_id:
            release_address(unit, before)
    if connection.account:
        _reserve_account(unit, before, connection.account)
    if connection.secrets:
        deps.secrets.write(before.secret_name, instance_config.credentials(deps, before) | dict(connection.secrets))
    return before, after


def _reserve_account(unit: UnitOfWork, instance: Instance, account: str) -> None:
    reserve(unit, instance, account)
    if instance.account != account:
        release_account(unit, instance)


def claim_account(deps: Deps, instance: Instance, account: str) -> None:
    """Make an account belong to the instance, which gives up its former one; raises `Collision` for another's."""
    if instance.account == account:
        return

    def attempt(unit: UnitOfWork) -> None:
        address_key = unit.instance_addresses.key(ids.instance_address(instance.adapter, account))
        unit.fetch(unit.instances.key(instance.id), address_key)
        current = unit.instances.owned(instance.tenant_id, instance.id)
        _reserve_account(unit, current, account)
        current.account = account

    run_with_retry(deps, attempt)
    forget(deps, instance)


def check_account(deps: Deps, instance: Instance, config: BaseModel) -> None:
    """Raise `Collision` where the account that is configured belongs to another instance."""
    module = channels.ability(instance.adapter, SupportsAccounts[BaseModel])
    account = module.account(deps, instance, config) if module else None
    if account and account_holder(deps, instance.adapter, account) not in (None, instance.id):
        raise Collision("this account is connected to another channel")


def account_holder(deps: Deps, adapter: str, account: str) -> str | None:
    """The id of the instance that an account belongs to."""
    reservation = UnitOfWork(deps.store).instance_addresses.get(ids.instance_address(adapter, account))
    return reservation.instance_id if reservation else None


def claiming(deps: Deps, instance: Instance, connect: Callable[..., Connection]) -> Callable[..., Connection]:
    """A channel's function that connects, with the means to reserve the account where two instances could have it."""
    if channels.ability(instance.adapter, SupportsAccounts[BaseModel]) is None:
        return connect
    return partial(connect, claim=partial(claim_account, deps, instance))


def _connected(deps: Deps, instance: Instance, connection: Connection) -> Instance:
    now = deps.now()
    # A code that a webhook brought while we were connecting is still valid.
    pairing = None if connection.status is InstanceStatus.CONNECTED else instance.pairing
    if connection.qr_text or connection.qr_png_base64:
        pairing = PairingCode(
            text=connection.qr_text,
            png_base64=connection.qr_png_base64,
            pairing_code=connection.pairing_code,
            expires_at=now + _PAIRING_VALID,
        )
    status = connection.status
    if status is InstanceStatus.CONNECTING and pairing and pairing.expires_at > now:
        status = InstanceStatus.WAITING_FOR_SCAN
    return instance.model_copy(
        update={
            "status": status,
            "status_detail": detail_after(instance, connection),
            "link_lost_at": None,
            "config": instance.config | dict(connection.config),
            "external_id": connection.external_id or instance.external_id,
            "account": connection.account or instance.account,
            "phone_number": connection.phone_number or instance.phone_number,
            "display_name": connection.display_name or instance.display_name,
            "pairing": pairing,
            "connect_tried_at": now,
            "connected_at": instance.connected_at_after(status, now),
            "webhook": webhook_health(deps, instance, connection),
            "renewed_at": now if ends_by_itself(instance) else None,
            "updated_at": now,
        }
    )


def ends_by_itself(instance: Instance) -> bool:
    """Whether the account's credential has to be renewed now and then."""
    return channels.ability(instance.adapter, SupportsRenewal[BaseModel]) is not None


def detail_after(instance: Instance, connection: Connection) -> StatusDetail | None:
    """Why the connection has its status; a provider that repeats a status without a reason leaves the one we know."""
    if connection.detail is None and connection.status is instance.status:
        return instance.status_detail
    return reported(instance, connection.detail)


def webhook_health(deps: Deps, instance: Instance, connection: Connection) -> WebhookHealth:
    """What is known of the instance's webhook after it was connected or checked."""
    if connection.webhook_url:
        received_at = instance.webhook.received_at
        return WebhookHealth(url=connection.webhook_url, registered_at=deps.now(), received_at=received_at)
    return instance.webhook.model_copy(update={"error": reported(instance, connection.webhook_error)})


def record_failure(deps: Deps, instance: Instance, reason: str) -> Instance:
    """Store why an account could not be connected, and tell its room and its tenant."""
    log.warning("a channel could not be connected", extra={"instance_id": instance.id, "reason": reason})

    def attempt(unit: UnitOfWork) -> Instance:
        before = unit.instances.owned(instance.tenant_id, instance.id)
        why = reported(before, reason)
        after = before.model_copy(
            update={
                "status": InstanceStatus.ERROR,
                "status_detail": why,
                "webhook": before.webhook.model_copy(update={"error": why}),
                "connect_tried_at": deps.now(),
                "updated_at": deps.now(),
            }
        )
        add_alert(deps, unit, before, InstanceStatus.ERROR, why, deps.now())
        return unit.instances.put(after)

    failed = run_with_retry(deps, attempt)
    forget(deps, failed)
    tell(deps, instance, failed)
    return failed


def tell(deps: Deps, before: Instance, after: Instance) -> None:
    """Tell the instance's room how its connection has changed."""
    realtime.channel_status(deps, None, after, after.status)
    if after.type is not ChannelType.WHATSAPP:
        return
    if after.pairing and after.pairing != before.pairing:
        realtime.whatsapp_qr(deps, None, after, after.pairing)
    if after.status is InstanceStatus.CONNECTED and before.status is not InstanceStatus.CONNECTED:
        realtime.whatsapp_connected(deps, None, after)
