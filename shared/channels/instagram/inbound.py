"""Instagram's events into the normal form."""

from __future__ import annotations

import logging
from typing import Any

from shared.channelkit.messenger_inbound import Parsers, edited, parsed, reacted
from shared.channelkit.payloads import checked
from shared.channels.instagram.config import PROVIDER
from shared.channels.instagram.contents import contents
from shared.channels.instagram.events import Event
from shared.channels.instagram.people import enrich
from shared.channels.instagram.webhook import MESSAGING_FIELDS
from shared.domain.content import Content
from shared.domain.inbound import (
    ChannelEvent,
    MessageDeleted,
    MessageReceived,
    Receipt,
    Sender,
    Watermark,
)
from shared.domain.messages import MessageKind, MessageStatus
from shared.errors import PayloadInvalid

__all__ = ["enrich", "parse"]

_log = logging.getLogger(__name__)

IGNORED = frozenset(
    {
        "sender",
        "recipient",
        "timestamp",
        "profile",
        "optin",  # codespell:ignore optin
        "pass_thread_control",
        "take_thread_control",
        "request_thread_control",
        "app_roles",
    }
)


def parse(payload: Any) -> list[ChannelEvent]:
    """An item's events; what is of another field, or of an unknown kind, is logged by name."""
    if not isinstance(payload, dict) or not isinstance(payload.get("item"), dict):
        raise PayloadInvalid(f"{PROVIDER}: the payload has no item")
    field, item = str(payload.get("field")), payload["item"]
    if field not in MESSAGING_FIELDS:
        _log.info("instagram event of another field ignored", extra={"field": field[:64]})
        return []
    event = checked(PROVIDER, Event, {**item, "is_standby": field == "standby"})
    for kind in item.keys() - IGNORED - _PARSERS.keys():
        _log.warning("instagram event of unknown kind ignored", extra={"event_kind": str(kind)[:64]})
    customer = event.customer
    if customer is None:
        _log.info("instagram event of nobody ignored")
        return []
    return parsed(event, customer, _PARSERS)


def _received(event: Event, customer: str, **fields: Any) -> MessageReceived:
    about = event.profile
    picture = {"profile_pic": about.profile_pic} if about.profile_pic else {}
    return MessageReceived(
        external_conversation_id=customer,
        chat_key=customer,
        sender=Sender(
            external_user_id=customer, keys=(customer,), name=about.name or about.username, username=about.username
        ),
        sent_at=event.happened_at,
        extra=fields.pop("extra", {}) | picture,
        **fields,
    )


def _message(event: Event, customer: str) -> list[ChannelEvent]:
    message = event.message
    if message is None:
        return []
    if message.is_deleted:
        return [MessageDeleted(external_message_id=message.mid, deleted_at=event.timestamp)]
    content = contents(message)
    return [
        _received(
            event,
            customer,
            external_message_id=message.mid,
            kind=content.kind,
            text=content.text,
            attachments=content.attachments,
            from_me=event.is_own,
            for_people=event.is_standby,
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
        _received(
            event,
            customer,
            external_message_id=postback.mid or event.own_id("postback", customer),
            kind=MessageKind.INTERACTIVE,
            text=postback.title or postback.payload,
            from_me=event.is_own,
            for_people=event.is_standby,
            content=postback.content,
        )
    ]


def _seen(event: Event, customer: str) -> list[ChannelEvent]:
    if event.read is None:
        return []
    read = MessageStatus.READ
    return [
        Receipt(external_message_id=event.read.mid, status=read),
        Watermark(chat_key=customer, status=read, until=event.happened_at),
    ]


def _referral(event: Event, customer: str) -> list[ChannelEvent]:
    """The customer came back by an advertisement or a link to the chat, and has not written anything yet."""
    referral = event.referral
    if referral is None:
        return []
    source, ref = ((name or "")[:200] for name in (referral.source, referral.ref))
    return [
        _received(
            event,
            customer,
            external_message_id=event.own_id("referral", customer),
            kind=MessageKind.TEXT,
            text=f"The customer came by {source or 'a link'}{f': {ref}' if ref else ''}.",
            is_note=True,
            content=Content(referral=referral.content),
        )
    ]


_PARSERS: Parsers[Event] = {
    "message": _message,
    "message_edit": edited,
    "postback": _postback,
    "reaction": reacted,
    "read": _seen,
    "referral": _referral,
}
