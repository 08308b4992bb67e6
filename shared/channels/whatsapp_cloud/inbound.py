"""The Cloud API's webhooks into the normal form."""

from __future__ import annotations

import logging
from typing import Any

from shared.channelkit.payloads import checked
from shared.channels.whatsapp_cloud.address import canonical, phone
from shared.channels.whatsapp_cloud.api import NEEDS_TEMPLATE, PROVIDER
from shared.channels.whatsapp_cloud.contents import contents, error_text
from shared.channels.whatsapp_cloud.events import Contact, Message, Preference, Status
from shared.domain.inbound import (
    ChannelEvent,
    ChatMoved,
    ConsentChanged,
    MessageReceived,
    ReactionChanged,
    Receipt,
    Sender,
)
from shared.domain.messages import OUTSIDE_WINDOW, MessageStatus
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)

_STATUSES = {
    "sent": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "played": MessageStatus.READ,
    "failed": MessageStatus.DEAD,
}


def parse(payload: Any) -> list[ChannelEvent]:
    """The events of one message, status or preference."""
    if not isinstance(payload, dict):
        raise PayloadInvalid(f"{PROVIDER}: the part is not an object")
    contact = checked(PROVIDER, Contact, payload.get("contact") or {})
    if "status" in payload:
        return _status(checked(PROVIDER, Status, payload["status"]))
    if "preference" in payload:
        return _preference(checked(PROVIDER, Preference, payload["preference"]))
    is_echo = "echo" in payload
    message = checked(PROVIDER, Message, payload["echo"] if is_echo else payload.get("message"))
    sender = _sender(message, contact, is_echo=is_echo)
    if sender is None:
        raise PayloadInvalid(f"{PROVIDER}: from is missing")
    if message.system is not None:
        return _system(message, sender)
    if message.reaction is not None:
        return [
            ReactionChanged(
                external_message_id=message.reaction.message_id,
                sender_key="" if is_echo else sender.keys[0],
                emoji=message.reaction.emoji or "",
                reacted_at=message.timestamp,
            )
        ]
    return [_received(message, sender, is_echo=is_echo)]


def _sender(message: Message, contact: Contact, *, is_echo: bool) -> Sender | None:
    """The customer; with a hidden number they are known by a business-scoped id, which comes with a number too."""
    number = message.to if is_echo else message.sender
    hidden = message.to_user_id if is_echo else message.from_user_id or contact.user_id
    addresses = [address for address in (number, hidden) if address]
    if not addresses:
        return None
    return Sender(
        external_user_id=addresses[0],
        keys=tuple(dict.fromkeys(canonical(address) for address in addresses)),
        name=None if is_echo else contact.profile.name,
        phone=phone(number) if number else None,
        username=None if is_echo else contact.profile.username,
    )


def _received(message: Message, sender: Sender, *, is_echo: bool) -> MessageReceived:
    content = contents(message)
    group = message.group_id
    return MessageReceived(
        external_message_id=message.id,
        external_conversation_id=group or sender.external_user_id,
        chat_key=group or sender.keys[0],
        sender=sender,
        kind=content.kind,
        text=content.text,
        attachments=content.attachments,
        sent_at=message.timestamp,
        from_me=is_echo,
        is_group=group is not None,
        reply_to=message.context.id if message.context else None,
        extra=content.extra,
        context={} if is_echo else {"last_message_id": message.id, "group": group is not None},
    )


def _system(message: Message, sender: Sender) -> list[ChannelEvent]:
    changed = message.system
    new = (changed.wa_id or changed.new_wa_id) if changed else None
    if changed is None or changed.type not in ("user_changed_number", "customer_changed_number") or not new:
        _log.info("a system message ignored", extra={"system": str(changed.type if changed else None)[:64]})
        return []
    return [ChatMoved(chat_key=sender.keys[0], new_external_conversation_id=canonical(new))]


def _status(status: Status) -> list[ChannelEvent]:
    became = _STATUSES.get(status.status)
    if became is None:
        _log.info("a status of another kind ignored", extra={"status": status.status[:64]})
        return []
    error = error_text(status.errors)
    if any(error_entry.code == NEEDS_TEMPLATE for error_entry in status.errors):
        error = f"{OUTSIDE_WINDOW}: {error}"
    return [Receipt(external_message_id=status.id, status=became, error=error)]


def _preference(preference: Preference) -> list[ChannelEvent]:
    """The customer stopped marketing messages inside WhatsApp, or takes that back."""
    address = preference.wa_id or preference.user_id
    if not address or preference.value not in ("stop", "resume"):
        return []
    why = preference.detail or f"{preference.category or 'messages'}: {preference.value}"
    return [ConsentChanged(chat_key=canonical(address), opted_out=preference.value == "stop", why=why[:200])]
