"""From a raw event to stored messages: parse, and hand every normal event to what it means."""

from __future__ import annotations

import logging

from shared.channel.inbound import InboundModule, SupportsEnrichment
from shared.channels import ability, implementation
from shared.deps import Deps
from shared.domain.events import InboundEvent
from shared.domain.inbound import (
    CallChanged,
    ChannelEvent,
    ChatMoved,
    ConnectionChanged,
    ConsentChanged,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    PairingCodeIssued,
    ReactionChanged,
    Receipt,
    Watermark,
)
from shared.domain.instances import Instance
from shared.domain.notifications import Notification
from shared.errors import PayloadInvalid
from shared.usecases.conversations import calls
from shared.usecases.customers import consent
from shared.usecases.ingest import message_changes, messages
from shared.usecases.instances import connection_state, instance_config, instance_lookup
from shared.usecases.instances.instance_documents import label
from shared.usecases.reporting.notifications import notify_once

log = logging.getLogger(__name__)


def normalize(deps: Deps, event: InboundEvent) -> None:
    """Store what a raw event says. Doing it again changes nothing.

    An event for an instance that is gone, or that belongs to another tenant, is
    logged and dropped. One that the channel cannot read is reported to the
    tenant; the raw event stays on the bus's record, so that a mended parser can
    replay it.
    """
    instance = instance_lookup.find_for_webhook(deps, instance_id=event.instance_id)
    if instance is None or instance.tenant_id != event.tenant_id:
        log.warning("dropped an event for an unknown instance", extra={"instance_id": event.instance_id})
        return
    inbound, enrichment = implementation(event.channel, InboundModule), ability(event.channel, SupportsEnrichment)
    payload = event.payload
    try:
        if enrichment is not None:
            payload = enrichment.enrich(deps, instance, instance_config.load_config(deps, instance), payload)
        parsed = inbound.parse(payload)
    except PayloadInvalid as error:
        _report(deps, instance, event, error)
        return
    for channel_event in parsed:
        _apply(deps, instance, event, channel_event)


def _apply(deps: Deps, instance: Instance, event: InboundEvent, what: ChannelEvent) -> None:
    match what:
        case MessageReceived():
            messages.store_message(deps, instance, event, what)
        case Receipt():
            message_changes.apply_receipt(deps, instance, what)
        case Watermark():
            message_changes.apply_watermark(deps, instance, what)
        case MessageEdited():
            message_changes.apply_edit(deps, instance, what)
        case MessageDeleted():
            message_changes.apply_deletion(deps, instance, what, event.received_at)
        case ReactionChanged():
            message_changes.apply_reaction(deps, instance, what)
        case _:
            _apply_beside(deps, instance, what)


def _apply_beside(deps: Deps, instance: Instance, what: ChannelEvent) -> None:
    """What changes no message, but the account, the chat or the person."""
    match what:
        case ConnectionChanged():
            connection_state.apply_connection(deps, instance, what)
        case PairingCodeIssued():
            connection_state.apply_pairing_code(deps, instance, what)
        case ChatMoved():
            messages.move_chat(deps, instance, what)
        case ConsentChanged():
            consent.change(deps, instance, what)
        case CallChanged():
            calls.change(deps, instance, what)


def _report(deps: Deps, instance: Instance, event: InboundEvent, error: PayloadInvalid) -> None:
    log.error(
        "a webhook could not be read", extra={"instance_id": instance.id, "event_id": event.id, "why": str(error)}
    )
    notify_once(
        deps,
        Notification(
            id=f"unreadable-{event.id}",
            tenant_id=instance.tenant_id,
            type="webhook_unreadable",
            title="A webhook could not be read",
            message=f"{label(instance)}: {error.detail}. The raw event {event.id} is kept.",
            created_at=deps.now(),
        ),
    )
