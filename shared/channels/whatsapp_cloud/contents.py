"""What a message holds: text, files, places, contacts, answers to choices, orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.channelkit.contents import Contents
from shared.channelkit.payloads import json_object
from shared.channels.whatsapp_cloud.events import Choice, Context, Error, File, Message, Order, SharedContact
from shared.domain.messages import Attachment, MessageKind
from shared.domain.storable import check_storable
from shared.errors import PayloadInvalid

_FILES = {
    "image": MessageKind.IMAGE,
    "audio": MessageKind.AUDIO,
    "voice": MessageKind.AUDIO,
    "video": MessageKind.VIDEO,
    "document": MessageKind.DOCUMENT,
    "sticker": MessageKind.STICKER,
}


def contents(message: Message) -> Contents:
    """What the message says; a type that is not known is kept as `UNSUPPORTED` with its name in `extra`."""
    reader = _file if message.type in _FILES else _READERS.get(message.type)
    content = reader(message) if reader else None
    content = content or Contents(MessageKind.UNSUPPORTED, extra={"unsupported": message.type[:64]})
    about = _about(message)
    return Contents(content.kind, content.text, content.attachments, content.extra | about) if about else content


def error_text(errors: list[Error]) -> str | None:
    """The first error as `code: title (details)`."""
    if not errors:
        return None
    error = errors[0]
    details = error.error_data.details if error.error_data else None
    text = error.title or error.message or "an error without an explanation"
    return f"{error.code}: {text}{f' ({details})' if details and details != text else ''}"[:500]


def _about(message: Message) -> dict[str, Any]:
    """What came along: the advertisement that led here, whether it was forwarded, Meta's own errors."""
    context = message.context or Context()
    told_errors = error_text(message.errors)
    about = {
        "referral": message.referral,
        "referred_product": context.referred_product,
        "forwarded": context.forwarded or context.frequently_forwarded,
        "error": told_errors,
    }
    return {name: value for name, value in about.items() if value}


def _text(message: Message) -> Contents | None:
    return Contents(MessageKind.TEXT, message.text.body) if message.text else None


def _file(message: Message) -> Contents | None:
    sent: File | None = getattr(message, message.type)
    if sent is None:
        return None
    kind = _FILES[message.type]
    flags = {"voice": sent.voice or message.type == "voice", "animated": sent.animated}
    extra: dict[str, Any] = {"media_id": sent.id} if sent.id else {}
    attachment = Attachment(
        type=kind,
        mime_type=sent.mime_type,
        file_name=sent.filename,
        extra=extra | {name: True for name, set_ in flags.items() if set_},
    )
    return Contents(kind, sent.caption or None, (attachment,))


def _location(message: Message) -> Contents | None:
    spot = message.location
    if spot is None:
        return None
    place = Attachment(type=MessageKind.LOCATION, **spot.model_dump())
    return Contents(MessageKind.LOCATION, attachments=(place,))


def _contacts(message: Message) -> Contents | None:
    if not message.contacts:
        return None
    return Contents(MessageKind.CONTACT, attachments=tuple(_contact(contact) for contact in message.contacts))


def _contact(contact: SharedContact) -> Attachment:
    phones = [number for entry in contact.phones if (number := entry.phone or entry.wa_id)]
    emails = [entry.email for entry in contact.emails if entry.email]
    extra = {name: value for name, value in (("phones", phones), ("emails", emails)) if value}
    return Attachment(type=MessageKind.CONTACT, name=contact.name.formatted_name, extra=extra)


def _interactive(message: Message) -> Contents | None:
    chosen = message.interactive
    if chosen is None:
        return None
    choice = chosen.button_reply or chosen.list_reply
    if choice is not None:
        return Contents(MessageKind.INTERACTIVE, choice.title or choice.id, extra=_chosen(choice))
    if chosen.nfm_reply is None:
        return Contents(MessageKind.UNSUPPORTED, extra={"unsupported": f"interactive/{chosen.type}"[:64]})
    flow = chosen.nfm_reply
    extra = {"flow": flow.name, "answers": _answers(flow.response_json)}
    return Contents(MessageKind.INTERACTIVE, flow.body, extra={name: value for name, value in extra.items() if value})


def _chosen(choice: Choice) -> dict[str, Any]:
    return {"choice": choice.model_dump(exclude_none=True)}


def _answers(text: str | None) -> object:
    """A form's answers are JSON inside the JSON; what is not, or what no document could hold, is kept as it came."""
    if not text or len(text) >= 50_000:
        return text
    try:
        answers = json_object("flow", text.encode("utf-8", "replace"))
        check_storable(answers)
    except (PayloadInvalid, ValueError):
        return text
    return answers


def _button(message: Message) -> Contents | None:
    if message.button is None:
        return None
    payload = message.button.payload
    return Contents(
        MessageKind.INTERACTIVE, message.button.text or payload, extra={"payload": payload} if payload else {}
    )


def _order(message: Message) -> Contents | None:
    order = message.order
    if order is None:
        return None
    return Contents(MessageKind.INTERACTIVE, _order_text(order), extra={"order": order.model_dump(exclude_none=True)})


def _order_text(order: Order) -> str:
    lines = [f"{item.quantity} x {item.product_retailer_id}" for item in order.product_items]
    return "\n".join([order.text, *lines] if order.text else lines)


_READERS: Mapping[str, Callable[[Message], Contents | None]] = {
    "text": _text,
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
}
