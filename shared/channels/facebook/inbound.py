"""Messenger's webhook events into the normal form."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared.channelkit.payloads import checked
from shared.channels.facebook.contents import contents
from shared.channels.facebook.events import Event
from shared.domain.inbound import (
    ChannelEvent,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Receipt,
    Sender,
    Watermark,
)
from shared.domain.messages import MessageKind, MessageStatus
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)

IGNORED = frozenset(
    {
        "sender",
        "recipient",
        "timestamp",
        "hop_context",
        "referral",
        "optin",  # codespell:ignore optin
        "account_linking",
        "app_roles",
        "game_play",
        "pass_thread_control",
        "take_thread_control",
        "request_thread_control",
        "policy_enforcement",
        "policy-enforcement",
        "messaging_feedback",
        "messaging_customer_information",
        "checkout_update",
        "payment",
        "order",
        "pre_checkout",
        "typing",
    }
)


def parse(payload: Any) -> list[ChannelEvent]:
    """The item's events; kinds that mean nothing here are listed in `IGNORED`, unknown ones are logged."""
    event = checked("facebook", Event, payload)
    for kind in payload.keys() - IGNORED - _PARSERS.keys():
        _log.warning("facebook event of unknown kind ignored", extra={"event_kind": str(kind)[:64]})
    echo = event.message is not None and event.message.is_echo
    customer = (event.recipient if echo else event.sender).id
    if customer is None:
        _log.info("facebook event of somebody without a page-scoped id ignored")
        return []
    events: list[ChannelEvent] = []
    for kind, parser in _PARSERS.items():
        if getattr(event, kind) is not None:
            events += parser(event, customer)
    return events


def _when(event: Event) -> datetime:
    if event.timestamp is None:
        raise PayloadInvalid("facebook: timestamp is missing")
    return event.timestamp


def _sender(customer: str) -> Sender:
    return Sender(external_user_id=customer, keys=(customer,))


def _message(event: Event, customer: str) -> list[ChannelEvent]:
    message = event.message
    if message is None:
        return []
    if message.is_deleted:
        return [MessageDeleted(external_message_id=message.mid, deleted_at=event.timestamp)]
    content = contents(message)
    return [
        MessageReceived(
            external_message_id=message.mid,
            external_conversation_id=customer,
            chat_key=customer,
            sender=_sender(customer),
            kind=content.kind,
            text=content.text,
            attachments=content.attachments,
            sent_at=_when(event),
            from_me=message.is_echo,
            reply_to=message.reply_to.mid if message.reply_to else None,
            content=content.content,
            extra=content.extra,
        )
    ]


def _edited(event: Event, customer: str) -> list[ChannelEvent]:
    edit = event.message_edit
    if edit is None:
        return []
    return [MessageEdited(external_message_id=edit.mid, text=edit.text, edited_at=_when(event))]


def _postback(event: Event, customer: str) -> list[ChannelEvent]:
    postback = event.postback
    if postback is None:
        return []
    at = _when(event)
    return [
        MessageReceived(
            # Postbacks have an id of their own only since version 11 of the Graph API.
            external_message_id=postback.mid or f"postback:{customer}:{round(at.timestamp() * 1000)}",
            external_conversation_id=customer,
            chat_key=customer,
            sender=_sender(customer),
            kind=MessageKind.INTERACTIVE,
            text=postback.title or postback.payload,
            sent_at=at,
            content=postback.content,
        )
    ]


def _reaction(event: Event, customer: str) -> list[ChannelEvent]:
    reaction = event.reaction
    if reaction is None:
        return []
    return [
        ReactionChanged(
            external_message_id=reaction.mid,
            sender_key=customer,
            emoji=reaction.current,
            reacted_at=_when(event),
        )
    ]


def _delivery(event: Event, customer: str) -> list[ChannelEvent]:
    delivery = event.delivery
    if delivery is None:
        return []
    done = MessageStatus.DELIVERED
    receipts = [Receipt(external_message_id=mid, status=done) for mid in delivery.mids]
    return [*receipts, Watermark(chat_key=customer, status=done, until=delivery.watermark)]


def _read(event: Event, customer: str) -> list[ChannelEvent]:
    if event.read is None:
        return []
    return [Watermark(chat_key=customer, status=MessageStatus.READ, until=event.read.watermark)]


_PARSERS: Mapping[str, Callable[[Event, str], list[ChannelEvent]]] = {
    "message": _message,
    "message_edit": _edited,
    "postback": _postback,
    "reaction": _reaction,
    "delivery": _delivery,
    "read": _read,
}
