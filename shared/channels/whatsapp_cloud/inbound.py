"""The Cloud API's webhooks into the normal form."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.channelkit.payloads import checked
from shared.channels.whatsapp_cloud.address import canonical, phone
from shared.channels.whatsapp_cloud.api import NEEDS_TEMPLATE, NO_MARKETING, PROVIDER
from shared.channels.whatsapp_cloud.contents import contents, edited_contents, error_text
from shared.channels.whatsapp_cloud.events import (
    STATUSES_OF_TEMPLATES,
    AccountUpdate,
    Contact,
    Edit,
    Message,
    Preference,
    Status,
    TemplateUpdate,
    reason_of,
)
from shared.domain.inbound import (
    ChannelEvent,
    ChatMoved,
    ConnectionChanged,
    ConsentChanged,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Receipt,
    Sender,
    TemplateChanged,
)
from shared.domain.instances import InstanceStatus
from shared.domain.messages import MessageStatus
from shared.domain.outbox import OUTSIDE_WINDOW
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)

# Somebody opened the chat; nobody has written anything.
_NO_MESSAGES = frozenset({"request_welcome"})
_STOPPED = frozenset({"DISABLED_UPDATE", "ACCOUNT_RESTRICTION", "ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED"})
_LIFTED = frozenset({"ACCOUNT_RECONNECTED"})
_STATUSES = {
    "sent": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "played": MessageStatus.READ,
    "failed": MessageStatus.DEAD,
}


def parse(payload: Any) -> list[ChannelEvent]:
    """The events of one message, status, preference, template or account update."""
    if not isinstance(payload, dict):
        raise PayloadInvalid(f"{PROVIDER}: the part is not an object")
    contact = checked(PROVIDER, Contact, payload.get("contact") or {})
    if "account" in payload:
        return _account(checked(PROVIDER, AccountUpdate, payload["account"]))
    if "template" in payload:
        return _template(checked(PROVIDER, TemplateUpdate, payload["template"]))
    if "status" in payload:
        return _status(checked(PROVIDER, Status, payload["status"]))
    if "preference" in payload:
        return _preference(checked(PROVIDER, Preference, payload["preference"]))
    return _message(payload, contact)


def _message(payload: Mapping[str, Any], contact: Contact) -> list[ChannelEvent]:
    message = checked(PROVIDER, Message, payload.get("echo") or payload.get("message"))
    is_history = payload.get("field") == "history"
    is_echo = "echo" in payload or (is_history and _is_ours(message, payload))
    if message.type in _NO_MESSAGES:
        return []
    sender = _sender(message, contact, is_echo=is_echo)
    if sender is None:
        raise PayloadInvalid(f"{PROVIDER}: from is missing")
    if message.system is not None:
        return _system(message, sender)
    if message.revoke is not None:
        return [MessageDeleted(external_message_id=message.revoke.original_message_id, deleted_at=message.timestamp)]
    if message.edit is not None:
        return _edited(message, message.edit)
    if message.reaction is not None:
        return [
            ReactionChanged(
                external_message_id=message.reaction.message_id,
                sender_key="" if is_echo else sender.keys[0],
                emoji=message.reaction.emoji or "",
                reacted_at=message.timestamp,
            )
        ]
    received = _received(message, sender, is_echo=is_echo)
    return [replace(received, is_history=True, context={}) if is_history else received]


def _is_ours(message: Message, payload: Mapping[str, Any]) -> bool:
    """Whether a message of the history was written by the business."""
    number = payload.get("number")
    return isinstance(number, str) and message.sender is not None and canonical(message.sender) == canonical(number)


def _edited(message: Message, edit: Edit) -> list[ChannelEvent]:
    contents = edited_contents(edit.message)
    if contents is None:
        _log.info("an edit of another kind ignored", extra={"message_type": edit.message.type[:64]})
        return []
    return [
        MessageEdited(
            external_message_id=edit.original_message_id,
            text=contents.text or "",
            attachments=contents.attachments or None,
            edited_at=message.timestamp,
        )
    ]


def _account(update: AccountUpdate) -> list[ChannelEvent]:
    """A ban or a restriction stops the account; what lifts it is seen when its status is next asked for."""
    event = update.event or ""
    state = update.ban_info.waba_ban_state if update.ban_info else None
    restrictions = [entry.restriction_type for entry in update.restriction_info if entry.restriction_type]
    violation = update.violation_info.violation_type if update.violation_info else None
    reasons = [part for part in (state, *restrictions, violation) if part]
    if event in _LIFTED or state == "REINSTATE":
        return [ConnectionChanged(status=InstanceStatus.CONNECTED)]
    if event not in _STOPPED:
        _log.info("an account update of another kind ignored", extra={"account_event": event[:64]})
        return []
    return [
        ConnectionChanged(
            status=InstanceStatus.ERROR, detail=f"Meta: {event}{': ' + ', '.join(reasons) if reasons else ''}"[:300]
        )
    ]


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
        content=content.content,
        reply_to=message.context.id if message.context else None,
        extra=content.extra,
        context={} if is_echo else {"last_message_id": message.id, "group": group is not None},
    )


def _system(message: Message, sender: Sender) -> list[ChannelEvent]:
    changed = message.system
    if changed is not None and changed.type == "user_changed_user_id" and changed.previous_user_id and changed.user_id:
        return [
            ChatMoved(
                chat_key=canonical(changed.previous_user_id),
                new_external_conversation_id=changed.user_id,
            )
        ]
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
    part_id = status.biz_opaque_callback_data
    receipt = Receipt(external_message_id=status.id, status=became, error=error, part_id=part_id)
    return [receipt, *_opt_out(status)]


def _opt_out(status: Status) -> list[ChannelEvent]:
    """The refusal of a message may be how Meta first tells that its recipient stopped marketing messages."""
    reason = next((error_text([each]) for each in status.errors if each.code == NO_MARKETING), None)
    if reason is None or not status.recipient_id:
        return []
    chat_key = canonical(status.recipient_id)
    return [ConsentChanged(chat_key=chat_key, opted_out=True, why=reason[:200], marketing_only=True)]


def _preference(preference: Preference) -> list[ChannelEvent]:
    """The customer stopped marketing messages inside WhatsApp, or takes that back."""
    address = preference.wa_id or preference.user_id
    if not address or preference.value not in ("stop", "resume"):
        return []
    why = preference.detail or f"{preference.category or 'messages'}: {preference.value}"
    opted_out = preference.value == "stop"
    return [ConsentChanged(chat_key=canonical(address), opted_out=opted_out, why=why[:200], marketing_only=True)]


def _template(update: TemplateUpdate) -> list[ChannelEvent]:
    """A template's status, quality or category changed."""
    status = STATUSES_OF_TEMPLATES.get(update.event or "")
    details = update.other_info.description or update.other_info.title if update.other_info else None
    changed = TemplateChanged(
        name=update.message_template_name,
        language=update.message_template_language,
        status=status,
        reason=reason_of(update.reason, details) if status else None,
        quality=update.new_quality_score.lower() if update.new_quality_score else None,
        category=update.new_category.lower() if update.new_category else None,
    )
    if not (changed.status or changed.quality or changed.category):
        _log.info("a change of a template ignored", extra={"template_event": str(update.event)[:64]})
        return []
    return [changed]
