"""What WhatsApp says about messages: new, changed, deleted, delivered, reacted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.channelkit import jid
from shared.channelkit.contents import Contents
from shared.channelkit.whatsapp import message_types
from shared.channelkit.whatsapp.content import Unwrapped
from shared.channelkit.whatsapp.people import Chat, address, author_of, chat_of, own_address
from shared.channelkit.whatsapp.wire import Fields, boolean, decoded_bytes, enum, fields, moment, short, text
from shared.domain.content import NO_CONTENT, Forward, Quote, Referral
from shared.domain.inbound import (
    ChannelEvent,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Receipt,
    VoteCast,
)
from shared.domain.messages import MessageKind, MessageStatus
from shared.errors import PayloadInvalid

_STATUS_NUMBERS = {0: "ERROR", 1: "PENDING", 2: "SERVER_ACK", 3: "DELIVERY_ACK", 4: "READ", 5: "PLAYED"}
_STATUSES: Mapping[str, MessageStatus] = {
    "ERROR": MessageStatus.DEAD,
    "FAILED": MessageStatus.DEAD,
    "SERVER_ACK": MessageStatus.SENT,
    "SENT": MessageStatus.SENT,
    "DELIVERY_ACK": MessageStatus.DELIVERED,
    "DELIVERED": MessageStatus.DELIVERED,
    "READ": MessageStatus.READ,
    "PLAYED": MessageStatus.READ,
}
_STORIES = "status@broadcast"
_MOST_MENTIONS = 1_000
_PROTOCOL_NUMBERS = {0: "REVOKE", 14: "MESSAGE_EDIT"}
# Pins that cannot be shown, and the keys that groups hand around.
# The header of an album, whose pictures come as messages of their own, says nothing either.
_SILENT = frozenset({"encReactionMessage", "pinInChatMessage", "keepInChatMessage", "albumMessage"})
_MOST_VOTES = 50


def key_of(data: Fields) -> Fields:
    """A message's key; some events lay it flat into their data."""
    return fields(data.get("key")) or data


def id_of(data: Fields) -> str | None:
    """The message's id at WhatsApp. `messageId`, and `id` beside a `key`, are Evolution's own rows."""
    return text(data.get("keyId")) or text(key_of(data).get("id"))


def upserted(data: Fields, payload: Fields) -> list[ChannelEvent]:
    """A message from anybody: the customer, the account's own phone, or another program of the business."""
    key, own = key_of(data), own_address(payload)
    identifier = id_of(data)
    if identifier is None or address(key.get("remoteJid")) is None:
        raise PayloadInvalid("the message has no key.id or no key.remoteJid")
    chat = chat_of(key, own)
    if chat is None:
        return []
    message = fields(data.get("message"))
    unwrapped = message_types.unwrap(message, text(data.get("messageType")))
    if unwrapped.name == "protocolMessage":
        return _changed(fields(unwrapped.value), by_customer=not boolean(key.get("fromMe")))
    if unwrapped.name == "reactionMessage":
        return _reaction(data, unwrapped, chat, own)
    if unwrapped.name == "pollUpdateMessage":
        return _vote(identifier, data, unwrapped, chat, own)
    if unwrapped.name in _SILENT or (unwrapped.name is None and "senderKeyDistributionMessage" in message):
        return []
    return [_received(identifier, data, unwrapped, chat, own)]


def from_history(data: Fields, payload: Fields) -> list[ChannelEvent]:
    """What was there before the account was connected; `is_history` says that nobody waits for an answer."""
    events = upserted(data, payload)
    return [replace(e, is_history=True) if isinstance(e, MessageReceived) else e for e in events]


def _received(identifier: str, data: Fields, unwrapped: Unwrapped, chat: Chat, own: str | None) -> MessageReceived:
    key = key_of(data)
    context = fields(data.get("contextInfo")) or unwrapped.context
    note = message_types.note(unwrapped)
    content = message_types.read(unwrapped) if note is None else Contents(MessageKind.TEXT, note)
    by_machine = jid.is_machine(chat.address)
    return MessageReceived(
        external_message_id=identifier,
        external_conversation_id=chat.address,
        chat_key=chat.key,
        sender=author_of(data, key, chat, own),
        kind=content.kind,
        text=content.text,
        is_note=note is not None,
        nobody_waits=by_machine,
        not_routed=by_machine,
        is_addressed=_is_addressed(context, own),
        mentions=_mentioned(context),
        attachments=content.attachments,
        sent_at=moment(data.get("messageTimestamp")),
        from_me=boolean(key.get("fromMe")),
        is_group=chat.is_group,
        reply_to=text(context.get("stanzaId")),
        content=content.content.model_copy(update=_from_context(context)),
        extra=content.extra,
    )


def _vote(identifier: str, data: Fields, unwrapped: Unwrapped, chat: Chat, own: str | None) -> list[ChannelEvent]:
    """A vote, where whoever brings it has decrypted it (`vote`)."""
    poll = text(fields(fields(unwrapped.value).get("pollCreationMessageKey")).get("id"))
    options = fields(data.get("vote")).get("selectedOptions", []) if data.get("vote") is not None else None
    if poll is None or not isinstance(options, list):
        return []
    digests = [digest for option in options[:_MOST_VOTES] if (digest := decoded_bytes(option))]
    empty = Unwrapped(name=None, value=None, context={}, media_url=None)
    message = replace(
        _received(identifier, data, empty, chat, own),
        kind=MessageKind.INTERACTIVE,
        reply_to=poll,
        content=NO_CONTENT,
    )
    return [VoteCast(message=message, options=tuple(digest.hex() for digest in digests))]


