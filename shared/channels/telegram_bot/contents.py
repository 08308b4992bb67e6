"""What a Telegram message holds: text, a file, a place, a person."""

from __future__ import annotations

from typing import Any

from shared.channelkit.contents import Contents
from shared.channelkit.forms import form_answers, form_text
from shared.channels.telegram_bot.updates import Entity, File, Message, SuccessfulPayment
from shared.domain.content import Content, Forward, Payment, Poll, Press, Quote
from shared.domain.messages import Attachment, MessageKind

SERVICE_MESSAGES = frozenset(
    {
        "new_chat_members",
        "left_chat_member",
        "chat_owner_left",
        "chat_owner_changed",
        "new_chat_title",
        "new_chat_photo",
        "delete_chat_photo",
        "group_chat_created",
        "supergroup_chat_created",
        "channel_chat_created",
        "message_auto_delete_timer_changed",
        "pinned_message",
        "connected_website",
        "write_access_allowed",
        "proximity_alert_triggered",
        "boost_added",
        "chat_background_set",
        "checklist_tasks_done",
        "checklist_tasks_added",
        "direct_message_price_changed",
        "paid_message_price_changed",
        "forum_topic_created",
        "forum_topic_edited",
        "forum_topic_closed",
        "forum_topic_reopened",
        "general_forum_topic_hidden",
        "general_forum_topic_unhidden",
        "giveaway_created",
        "giveaway_completed",
        "video_chat_scheduled",
        "video_chat_started",
        "video_chat_ended",
        "video_chat_participants_invited",
    }
)
"""Notes that Telegram itself puts into a chat: nobody wrote them, nobody waits for an answer."""

# An animation comes with `document` set as well: the first that is there decides.
_FILES = {
    "animation": MessageKind.VIDEO,
    "video": MessageKind.VIDEO,
    "video_note": MessageKind.VIDEO,
    "audio": MessageKind.AUDIO,
    "voice": MessageKind.AUDIO,
    "sticker": MessageKind.STICKER,
    "document": MessageKind.DOCUMENT,
}
_MIME = {"photo": "image/jpeg", "video_note": "video/mp4"}
# Telegram gives amounts in the smallest unit; XTR are its own stars.
_WITHOUT_CENTS = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XTR"})
_KEPT = ("media_group_id", "message_thread_id", "author_signature", "business_connection_id")


def contents(message: Message, names: set[str]) -> Contents:
    """What the message holds; `names` are all the fields it came with, to say what could not be read."""
    kind, text, attachment = _main_content(message)
    extra = {name: value for name in _KEPT if (value := getattr(message, name)) is not None}
    if links := _links(message.entities + message.caption_entities):
        extra["links"] = links
    if message.dice:
        extra["dice"] = message.dice.model_dump()
    unsupported = None
    if kind is MessageKind.UNSUPPORTED:
        unsupported = ", ".join(sorted(name[:64] for name in names - Message.model_fields.keys() - {"from"})[:20])
    return Contents(kind, text, (attachment,) if attachment else (), extra, _content(message, unsupported))


def _main_content(message: Message) -> tuple[MessageKind, str | None, Attachment | None]:
    if message.text is not None:
        return MessageKind.TEXT, message.text, None
    if message.dice is not None:
        return MessageKind.TEXT, f"{message.dice.emoji} {message.dice.value}", None
    if message.poll is not None:
        return MessageKind.POLL, message.poll.question, _poll(message)
    if message.web_app_data is not None:
        data = message.web_app_data.data
        return MessageKind.INTERACTIVE, form_text(form_answers(data)) or data, None
    if message.successful_payment is not None:
        return MessageKind.INTERACTIVE, _payment_text(message.successful_payment), None
    if message.checklist is not None:
        return MessageKind.TEXT, "\n".join([message.checklist.title, *(t.text for t in message.checklist.tasks)]), None
    attachment = _file(message) or _place(message) or _contact(message)
    return (attachment.type if attachment else MessageKind.UNSUPPORTED), message.caption, attachment


def _content(message: Message, unsupported: str | None) -> Content:
    quote, poll, payment = message.quote, message.poll, message.successful_payment
    story = message.reply_to_story
    return Content(
        quoted=Quote(text=quote.text if quote else None, is_story=story is not None) if quote or story else None,
        forwarded=Forward(author=message.forward_origin.name) if message.forward_origin else None,
        pressed=Press(title=message.web_app_data.button_text) if message.web_app_data else None,
        form=form_answers(message.web_app_data.data) if message.web_app_data else [],
        payment=_payment(payment) if payment else None,
        poll=Poll(question=poll.question, options=[option.text for option in poll.options]) if poll else None,
        unsupported=unsupported,
    )


def _payment(payment: SuccessfulPayment) -> Payment:
    units = 1 if payment.currency in _WITHOUT_CENTS else 100
    return Payment(
        amount=payment.total_amount / units, currency=payment.currency, reference=payment.invoice_payload[:128]
    )


def _payment_text(payment: SuccessfulPayment) -> str:
    paid = _payment(payment)
    return f"Paid {paid.amount:.2f} {paid.currency}" if paid.amount % 1 else f"Paid {paid.amount:.0f} {paid.currency}"


def _file(message: Message) -> Attachment | None:
    if message.photo:
        largest = max(message.photo, key=lambda size: (size.width or 0) * (size.height or 0))
        return _attachment("photo", MessageKind.IMAGE, largest)
    for name, kind in _FILES.items():
        file = getattr(message, name)
        if file is not None:
            return _attachment(name, kind, file)
    return None


def _attachment(name: str, kind: MessageKind, file: File) -> Attachment:
    """Without a URL: Telegram's download address holds the bot's token."""
    about = file.model_dump(exclude={"file_size", "file_name", "mime_type"}, exclude_none=True)
    return Attachment(
        type=kind,
        mime_type=file.mime_type or _MIME.get(name) or _sticker_mime(name, file),
        file_name=file.file_name,
        size=file.file_size,
        extra={"telegram_type": name} | about,
    )


def _sticker_mime(name: str, file: File) -> str | None:
    if name != "sticker":
        return None
    if file.is_animated:
        return "application/x-tgsticker"
    return "video/webm" if file.is_video else "image/webp"


def _place(message: Message) -> Attachment | None:
    spot = message.venue.location if message.venue else message.location
    if spot is None:
        return None
    return Attachment(
        type=MessageKind.LOCATION,
        latitude=spot.latitude,
        longitude=spot.longitude,
        name=message.venue.title if message.venue else None,
        address=message.venue.address if message.venue else None,
    )


def _contact(message: Message) -> Attachment | None:
    contact = message.contact
    if contact is None:
        return None
    name = " ".join(part for part in (contact.first_name, contact.last_name) if part)
    about = contact.model_dump(include={"phone_number", "user_id", "vcard"}, exclude_none=True)
    return Attachment(type=MessageKind.CONTACT, name=name, extra=about)


def _poll(message: Message) -> Attachment | None:
    poll = message.poll
    if poll is None:
        return None
    options = [option.text for option in poll.options]
    return Attachment(type=MessageKind.POLL, name=poll.question, extra={"poll_id": poll.id, "options": options})


def _links(entities: list[Entity]) -> list[dict[str, Any]]:
    """Addresses behind words of the text; every other entity can be read from the text itself."""
    return [entity.model_dump(exclude={"type", "user"}) for entity in entities if entity.type == "text_link"]
