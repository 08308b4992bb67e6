"""Twilio's messaging webhooks into the normal form.

https://www.twilio.com/docs/messaging/guides/webhook-request and
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from shared.channelkit.contents import short
from shared.channelkit.twilio_webhooks import number_key, received, texts
from shared.domain.content import Content, Forward, Press, Referral
from shared.domain.inbound import ChannelEvent, ConsentChanged, MessageReceived, Receipt, Sender
from shared.domain.messages import Attachment, MessageKind, MessageStatus
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)

MOST_MEDIA = 10
"""Files of one message."""

# https://help.twilio.com/articles/223134027: Twilio itself answers these and stops sending.
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
_START = frozenset({"START", "UNSTOP", "YES"})
_SERVICES = frozenset({"sms", "whatsapp", "rcs"})
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
    key, text = _key(sender), params.get("Body") or None
    files = (*_files(params), *_place(params))
    opted_out = _opted_out(params)
    is_settled = opted_out is True or params.get("OptOutType", "").upper() == "HELP"
    is_telephone = key.startswith("+") or ":" in sender
    is_name = not is_telephone and not key.isdecimal()
    message = MessageReceived(
        external_message_id=sid,
        external_conversation_id=sender,
        chat_key=key,
        sender=_sender(sender, key, params),
        kind=files[0].type if files else MessageKind.TEXT if text else MessageKind.UNSUPPORTED,
        text=text,
        attachments=files,
        sent_at=received(params),
        # A short code is a machine; to a name nobody can write. Twilio has answered the words that opt out itself.
        for_people=not is_telephone,
        nobody_waits=is_settled or is_name,
        reports_consent=opted_out is not None,
        not_routed=is_settled or is_name,
        reply_to=params.get("OriginalRepliedMessageSid", "")[:128] or None,
        content=_content(params),
        extra=_extra(params),
        # One customer may write to several senders of ours, and over SMS, WhatsApp and RCS.
        context={"to": sender, "from": params["To"]} if params.get("To") else {},
    )
    if opted_out is None:
        return [message]
    why = params.get("OptOutType") or (text or "").strip()
    return [message, ConsentChanged(chat_key=key, opted_out=opted_out, why=f"SMS: {why[:32]}")]


def _content(params: Mapping[str, str]) -> Content:
    """What comes over WhatsApp: a pressed button, a forwarded message, the advertisement that led here."""
    title, payload = params.get("ButtonText"), params.get("ButtonPayload")
    referral = Referral(
        source=short(params.get("ReferralSourceType")),
        title=short(params.get("ReferralHeadline")),
        text=params.get("ReferralBody") or None,
        url=params.get("ReferralSourceUrl") or None,
        ad_id=short(params.get("ReferralSourceId")),
        click_id=short(params.get("ReferralCtwaClid")),
    )
    return Content(
        pressed=Press(title=short(title), payload=payload) if title or payload else None,
        forwarded=Forward() if "true" in (params.get("Forwarded"), params.get("FrequentlyForwarded")) else None,
        referral=referral if referral != Referral() else None,
    )


def _place(params: Mapping[str, str]) -> tuple[Attachment, ...]:
    try:
        latitude, longitude = float(params.get("Latitude", "")), float(params.get("Longitude", ""))
    except ValueError:
        return ()
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return ()
    name, address = params.get("Label") or None, params.get("Address") or None
    return (Attachment(type=MessageKind.LOCATION, latitude=latitude, longitude=longitude, name=name, address=address),)


def _opted_out(params: Mapping[str, str]) -> bool | None:
    """`OptOutType` comes with Advanced Opt-Out, whose words a business chooses; without it only whole words count."""
    kind = params.get("OptOutType", "").upper()
    word = params.get("Body", "").strip().upper()
    if kind:
        return {"STOP": True, "START": False}.get(kind)
    return True if word in _STOP else False if word in _START else None


def _key(sender: str) -> str:
    """One address for a telephone, whether it writes by SMS, WhatsApp (`whatsapp:+49…`) or RCS."""
    service, separator, number = sender.partition(":")
    return number_key(number if separator and service.lower() in _SERVICES else sender)


def _sender(sender: str, key: str, params: Mapping[str, str]) -> Sender:
    return Sender(
        external_user_id=sender,
        # Until 2026-12 what stands before the number was part of a customer's address.
        keys=(key,) if key == sender or ":" not in sender else (key, sender),
        name=params.get("ProfileName") or None,
        phone=key if key.startswith("+") else None,
    )


def _extra(params: Mapping[str, str]) -> dict[str, Any]:
    names = {"To": "to", "NumSegments": "segments", "FromCountry": "country", "OptOutType": "opt_out_type"}
    return {own_name: params[name] for name, own_name in names.items() if params.get(name)}


def _files(params: Mapping[str, str]) -> tuple[Attachment, ...]:
    """Fetching a file takes the account's credential, so only the file's ids are kept."""
    files = []
    for number in range(MOST_MEDIA):
        match = _MEDIA.search(params.get(f"MediaUrl{number}", ""))
        if match is None:
            continue
        mime_type = params.get(f"MediaContentType{number}") or None
        kind = _KINDS.get((mime_type or "").partition("/")[0], MessageKind.DOCUMENT)
        ids = {"message_sid": match["message"], "media_sid": match["media"]}
        files.append(Attachment(type=kind, mime_type=mime_type, extra=ids))
    return tuple(files)
