"""The pictures of a conversation that a model is shown."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from shared.answering.turns import Picture, Turn
from shared.deps import Deps
from shared.domain.messages import Attachment, Direction, Message, MessageKind
from shared.errors import HubError
from shared.usecases.conversations import media

log = logging.getLogger(__name__)

MOST = 4
"""Pictures that a model is shown, the newest of the conversation."""

LARGEST = 5_000_000
"""Bytes of one picture."""

_SECONDS = 10.0
"""After so long no other is fetched, for the customer waits."""

# https://platform.openai.com/docs/guides/images-vision
_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


def newest(deps: Deps, turn: Turn) -> Mapping[str, Sequence[Picture]]:
    """The newest pictures that customers sent, by message; one that cannot be had is left out."""
    pictures: dict[str, list[Picture]] = defaultdict(list)
    began = time.monotonic()
    for message, number in list(_places(turn))[-MOST:][::-1]:
        if time.monotonic() - began > _SECONDS:
            break
        picture = _picture(deps, message, number)
        if picture is not None:
            pictures[message.id].insert(0, picture)
    return pictures


def _places(turn: Turn) -> Iterator[tuple[Message, int]]:
    for message in turn.history:
        if message.direction is Direction.INBOUND:
            for number, attachment in enumerate(message.attachments):
                if _may_be_picture(attachment):
                    yield message, number


def _may_be_picture(attachment: Attachment) -> bool:
    is_picture = attachment.type in (MessageKind.IMAGE, MessageKind.STICKER)
    return (is_picture or (attachment.mime_type or "").startswith("image/")) and (attachment.size or 0) <= LARGEST


def _picture(deps: Deps, message: Message, number: int) -> Picture | None:
    try:
        blob = media.fetch(deps, message.tenant_id, f"{message.id}-{number}")
    except HubError as error:
        log.warning("a picture is not shown to the model", extra={"message_id": message.id, "why": error.detail})
        return None
    if blob.mime_type not in _TYPES or len(blob.content) > LARGEST:
        return None
    return Picture(blob.mime_type, blob.content)
