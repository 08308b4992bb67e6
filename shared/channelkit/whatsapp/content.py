"""What a WhatsApp message says, one reader for each shape of content; None for what cannot be shown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from shared.channelkit.contents import Contents
from shared.channelkit.forms import form_answers, form_text
from shared.channelkit.whatsapp.wire import (
    Fields,
    boolean,
    encoded_bytes,
    fields,
    integer,
    moment,
    number,
    objects,
    short,
    text,
)
from shared.domain.content import Content, Order, Poll, Press, Referral
from shared.domain.messages import Attachment, MessageKind

_LONGEST = 1_000
_LONGEST_LINE = 2_000
_MOST_NUMBERS = 50
_MOST_OPTIONS = 50
_NO_ANSWERS = frozenset({"flow_token"})
_ACCOUNT = re.compile(r"waid=(\d{6,15})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrapped:
    """The content itself: its name in WhatsApp's protocol, its value, and what lies beside it.

    `transcript` is what Evolution heard in a recording, where it was given a service for that.
    """

    name: str | None
    value: object
    context: Fields
    media_url: str | None
    transcript: str | None = None


def plain(content: Unwrapped) -> Contents | None:
    body = text(content.value) or text(fields(content.value).get("text"))
    return Contents(kind=MessageKind.TEXT, text=body) if body else None


def media(kind: MessageKind, content: Unwrapped) -> Contents | None:
    """A file. Business accounts spell some names as Meta does."""
    value = fields(content.value)
    if not value:
        return None
    attachment = Attachment(
        type=kind,
        url=_usable_url(content.media_url),
        mime_type=text(value.get("mimetype")) or text(value.get("mime_type")),
        file_name=text(value.get("fileName")) or text(value.get("filename")) or text(value.get("title")),
        size=_size(value.get("fileLength")),
        extra=_media_extra(value),
    )
    caption = text(value.get("caption")) or _transcribed(content.transcript)
    return Contents(kind=kind, text=caption, attachments=(attachment,))


def _transcribed(transcript: str | None) -> str | None:
    """Most versions put a mark before the words, and write `undefined` after it when there are none."""
    speech = (transcript or "").removeprefix("[audio]").strip()
    return None if speech in ("", "undefined", "null") else speech


def _usable_url(url: str | None) -> str | None:
    """Evolution's own copy (S3, MinIO); WhatsApp's `url` holds encrypted bytes and is of no use to others."""
    return url if url and re.match(r"https?://", url) else None


def _size(value: object) -> int | None:
    size = integer(value)
    return size if size is not None and size >= 0 else None


def _media_extra(value: Fields) -> dict[str, Any]:
    extra: dict[str, Any] = {
        "media_key": encoded_bytes(value.get("mediaKey")),
        "sha256": encoded_bytes(value.get("fileSha256")) or encoded_bytes(value.get("sha256")),
        "encrypted_sha256": encoded_bytes(value.get("fileEncSha256")),
        "direct_path": text(value.get("directPath")),
        "encrypted_url": text(value.get("url")),
        "media_id": text(value.get("id")),
        "seconds": integer(value.get("seconds")),
        "width": integer(value.get("width")),
        "height": integer(value.get("height")),
        "voice_note": boolean(value.get("ptt")) or None,
        "animated": boolean(value.get("isAnimated")) or boolean(value.get("gifPlayback")) or None,
    }
    return {name: entry for name, entry in extra.items() if entry is not None}


def location(live: bool, content: Unwrapped) -> Contents | None:
    value = fields(content.value)
    latitude, longitude = number(value.get("degreesLatitude")), number(value.get("degreesLongitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    attachment = Attachment(
        type=MessageKind.LOCATION,
        latitude=latitude,
        longitude=longitude,
        name=text(value.get("name")),
        address=text(value.get("address")),
        extra={"live": True} if live else {},
    )
    return Contents(kind=MessageKind.LOCATION, text=text(value.get("caption")), attachments=(attachment,))


def contact(content: Unwrapped) -> Contents | None:
    return _contacts_content([fields(content.value)])


def contacts(content: Unwrapped) -> Contents | None:
    return _contacts_content(objects(fields(content.value).get("contacts")))


def _contacts_content(cards: list[Fields]) -> Contents | None:
    contacts = tuple(_card(card) for card in cards if text(card.get("displayName")) or text(card.get("vcard")))
    return Contents(kind=MessageKind.CONTACT, attachments=contacts) if contacts else None


def _card(card: Fields) -> Attachment:
    vcard = text(card.get("vcard")) or ""
    extra: dict[str, Any] = {"vcard": vcard} if vcard else {}
    if phones := _phones(vcard):
        extra["phones"] = phones
    if emails := [email for line in vcard.splitlines() if (email := _property(line, "EMAIL"))]:
        extra["emails"] = emails[:_MOST_NUMBERS]
    return Attachment(type=MessageKind.CONTACT, name=text(card.get("displayName")), extra=extra)


def _phones(vcard: str) -> list[str]:
    """The numbers on the card: WhatsApp's own spelling where it has one, else as they are written."""
    numbers = []
    for line in vcard.splitlines():
        number = _property(line, "TEL")
        account = _ACCOUNT.search(line.partition(":")[0]) if number else None
        if number:
            numbers.append(f"+{account[1]}" if account else number)
    return numbers[:_MOST_NUMBERS]


