"""Connecting an instance with its provider, and keeping what came of it."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from pydantic import BaseModel

from shared import channels
from shared.channel import Connection
from shared.deps import Deps
from shared.domain.instances import ChannelType, Instance, InstanceStatus, PairingCode, WebhookHealth
from shared.errors import BadRequest, Collision, NotFound, Overloaded, ProviderError
from shared.ports.store import Create, Document, Ref, Set, Write
from shared.usecases import realtime, refs
from shared.usecases.instances import instance_config
from shared.usecases.instances.channel_alerts import alert_writes
from shared.usecases.instances.instance_documents import address_ref, commit, release
from shared.usecases.instances.instance_lookup import forget
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)

# As long as a code is good for at least; WhatsApp's first one lives a minute, the others 20 s.
_PAIRING_VALID = timedelta(seconds=45)


def connect(deps: Deps, instance: Instance) -> Instance:
    """Tell the provider where to call us, keep the outcome and tell the instance's room.

    Never fails because of the provider: what it said is in `status_detail` and
    `webhook.error` then. A channel that needs no connecting is connected at once.
    """
    try:
        connection = _ask(deps, instance)
    except (ProviderError, BadRequest, Overloaded) as error:
        return _failed(deps, instance, error.detail)
    if connection is None:
        return instance
    try:
        connected = decide(lambda: record(deps, instance, connection))
    except Collision as error:
        return _failed(deps, instance, error.detail)
    tell(deps, instance, connected)
    return connected


def _ask(deps: Deps, instance: Instance) -> Connection | None:
    if instance.adapter not in channels.names():
        return None
    channel = channels.channel(instance.adapter)
    if channel.connect is None:
        instance_config.load_config(deps, instance)
        return Connection(status=InstanceStatus.CONNECTED)
    return channel.connect(deps, instance, prepared_config(deps, instance))


def prepared_config(deps: Deps, instance: Instance) -> BaseModel:
    """The instance's configuration with a webhook secret in it, kept before the provider knows it.

    The provider may call before connecting returns. Raises as `load_config` does.
    """
    model = channels.channel(instance.adapter).config
    if deps.settings.makes_webhook_secrets and "webhook_secret" in model.model_fields:
        known = instance_config.credentials(deps, instance)
        if not known.get("webhook_secret"):
            deps.secrets.write(instance.secret_name, known | {"webhook_secret": secrets.token_urlsafe(32)})
            deps.cache.forget(("config", instance.id))
    return instance_config.load_config(deps, instance)


def record(deps: Deps, instance: Instance, connection: Connection) -> Instance:
    """Keep what connecting brought about, once; raises `Conflict`, and `Collision` for another instance's account."""
    ref = refs.instance(instance.id)
    account = connection.external_id
    address = address_ref(instance.adapter, account) if account else None
    found = deps.store.get([ref, address] if address else [ref])
    before = _present(found.get(ref))
    after = _with(deps, before, connection)
    writes: list[Write] = [Set(ref, after.model_dump(), found[ref].version)]
    writes += alert_writes(before, after.status, None, deps.now())
    if address:
        writes += _claim(deps, before, address, found.get(address))
    if connection.secrets:
        deps.secrets.write(before.secret_name, instance_config.credentials(deps, before) | dict(connection.secrets))
    commit(deps, writes)
    forget(deps, before)
    forget(deps, after)
    return after


def _present(document: Document | None) -> Instance:
    if document is None:
        raise NotFound("Instance not found")
    return Instance.model_validate(document.data)


def _claim(deps: Deps, before: Instance, address: Ref, holder: Document | None) -> list[Write]:
    """Make the provider's account lead to this instance, unless it leads to another one."""
    if holder is not None and holder.data["instance_id"] != before.id:
        raise Collision("this account is already connected to another channel")
    if holder is not None:
        return []
    return [*release(deps, before), Create(address, {"instance_id": before.id})]


def _with(deps: Deps, instance: Instance, connection: Connection) -> Instance:
    now = deps.now()
    # A code that a webhook brought while we were connecting is still good.
    pairing = None if connection.status is InstanceStatus.CONNECTED else instance.pairing
    if connection.qr_text or connection.qr_png_base64:
        pairing = PairingCode(
            text=connection.qr_text, png_base64=connection.qr_png_base64, expires_at=now + _PAIRING_VALID
        )
    status = connection.status
    if status is InstanceStatus.CONNECTING and pairing and pairing.expires_at > now:
        status = InstanceStatus.WAITING_FOR_SCAN
    webhook = WebhookHealth()
    if connection.webhook_url:
        webhook = WebhookHealth(url=connection.webhook_url, registered_at=now)
    return instance.model_copy(
        update={
            "status": status,
            "status_detail": connection.detail,
            "link_lost_at": None,
            "config": instance.config | dict(connection.config),
            "external_id": connection.external_id or instance.external_id,
            "phone_number": connection.phone_number or instance.phone_number,
            "display_name": connection.display_name or instance.display_name,
            "pairing": pairing,
            "webhook": webhook,
            "updated_at": now,
        }
    )


def _failed(deps: Deps, instance: Instance, reason: str) -> Instance:
    log.warning("a channel could not be connected", extra={"instance_id": instance.id, "reason": reason})

    def attempt() -> Instance:
        ref = refs.instance(instance.id)
        document = deps.store.get([ref]).get(ref)
        before = _present(document)
        webhook = before.webhook.model_copy(update={"error": reason})
        after = before.model_copy(
            update={
                "status": InstanceStatus.ERROR,
                "status_detail": reason,
                "webhook": webhook,
                "updated_at": deps.now(),
            }
        )
        alerts = alert_writes(before, InstanceStatus.ERROR, reason, deps.now())
        deps.store.commit([Set(ref, after.model_dump(), document.version if document else None), *alerts])
        return after

    failed = decide(attempt)
    forget(deps, failed)
    tell(deps, instance, failed)
    return failed


def tell(deps: Deps, before: Instance, after: Instance) -> None:
    """Tell the instance's room what has become of it."""
    realtime.channel_status(deps, after, after.status)
    if after.type is not ChannelType.WHATSAPP:
        return
    if after.pairing and after.pairing != before.pairing:
        realtime.whatsapp_qr(deps, after, after.pairing)
    if after.status is InstanceStatus.CONNECTED and before.status is not InstanceStatus.CONNECTED:
        realtime.whatsapp_connected(deps, after)
