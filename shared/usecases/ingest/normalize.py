"""From a raw event to stored messages: parse it, and apply each of the channel's events."""

from __future__ import annotations

import logging
from datetime import timedelta

from pydantic import BaseModel

from shared.channel.inbound import InboundModule, SupportsEnrichment
from shared.channels import ability, implementation
from shared.deps import Deps
from shared.domain.bounds import bounded
from shared.domain.events import InboundEvent
from shared.domain.inbound import (
    CallChanged,
    ChannelEvent,
    ChatMoved,
    ConnectionChanged,
    ConsentChanged,
    CustomerTyping,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    PairingCodeIssued,
    ReactionChanged,
    Receipt,
    TemplateChanged,
    VoteCast,
    Watermark,
)
from shared.domain.instances import Instance
from shared.domain.notifications import Notification
from shared.errors import PayloadInvalid
from shared.usecases.conversations import calls
from shared.usecases.customers import consent
from shared.usecases.ingest import chat_moves, message_changes, messages, votes
from shared.usecases.instances import connection_state, instance_config, instance_lookup
from shared.usecases.instances.instance_documents import label
from shared.usecases.reporting.notifications import notify_once

log = logging.getLogger(__name__)

_TYPING_LASTS = timedelta(seconds=10)
"""How old the news may be that somebody writes: by then they have stopped, or it was told again."""


def normalize(deps: Deps, event: InboundEvent) -> None:
    """Store what a raw event says. Doing it again changes nothing.

    An event for an instance that is gone, or that belongs to another tenant, is
    logged and dropped. One that the channel cannot read is reported to the
    tenant; the raw event stays on the bus's record, so that a mended parser can
    replay it.
    """
    instance = instance_lookup.cached(deps, event.tenant_id, event.instance_id)
    if instance is None:
        log.warning("dropped an event for an unknown instance", extra={"instance_id": event.instance_id})
        return
    inbound = implementation(event.channel, InboundModule)
    enrichment = ability(event.channel, SupportsEnrichment[BaseModel])
    payload = event.payload
    try:
        if enrichment is not None:
            payload = enrichment.enrich(deps, instance, instance_config.load_config(deps, instance), payload)
        parsed = inbound.parse(payload)
    except PayloadInvalid as error:
        _report(deps, instance, event, error)
        return
    for channel_event in parsed:
        _apply(deps, instance, event, bounded(channel_event))
    connection_state.note_received(deps, instance)


def _apply(deps: Deps, instance: Instance, event: InboundEvent, channel_event: ChannelEvent) -> None:
    match channel_event:
        case MessageReceived():
            messages.store_message(deps, instance, event, channel_event)
        case VoteCast():
            messages.store_message(deps, instance, event, votes.in_words(deps, instance, channel_event))
        case Receipt():
            message_changes.apply_receipt(deps, instance, channel_event)
        case Watermark():
            message_changes.apply_watermark(deps, instance, channel_event)
        case MessageEdited():
            message_changes.apply_edit(deps, instance, channel_event)
        case MessageDeleted():
            message_changes.apply_deletion(deps, instance, channel_event, event.received_at)
        case ReactionChanged():
            message_changes.apply_reaction(deps, instance, channel_event)
        case CustomerTyping():
            _tell_of_typing(deps, instance, event, channel_event)
        case _:
            _apply_to_others(deps, instance, event, channel_event)


def _tell_of_typing(deps: Deps, instance: Instance, event: InboundEvent, typing: CustomerTyping) -> None:
    from shared.usecases.conversations import presence  # noqa: PLC0415 - costs cold start, and few channels tell of it

    if deps.now() - event.received_at <= _TYPING_LASTS:
        presence.customer_types(deps, instance, typing.chat_key)


def _apply_to_others(deps: Deps, instance: Instance, event: InboundEvent, channel_event: ChannelEvent) -> None:
    """Events that change no message, but the account, the chat or the customer."""
    match channel_event:
        case ConnectionChanged():
            connection_state.apply_connection(deps, instance, channel_event)
        case PairingCodeIssued():
            connection_state.apply_pairing_code(deps, instance, channel_event, event.received_at)
        case ChatMoved():
            chat_moves.move_chat(deps, instance, channel_event)
        case ConsentChanged():
            consent.change(deps, instance, channel_event)
        case CallChanged():
            calls.change(deps, instance, channel_event)
        case TemplateChanged():
            from shared.usecases.instances import templates  # noqa: PLC0415 - costs cold start, and few calls tell of them

            templates.apply_change(deps, instance, channel_event)


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
