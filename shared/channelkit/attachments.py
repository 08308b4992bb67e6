"""What becomes of attachments where a provider takes one with a message, only some, or none at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.domain.messages import Attachment, phones
from shared.domain.outbox import OutboxPayload


def as_links(attachments: Iterable[Attachment]) -> str | None:
    """The note for files that went as links in a text; None where none is a file."""
    names = [attachment.file_name or f"the {attachment.type.value}" for attachment in attachments if attachment.url]
    return f"sent as a link: {', '.join(names)}" if names else None


def in_words(attachment: Attachment) -> str:
    """What a text says instead of it: where a file is, or what a place or a contact's card tells."""
    if attachment.latitude is not None and attachment.longitude is not None:
        spot = f"https://maps.google.com/?q={attachment.latitude},{attachment.longitude}"
        return joined([attachment.name, attachment.address, spot])
    return attachment.url or joined([attachment.name, attachment.address, *phones(attachment)])


def joined(parts: Iterable[str | None]) -> str:
    """The parts that there are, each on a line of its own."""
    return "\n".join(part for part in parts if part)


def each_with_caption(payload: OutboxPayload, *, carries_text: bool) -> list[OutboxPayload]:
    """A message for each attachment; with `carries_text` the text goes with the first, else right after it.

    A question with choices comes last: an answer to it is asked for.
    """
    if not payload.attachments:
        return [payload]
    if payload.choices:
        return each_before_text(payload, payload.attachments)
    first, *others = _alone(payload, payload.attachments)
    if not payload.text:
        return [first, *others]
    if carries_text:
        return [first.model_copy(update={"text": payload.text, "spans": payload.spans}), *others]
    return [first, payload.model_copy(update={"attachments": [], "reply_to": None}), *others]


def each_before_text(payload: OutboxPayload, separate: Sequence[Attachment]) -> list[OutboxPayload]:
    """A message for each of the `separate` attachments, then the text with those that it is to tell in words."""
    # The same file may be there twice, so it is not equality that counts.
    others = [attachment for attachment in payload.attachments if not any(attachment is each for each in separate)]
    files = _alone(payload, separate)
    if not payload.text and not others and files:
        return files
    reply_to = None if files else payload.reply_to
    return [*files, payload.model_copy(update={"attachments": others, "reply_to": reply_to})]


def _alone(payload: OutboxPayload, attachments: Sequence[Attachment]) -> list[OutboxPayload]:
    """A message for each attachment; what is quoted is quoted once."""
    bare = payload.model_copy(update={"text": None, "spans": None, "choices": []})
    return [
        bare.model_copy(update={"attachments": [attachment], "reply_to": None if number else payload.reply_to})
        for number, attachment in enumerate(attachments)
    ]
