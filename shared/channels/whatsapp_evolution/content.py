"""What a WhatsApp message says, one reader for each shape of content; None for what cannot be shown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from shared.channels.whatsapp_evolution.wire import (
    Fields,
    boolean,
    encoded_bytes,
    fields,
    integer,
    number,
    objects,
    text,
)
from shared.domain.messages import Attachment, MessageKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says, in the hub's words."""

    kind: MessageKind
    text: str | None = None
    attachments: tuple[Attachment, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


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


def plain(content: Unwrapped) -> Content | None:
    body = text(content.value) or text(fields(content.value).get("text"))
    return Content(kind=MessageKind.TEXT, text=body) if body else None


def media(kind: MessageKind, content: Unwrapped) -> Content | None:
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
    return Content(kind=kind, text=caption, attachments=(attachment,))


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


def location(live: bool, content: Unwrapped) -> Content | None:
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
    return Content(kind=MessageKind.LOCATION, text=text(value.get("caption")), attachments=(attachment,))


def contact(content: Unwrapped) -> Content | None:
    return _contacts_content([fields(content.value)])


def contacts(content: Unwrapped) -> Content | None:
    return _contacts_content(objects(fields(content.value).get("contacts")))


def _contacts_content(cards: list[Fields]) -> Content | None:
    contacts = tuple(_card(card) for card in cards if text(card.get("displayName")) or text(card.get("vcard")))
    return Content(kind=MessageKind.CONTACT, attachments=contacts) if contacts else None


def _card(card: Fields) -> Attachment:
    vcard = text(card.get("vcard")) or ""
    extra: dict[str, Any] = {"vcard": vcard} if vcard else {}
    if phones := [f"+{digits}" for digits in re.findall(r"waid=(\d{6,15})", vcard)]:
        extra["phones"] = phones
    return Attachment(type=MessageKind.CONTACT, name=text(card.get("displayName")), extra=extra)


def poll(content: Unwrapped) -> Content | None:
    value = fields(content.value)
    question = text(value.get("name"))
    options = [name for option in objects(value.get("options")) if (name := text(option.get("optionName")))]
    if question is None:
        return None
    rendered = "\n".join([question, *(f"- {option}" for option in options)])
    extra = {"poll": {"question": question, "options": options, "most": integer(value.get("selectableOptionsCount"))}}
    return Content(kind=MessageKind.POLL, text=rendered, extra=extra)


def chosen(label: str, identifier: str, content: Unwrapped) -> Content | None:
    """The answer to buttons or a template."""
    value = fields(content.value)
    return _choice(text(value.get(label)), text(value.get(identifier)))


def chosen_row(content: Unwrapped) -> Content | None:
    value = fields(content.value)
    row = text(fields(value.get("singleSelectReply")).get("selectedRowId"))
    return _choice(text(value.get("title")) or text(value.get("description")), row)


def chosen_flow(content: Unwrapped) -> Content | None:
    """What a click on a native button gives: its id lies in JSON within the JSON."""
    value = fields(content.value)
    flow = fields(value.get("nativeFlowResponseMessage"))
    answer = _inner_json(flow.get("paramsJson"))
    identifier = text(answer.get("id"))
    label = text(fields(value.get("body")).get("text")) or text(answer.get("display_text"))
    return _choice(label, identifier or text(flow.get("name")))


def _inner_json(value: object) -> Fields:
    try:
        return fields(json.loads(value)) if isinstance(value, str) else {}
    except (ValueError, RecursionError):
        return {}


def _choice(label: str | None, identifier: str | None) -> Content | None:
    title = label or identifier
    if title is None:
        return None
    return Content(kind=MessageKind.INTERACTIVE, text=title, extra={"selected_id": identifier} if identifier else {})


def offered(content: Unwrapped) -> Content | None:
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
    return Content(kind=MessageKind.INTERACTIVE, text=offer) if offer else None
