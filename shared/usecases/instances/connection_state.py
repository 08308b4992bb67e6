"""Storing changes of an instance's connection that its provider reports."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared import channels
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.inbound import ConnectionChanged, PairingCodeIssued
from shared.domain.instances import ChannelType, Instance, InstanceStatus, PairingCode
from shared.domain.status_details import DetailCode, StatusDetail
from shared.usecases import realtime
from shared.usecases.instances import instance_lookup
from shared.usecases.instances.channel_alerts import add_alert
from shared.usecases.instances.status_details import reported

_MAX_ACCOUNTS = 200
_RECEIVED_INTERVAL = timedelta(minutes=10)


def apply_connection(deps: Deps, instance: Instance, event: ConnectionChanged) -> None:
    """Store the new state and tell the room; a state that is repeated many times a minute is stored once.

    A deleted instance that is also disconnected stays deleted.
    """

    def attempt(unit: UnitOfWork) -> None:
        after = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if after is None:
            return
        if after.status is InstanceStatus.DELETED and event.status is InstanceStatus.DISCONNECTED:
            return
        before = after.model_copy()
        _set_connection(after, event, deps.now())
        if after == before:
            return
        _finish(deps, unit, before, after)
        realtime.channel_status(deps, unit, instance, event.status)
        if event.status is InstanceStatus.CONNECTED and instance.type is ChannelType.WHATSAPP:
            realtime.whatsapp_connected(deps, unit, after)

    run_with_retry(deps, attempt)


def _set_connection(instance: Instance, event: ConnectionChanged, now: datetime) -> None:
    if event.detail is not None or event.status is not instance.status:
        instance.status_detail = reported(instance, event.detail)
    if event.status is InstanceStatus.CONNECTED and instance.status is not event.status:
        instance.is_backfill_due = instance.backfilled_at is not None
    instance.connected_at = instance.connected_at_after(event.status, now)
    instance.status = event.status
    instance.link_lost_at = None
    instance.phone_number = event.phone_number or instance.phone_number
    instance.display_name = event.display_name or instance.display_name
    if event.status is InstanceStatus.CONNECTED:
        instance.pairing = None


def apply_pairing_code(deps: Deps, instance: Instance, issued: PairingCodeIssued, issued_at: datetime) -> None:
    """Store a code to scan until it expires, and show it to the room.

    One that was issued before the account was connected is dropped: its event was overtaken.
    """
    pairing = PairingCode(
        text=issued.text,
        png_base64=issued.png_base64,
        pairing_code=issued.pairing_code,
        expires_at=deps.now() + timedelta(seconds=issued.valid_seconds),
    )
    status = InstanceStatus.WAITING_FOR_SCAN

    def attempt(unit: UnitOfWork) -> None:
        after = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if after is None or after.is_connected_since(issued_at):
            return
        before = after.model_copy()
        after.pairing, after.status, after.status_detail = pairing, status, None
        _finish(deps, unit, before, after)
        if before.status is not status:
            realtime.channel_status(deps, unit, instance, status)
        realtime.whatsapp_qr(deps, unit, instance, pairing)

    run_with_retry(deps, attempt)


def find_account(deps: Deps, adapter: str, account: str) -> Instance | None:
    """The WhatsApp instance of `DEFAULT_TENANT_ID` whose account has this name at its server, unless several have.

    For calls that carry no tenant. The result is cached for a short while.
    """
    accounts = deps.cache.get(("accounts", adapter), lambda: _accounts(deps, adapter))
    ids = accounts.get(account, [])
    return instance_lookup.find_cached(deps, instance_id=ids[0]) if len(ids) == 1 else None


def _accounts(deps: Deps, adapter: str) -> dict[str, list[str]]:
    tenant_id = deps.settings.default_tenant_id
    query = UnitOfWork(deps.store).instances.query().where(lambda instance: instance.tenant_id, "==", tenant_id)
    query = query.where(lambda instance: instance.type, "==", ChannelType.WHATSAPP)
    accounts: dict[str, list[str]] = {}
    for instance in query.order_by(lambda instance: instance.seq).page(_MAX_ACCOUNTS).documents:
        if instance.adapter == adapter:
            accounts.setdefault(_account_of(instance), []).append(instance.id)
    return accounts


def _account_of(instance: Instance) -> str:
    """What the account is called at its provider's server."""
    field = channels.channel(instance.adapter).setup.account
    return (field and instance.config.get(field)) or instance.name


def note_stray(deps: Deps, instance: Instance, account: str) -> None:
    """Show with the instance that a call which named no address of its own was about another account; once for each."""
    if account in (_account_of(instance), instance.name):
        return
    warning = StatusDetail(code=DetailCode.OTHER_ACCOUNT, account=account[:60])
    if instance.webhook.error == warning:
        return

    def attempt(unit: UnitOfWork) -> None:
        stored = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if stored is not None:
            stored.webhook.error = warning

    run_with_retry(deps, attempt)
    instance_lookup.forget(deps, instance)


def note_received(deps: Deps, instance: Instance) -> None:
    """Note that the provider's calls arrive; written every ten minutes, for a message must not cost a write more."""
    now, received_at = deps.now(), instance.webhook.received_at
    if received_at is not None and now - received_at < _RECEIVED_INTERVAL:
        return

    def attempt(unit: UnitOfWork) -> None:
        stored = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if stored is not None:
            stored.webhook.received_at = now

    run_with_retry(deps, attempt)
    instance_lookup.forget(deps, instance)


def lose_link(deps: Deps, instance: Instance, why: str) -> None:
    """Note that sending showed the provider's connection to be down, whatever the provider says of it."""

    def attempt(unit: UnitOfWork) -> None:
        after = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if after is None or after.status is not InstanceStatus.CONNECTED:
            return
        before = after.model_copy()
        after.status, after.status_detail = InstanceStatus.ERROR, reported(after, why)
        after.link_lost_at = deps.now()
        _finish(deps, unit, before, after)
        realtime.channel_status(deps, unit, instance, InstanceStatus.ERROR)

    run_with_retry(deps, attempt)


def regain_link(deps: Deps, instance: Instance) -> None:
    """Note that a message was sent again."""
    apply_connection(deps, instance, ConnectionChanged(status=InstanceStatus.CONNECTED))


def _finish(deps: Deps, unit: UnitOfWork, before: Instance, after: Instance) -> None:
    after.updated_at = deps.now()
    add_alert(deps, unit, before, after.status, after.status_detail, after.updated_at)
    unit.after_commit(lambda: instance_lookup.forget(deps, before))
