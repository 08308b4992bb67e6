"""Messenger's webhook events into the normal form."""

from __future__ import annotations

import logging
from typing import Any

from shared.channelkit.messenger_inbound import Parsers, edited, parsed, reacted
from shared.channelkit.payloads import checked
from shared.channels.facebook.contents import contents
from shared.channels.facebook.events import Event
from shared.domain.inbound import (
    ChannelEvent,
    MessageDeleted,
    MessageReceived,
    Receipt,
    Sender,
    Watermark,
)
from shared.domain.messages import MessageKind, MessageStatus

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
    return parsed(event, customer, _PARSERS)


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
            sent_at=event.happened_at,
            from_me=message.is_echo,
            reply_to=message.reply_to.mid if message.reply_to else None,
            content=content.content,
            extra=content.extra,
        )
    ]


def _postback(event: Event, customer: str) -> list[ChannelEvent]:
    postback = event.postback
    if postback is None:
        return []
    return [
        MessageReceived(
            # Postbacks have an id of their own only since version 11 of the Graph API.
            external_message_id=postback.mid or event.own_id("postback", customer),
            external_conversation_id=customer,
            chat_key=customer,
            sender=_sender(customer),
            kind=MessageKind.INTERACTIVE,
            text=postback.title or postback.payload,
            sent_at=event.happened_at,
            content=postback.content,
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


_PARSERS: Parsers[Event] = {
    "message": _message,
    "message_edit": edited,
    "postback": _postback,
    "reaction": reacted,
    "delivery": _delivery,
    "read": _read,
}
