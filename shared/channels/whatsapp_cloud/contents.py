"""What a message holds: text, files, places, contacts, answers to choices, orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shared.channelkit.contents import Contents, short
from shared.channelkit.forms import form_answers, form_text
from shared.channels.whatsapp_cloud import events
from shared.channels.whatsapp_cloud.events import Context, Edited, Error, File, Message, Product, SharedContact
from shared.domain.content import MOST_ITEMS, Content, Forward, Order, OrderLine, Press, Referral
from shared.domain.messages import Attachment, MessageKind

# What a form says about itself beside its answers.
_NO_ANSWERS = frozenset({"flow_token"})
_FILES = {
    "image": MessageKind.IMAGE,
    "audio": MessageKind.AUDIO,
    "voice": MessageKind.AUDIO,
    "video": MessageKind.VIDEO,
    "document": MessageKind.DOCUMENT,
    "sticker": MessageKind.STICKER,
}


def contents(message: Message) -> Contents:
    """What the message says; a type that is not known is kept as `UNSUPPORTED` with its name."""
    reader = _file if message.type in _FILES else _READERS.get(message.type)
    contents = reader(message) if reader else None
    contents = contents or _unsupported(message)
    about = _about(message)
    return replace(contents, content=contents.content.model_copy(update=about)) if about else contents


def edited_contents(edited: Edited) -> Contents | None:
    """What a message says after its edit; None for a kind that cannot be edited."""
    if edited.text is not None:
        return Contents(MessageKind.TEXT, edited.text.body)
    file: File | None = getattr(edited, edited.type) if edited.type in ("image", "video", "document") else None
    return _file_contents(edited.type, file) if file else None


def error_text(errors: list[Error]) -> str | None:
    """The first error as `code: title (details)`."""
    if not errors:
        return None
    error = errors[0]
    details = error.error_data.details if error.error_data else None
    text = error.title or error.message or "an error without an explanation"
    return f"{error.code}: {text}{f' ({details})' if details and details != text else ''}"[:500]


def _unsupported(message: Message) -> Contents:
    """What WhatsApp or the hub cannot show, with the reason that Meta gives."""
    kind = message.unsupported.type if message.unsupported and message.unsupported.type else message.type
    reason = ", ".join(part for part in (kind[:64], error_text(message.errors)) if part)
    return Contents(MessageKind.UNSUPPORTED, content=Content(unsupported=reason[:500]))


def _about(message: Message) -> dict[str, Any]:
    """What came along: the advertisement or product that led here, and whether the message was forwarded."""
    context = message.context or Context()
    about: dict[str, Any] = {}
    if message.referral or context.referred_product:
        about["referral"] = _referral(message.referral or events.Referral(), context.referred_product)
    if context.forwarded or context.frequently_forwarded:
        about["forwarded"] = Forward()
    return about


def _referral(referral: events.Referral, product: Product | None) -> Referral:
    return Referral(
        source=short(referral.source_type),
        title=short(referral.headline),
        text=referral.body,
        url=referral.source_url,
        ad_id=short(referral.source_id),
        product_id=short(product.product_retailer_id) if product else None,
        click_id=short(referral.ctwa_clid),
    )


def _text(message: Message) -> Contents | None:
    return Contents(MessageKind.TEXT, message.text.body) if message.text else None


def _file(message: Message) -> Contents | None:
    sent: File | None = getattr(message, message.type)
    return _file_contents(message.type, sent) if sent else None


def _file_contents(message_type: str, sent: File) -> Contents:
    kind = _FILES[message_type]
    flags = {"voice": sent.voice or message_type == "voice", "animated": sent.animated}
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
        return _pressed(choice.title or choice.id, choice.id, choice.description)
    if chosen.call_permission_reply is not None:
        return _pressed(f"Call permission: {chosen.call_permission_reply.response or 'unknown'}"[:200], None)
    if chosen.nfm_reply is None:
        return Contents(MessageKind.UNSUPPORTED, content=Content(unsupported=f"interactive/{chosen.type}"[:64]))
    answers = form_answers(chosen.nfm_reply.response_json, without=_NO_ANSWERS)
    text = form_text(answers) or chosen.nfm_reply.body
    return Contents(MessageKind.INTERACTIVE, text, content=Content(form=answers))


def _pressed(title: str | None, payload: str | None, description: str | None = None) -> Contents:
    pressed = Press(title=short(title), description=short(description), payload=payload)
    return Contents(MessageKind.INTERACTIVE, title, content=Content(pressed=pressed))


def _button(message: Message) -> Contents | None:
    if message.button is None:
        return None
    return _pressed(message.button.text or message.button.payload, message.button.payload)


def _order(message: Message) -> Contents | None:
    order = message.order
    if order is None:
        return None
    lines = [
        OrderLine(
            product=item.product_retailer_id[:1_000],
            quantity=item.quantity,
            price=item.item_price,
            currency=short(item.currency),
        )
        for item in order.product_items[:MOST_ITEMS]
    ]
    content = Content(order=Order(lines=lines, note=order.text or None))
    return Contents(MessageKind.INTERACTIVE, "\n".join(content.in_words()), content=content)


_READERS: Mapping[str, Callable[[Message], Contents | None]] = {
    "text": _text,
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
}