def _property(line: str, name: str) -> str | None:
    """The value of a card's line such as `item1.TEL;type=HOME:+55 11 3333-4444`; None for another property."""
    head, _, value = line[:_LONGEST_LINE].partition(":")
    of = head.partition(";")[0].rpartition(".")[2]
    return value.strip() or None if of.strip().upper() == name else None


def poll(content: Unwrapped) -> Contents | None:
    value = fields(content.value)
    question = text(value.get("name"))
    options = [name for option in objects(value.get("options")) if (name := text(option.get("optionName")))]
    if question is None:
        return None
    rendered = "\n".join([question, *(f"- {option}" for option in options)])
    poll_content = Poll(question=question[:_LONGEST], options=[option[:_LONGEST] for option in options[:_MOST_OPTIONS]])
    return Contents(kind=MessageKind.POLL, text=rendered, content=Content(poll=poll_content))


def chosen(label: str, identifier: str, content: Unwrapped) -> Contents | None:
    """The answer to buttons or a template."""
    value = fields(content.value)
    return _choice(text(value.get(label)), text(value.get(identifier)))


def chosen_row(content: Unwrapped) -> Contents | None:
    value = fields(content.value)
    row = text(fields(value.get("singleSelectReply")).get("selectedRowId"))
    return _choice(text(value.get("title")) or text(value.get("description")), row)


def chosen_flow(content: Unwrapped) -> Contents | None:
    """What a click on a native button gives, or a form: what was chosen lies in JSON within the JSON."""
    value = fields(content.value)
    flow = fields(value.get("nativeFlowResponseMessage"))
    answer = _inner_json(flow.get("paramsJson"))
    identifier = text(answer.get("id"))
    label = text(fields(value.get("body")).get("text")) or text(answer.get("display_text"))
    answers = [] if identifier else form_answers(text(flow.get("paramsJson")), without=_NO_ANSWERS)
    if answers:
        return Contents(kind=MessageKind.INTERACTIVE, text=form_text(answers), content=Content(form=answers))
    return _choice(label, identifier or text(flow.get("name")))


def _inner_json(value: object) -> Fields:
    try:
        return fields(json.loads(value)) if isinstance(value, str) else {}
    except (ValueError, RecursionError):
        return {}


def _choice(label: str | None, identifier: str | None) -> Contents | None:
    title = label or identifier
    if title is None:
        return None
    pressed = Press(title=title[:_LONGEST], payload=identifier)
    return Contents(kind=MessageKind.INTERACTIVE, text=title, content=Content(pressed=pressed))


def order(content: Unwrapped) -> Contents | None:
    """A basket; its lines are only told to who asks WhatsApp for them."""
    value = fields(content.value)
    total = integer(value.get("totalAmount1000"))
    basket = Order(
        title=short(value.get("orderTitle")),
        note=text(value.get("message")),
        item_count=integer(value.get("itemCount")),
        total=total / 1000 if total is not None else None,
        currency=short(value.get("totalCurrencyCode")),
    )
    basket_content = Content(order=basket)
    return Contents(
        kind=MessageKind.INTERACTIVE, text="\n".join(basket_content.in_words()) or None, content=basket_content
    )


def product(content: Unwrapped) -> Contents | None:
    """A product of a catalogue that somebody shows or asks about."""
    value = fields(fields(content.value).get("product"))
    title, identifier = text(value.get("title")), text(value.get("productId"))
    if title is None and identifier is None:
        return None
    referral = Referral(source="product", title=short(title), product_id=short(identifier), url=text(value.get("url")))
    caption = text(fields(content.value).get("body"))
    return Contents(kind=MessageKind.INTERACTIVE, text=caption or title, content=Content(referral=referral))


def group_invitation(content: Unwrapped) -> Contents | None:
    value = fields(content.value)
    name, code = text(value.get("groupName")), text(value.get("inviteCode"))
    parts = [text(value.get("caption")), f"Invitation to the group {name}" if name else None]
    link = f"https://chat.whatsapp.com/{code}" if code else None
    return _as_lines([*parts, link])


def event(content: Unwrapped) -> Contents | None:
    """An appointment that is proposed in a chat."""
    value = fields(content.value)
    place = fields(value.get("location"))
    starts = integer(value.get("startTime"))
    when = moment(starts).strftime("%Y-%m-%d %H:%M UTC") if starts else None
    return _as_lines([text(value.get("name")), when, text(place.get("name")), text(value.get("description"))])


def _as_lines(parts: list[str | None]) -> Contents | None:
    lines = [part for part in parts if part]
    return Contents(kind=MessageKind.TEXT, text="\n".join(lines)) if lines else None


def offered(content: Unwrapped) -> Contents | None:
    """Buttons, a list or a template that the business sent: only their words can be shown."""
    value = fields(content.value)
    value = fields(value.get("hydratedTemplate")) or fields(value.get("hydratedFourRowTemplate")) or value
    parts = [
        text(fields(value.get("header")).get("title")) or text(value.get("title")),
        text(fields(value.get("body")).get("text")) or text(value.get("contentText")),
        text(value.get("description")) or text(value.get("hydratedContentText")),
        text(fields(value.get("footer")).get("text")) or text(value.get("footerText")),
    ]
    offer = "\n".join(part.strip() for part in parts if part)
    return Contents(kind=MessageKind.INTERACTIVE, text=offer) if offer else None
