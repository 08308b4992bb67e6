"""Twilio's messaging webhooks into the normal form.

https://www.twilio.com/docs/messaging/guides/webhook-request and
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from shared.channelkit.twilio_webhooks import number_key, received, texts
from shared.domain.inbound import ChannelEvent, ConsentChanged, MessageReceived, Receipt, Sender
from shared.domain.messages import Attachment, MessageKind, MessageStatus
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)

MOST_MEDIA = 10
"""Files of one message."""

# https://help.twilio.com/articles/223134027: Twilio itself answers these and stops sending.
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
_START = frozenset({"START", "UNSTOP", "YES"})
_STATUSES = {
    "sent": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "undelivered": MessageStatus.DEAD,
    "failed": MessageStatus.DEAD,
}
_ON_ITS_WAY = frozenset({"accepted", "scheduled", "queued", "sending", "receiving", "received", "canceled"})
_REASONS = {
    "21610": "the customer has opted out with STOP",
    "30003": "the telephone cannot be reached",
    "30004": "the message was blocked",
    "30005": "there is no such telephone",
    "30006": "it is a landline or a network that cannot be reached",
    "30007": "a carrier filtered it",
    "30008": "for an unknown reason",
}
_MEDIA = re.compile(r"/Messages/(?P<message>[A-Za-z0-9]{2,64})/Media/(?P<media>[A-Za-z0-9]{2,64})$")
_KINDS = {"image": MessageKind.IMAGE, "audio": MessageKind.AUDIO, "video": MessageKind.VIDEO}


def parse(payload: Any) -> list[ChannelEvent]:
    """A status callback has `MessageStatus`, a customer's message has not."""
    params = texts(payload)
    sid = params.get("MessageSid") or params.get("SmsSid") or params.get("SmsMessageSid")
    if not sid or len(sid) > 128:
        raise PayloadInvalid("twilio: MessageSid is missing")
    return _receipt(sid, params) if "MessageStatus" in params else _message(sid, params)


def _receipt(sid: str, params: Mapping[str, str]) -> list[ChannelEvent]:
    status = _STATUSES.get(params["MessageStatus"])
    if status is None:
        if params["MessageStatus"] not in _ON_ITS_WAY:
            _log.warning("twilio message status of unknown kind", extra={"status": params["MessageStatus"][:64]})
        return []
    return [
        Receipt(external_message_id=sid, status=status, error=_why(params) if status is MessageStatus.DEAD else None)
    ]


def _why(params: Mapping[str, str]) -> str:
    code = params.get("ErrorCode", "")[:16]
    reason = _REASONS.get(code, params.get("ErrorMessage", "")[:200])
    return " ".join(part for part in (params["MessageStatus"], f"(error {code})" if code else "", reason) if part)


def _message(sid: str, params: Mapping[str, str]) -> list[ChannelEvent]:
    sender = params.get("From", "")
    if not sender or len(sender) > 128:
        raise PayloadInvalid("twilio: From is missing")
    key, text, files = number_key(sender), params.get("Body") or None, _files(params)
    opted_out = _opted_out(params)
    message = MessageReceived(
        external_message_id=sid,
        external_conversation_id=sender,
        chat_key=key,
        sender=_sender(sender, key, params),
        kind=files[0].type if files else MessageKind.TEXT if text else MessageKind.UNSUPPORTED,
        text=text,
        attachments=files,
        sent_at=received(params),
        # Twilio has answered these itself: no machine answers, and nobody waits.
        is_history=opted_out is True or params.get("OptOutType", "").upper() == "HELP",
        extra=_extra(params),
    )
    if opted_out is None:
        return [message]
    why = params.get("OptOutType") or (text or "").strip()
    return [message, ConsentChanged(chat_key=key, opted_out=opted_out, why=f"SMS: {why[:32]}")]


def _opted_out(params: Mapping[str, str]) -> bool | None:
    """`OptOutType` comes with Advanced Opt-Out, whose words a business chooses; without it only whole words count."""
    kind = params.get("OptOutType", "").upper()
    word = params.get("Body", "").strip().upper()
    if kind:
        return {"STOP": True, "START": False}.get(kind)
    return True if word in _STOP else False if word in _START else None


def _sender(sender: str, key: str, params: Mapping[str, str]) -> Sender:
    return Sender(
        external_user_id=sender,
        keys=(key,),
        name=params.get("ProfileName") or None,
        phone=key if key.startswith("+") else None,
    )


def _extra(params: Mapping[str, str]) -> dict[str, Any]:
    names = {"To": "to", "NumSegments": "segments", "FromCountry": "country", "OptOutType": "opt_out_type"}
    return {own_name: params[name] for name, own_name in names.items() if params.get(name)}


def _files(params: Mapping[str, str]) -> tuple[Attachment, ...]:
    """The address of a file wants the account's credential, so only its ids are kept."""
    match = []
    for number in range(MOST_MEDIA):
        place = _MEDIA.search(params.get(f"MediaUrl{number}", ""))
        if place is None:
            continue
        mime_type = params.get(f"MediaContentType{number}") or None
        kind = _KINDS.get((mime_type or "").partition("/")[0], MessageKind.DOCUMENT)
        ids = {"message_sid": place["message"], "media_sid": place["media"]}
        match.append(Attachment(type=kind, mime_type=mime_type, extra=ids))
    return tuple(match)
