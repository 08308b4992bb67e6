"""A provider tells how an instance's connection stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.deps import Deps
from shared.domain.inbound import ConnectionChanged, PairingCodeIssued
from shared.domain.instances import ChannelType, Instance, InstanceStatus, PairingCode
from shared.ports.store import Document, Merge, Order, Where
from shared.usecases import realtime, refs
from shared.usecases.instances import instance_lookup
from shared.usecases.instances.channel_alerts import alert_writes
from shared.usecases.retrying import decide

_MOST_ACCOUNTS = 200


def apply_connection(deps: Deps, instance: Instance, changed: ConnectionChanged) -> None:
    """Keep the new state and tell the room; a state repeated many times a minute is kept once.

    That a deleted instance is also disconnected is no news.
    """
    fields: dict[str, Any] = {
        "status": changed.status.value,
        "status_detail": changed.detail,
        "link_lost_at": None,
    }
    if changed.phone_number:
        fields["phone_number"] = changed.phone_number
    if changed.display_name:
        fields["display_name"] = changed.display_name
    if changed.status is InstanceStatus.CONNECTED:
        fields["pairing"] = None
    decide(lambda: _apply(deps, instance, changed, fields))


def _apply(deps: Deps, instance: Instance, changed: ConnectionChanged, fields: dict[str, Any]) -> None:
    document = _read(deps, instance)
    if document is None:
        return
    known = Instance.model_validate(document.data)
    if known.status is InstanceStatus.DELETED and changed.status is InstanceStatus.DISCONNECTED:
        return
    if all(getattr(known, name) == value for name, value in fields.items()):
        return
    _save(deps, document, fields)
    realtime.channel_status(deps, instance, changed.status)
    if changed.status is InstanceStatus.CONNECTED and instance.type is ChannelType.WHATSAPP:
        realtime.whatsapp_connected(deps, instance)


def apply_pairing_code(deps: Deps, instance: Instance, issued: PairingCodeIssued) -> None:
    """Keep a code to scan until it expires, and show it to the room."""
    pairing = PairingCode(
        text=issued.text,
        png_base64=issued.png_base64,
        pairing_code=issued.pairing_code,
        expires_at=deps.now() + timedelta(seconds=issued.valid_seconds),
    )
    decide(lambda: _apply_code(deps, instance, pairing))


def _apply_code(deps: Deps, instance: Instance, pairing: PairingCode) -> None:
    document = _read(deps, instance)
    if document is None:
        return
    status = InstanceStatus.WAITING_FOR_SCAN
    _save(deps, document, {"pairing": pairing.model_dump(), "status": status.value, "status_detail": None})
    if document.data.get("status") != status.value:
        realtime.channel_status(deps, instance, status)
    realtime.whatsapp_qr(deps, instance, pairing)


def find_account(deps: Deps, adapter: str, account: str) -> Instance | None:
    """The WhatsApp instance of `DEFAULT_TENANT_ID` whose account is called so at its server, unless several are.

    For calls that carry no tenant. What was found is kept for a short while.
    """
    accounts = deps.cache.get(("accounts", adapter), lambda: _accounts(deps, adapter))
    ids = accounts.get(account, [])
    return instance_lookup.find_for_webhook(deps, instance_id=ids[0]) if len(ids) == 1 else None


def _accounts(deps: Deps, adapter: str) -> dict[str, list[str]]:
    where = [
        Where("tenant_id", "==", deps.settings.default_tenant_id),
        Where("type", "==", ChannelType.WHATSAPP.value),
    ]
    accounts: dict[str, list[str]] = {}
    for document in deps.store.find("instances", where, [Order("seq")], limit=_MOST_ACCOUNTS).documents:
        instance = Instance.model_validate(document.data)
        if instance.adapter == adapter:
            accounts.setdefault(instance.config.get("whatsapp_instance") or instance.name, []).append(instance.id)
    return accounts


def note_stray(deps: Deps, instance: Instance, named: object, expected: object) -> None:
    """Show with the instance that a call which named no address of its own was about another account; once for each."""
    if not isinstance(named, str) or named in (expected or instance.name, instance.name):
        return
    warning = f"a call to the default webhook was about {named[:60]!r}, which is not this instance's account"
    if instance.webhook.error == warning:
        return

    def attempt() -> None:
        document = _read(deps, instance)
        if document is not None:
            deps.store.commit([Merge(document.ref, {"webhook": {"error": warning}}, document.version)])

    decide(attempt)
    instance_lookup.forget(deps, instance)


def lose_link(deps: Deps, instance: Instance, why: str) -> None:
    """Sending showed that the provider's connection is down, whatever the provider says of it."""

    def attempt() -> None:
        document = _read(deps, instance)
        if document is None or Instance.model_validate(document.data).status is not InstanceStatus.CONNECTED:
            return
        status = InstanceStatus.ERROR
        _save(deps, document, {"status": status.value, "status_detail": why, "link_lost_at": deps.now()})
        realtime.channel_status(deps, instance, status)

    decide(attempt)


def regain_link(deps: Deps, instance: Instance) -> None:
    """Something went out again."""
    apply_connection(deps, instance, ConnectionChanged(status=InstanceStatus.CONNECTED))


def _read(deps: Deps, instance: Instance) -> Document | None:
    """The instance as it is now; None when it was deleted meanwhile."""
    ref = refs.instance(instance.id)
    return deps.store.get([ref]).get(ref)


def _save(deps: Deps, document: Document, fields: dict[str, Any]) -> None:
    before = Instance.model_validate(document.data)
    alerts = alert_writes(before, InstanceStatus(fields["status"]), fields.get("status_detail"), deps.now())
    deps.store.commit([Merge(document.ref, fields | {"updated_at": deps.now()}, document.version), *alerts])
    instance_lookup.forget(deps, before)