def _is_addressed(context: Fields, own: str | None) -> bool:
    """Whether the message mentions the account, or answers what it wrote."""
    if own is None:
        return False
    quoted_author = address(context.get("participant"))
    addresses = [*_mentioned(context), *([quoted_author] if quoted_author else [])]
    return jid.canonical(own) in map(jid.canonical, addresses)


def _mentioned(context: Fields) -> tuple[str, ...]:
    mentioned = context.get("mentionedJid")
    if not isinstance(mentioned, list):
        return ()
    return tuple(other for each in mentioned[:_MOST_MENTIONS] if (other := address(each)))


def _from_context(context: Fields) -> dict[str, Any]:
    """What is quoted or forwarded, and the advertisement that led the customer here."""
    content: dict[str, Any] = {}
    quoted, is_story = fields(context.get("quotedMessage")), text(context.get("remoteJid")) == _STORIES
    if quoted or is_story:
        content["quoted"] = Quote(text=message_types.quoted_text(quoted) if quoted else None, is_story=is_story)
    if boolean(context.get("isForwarded")):
        content["forwarded"] = Forward()
    ad = fields(context.get("externalAdReply"))
    if text(ad.get("sourceId")) or text(ad.get("ctwaClid")):
        content["referral"] = Referral(
            source=short(ad.get("sourceType")),
            title=short(ad.get("title")),
            text=text(ad.get("body")),
            url=text(ad.get("sourceUrl")),
            ad_id=short(ad.get("sourceId")),
            ref=short(context.get("conversionSource")),
            click_id=short(ad.get("ctwaClid")),
        )
    return content


def _reaction(data: Fields, unwrapped: Unwrapped, chat: Chat, own: str | None) -> list[ChannelEvent]:
    value = fields(unwrapped.value)
    target = text(fields(value.get("key")).get("id"))
    if target is None:
        return []
    key = key_of(data)
    sender_key = author_of(data, key, chat, own).keys[0]
    if boolean(key.get("fromMe")):
        sender_key = jid.canonical(own) if own else "me"
    emoji = text(value.get("text")) or ""
    when = data.get("messageTimestamp") or value.get("senderTimestampMs")
    return [ReactionChanged(external_message_id=target, sender_key=sender_key, emoji=emoji, reacted_at=moment(when))]


def edited(data: Fields, payload: Fields) -> list[ChannelEvent]:
    """Somebody's edit or revocation as they sent it: Evolution leaves out who that was.

    The key in it is the sender's own, and WhatsApp leaves it to the phones to compare it with the author.
    """
    return _changed(fields(fields(data.get("message")).get("protocolMessage")) or data, by_customer=True)


def edited_by_api(data: Fields, payload: Fields) -> list[ChannelEvent]:
    """An edit that a program of the business made by Evolution's API."""
    return _changed(fields(fields(data.get("message")).get("protocolMessage")) or data, by_customer=False)


def _changed(change: Fields, *, by_customer: bool) -> list[ChannelEvent]:
    """An edit or a revocation; other protocol messages come along and mean nothing here."""
    identifier = text(fields(change.get("key")).get("id"))
    kind = enum(change.get("type"), _PROTOCOL_NUMBERS)
    if identifier is None:
        return []
    when = moment(change.get("timestampMs"))
    if kind == "REVOKE":
        return [MessageDeleted(external_message_id=identifier, by_customer=by_customer)]
    if kind not in ("MESSAGE_EDIT", None):
        return []
    unwrapped = message_types.unwrap(fields(change.get("editedMessage")))
    new_text = message_types.read(unwrapped).text
    if not new_text:
        return []
    return [MessageEdited(external_message_id=identifier, text=new_text, edited_at=when, by_customer=by_customer)]


def deleted(data: Fields, payload: Fields) -> list[ChannelEvent]:
    identifier = id_of(data)
    return [_deletion(identifier, data)] if identifier else []


def _deletion(identifier: str, data: Fields) -> MessageDeleted:
    """The key says who took it back; in a group its administrators may take back anybody's."""
    key = key_of(data)
    chat = address(key.get("remoteJid"))
    in_group = chat is not None and jid.is_group(chat)
    by_customer = not in_group and not boolean(key.get("fromMe"))
    return MessageDeleted(external_message_id=identifier, by_customer=by_customer)


def status_changed(data: Fields, payload: Fields) -> list[ChannelEvent]:
    """A receipt; Business accounts give Meta's words and a wrong `fromMe`, so that is not looked at."""
    identifier = id_of(data)
    status = data.get("status")
    if status is None:
        status = fields(data.get("update")).get("status")
    word = enum(status, _STATUS_NUMBERS) or ""
    if identifier is None:
        return []
    if word == "DELETED":
        return [_deletion(identifier, data)]
    new_status = _STATUSES.get(word)
    if new_status is None:
        return []
    error = "WhatsApp did not accept the message and gave no reason" if new_status is MessageStatus.DEAD else None
    return [Receipt(external_message_id=identifier, status=new_status, error=error)]
