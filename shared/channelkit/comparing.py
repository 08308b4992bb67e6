"""Whether a message that a provider shows is one that we sent: by what it says."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from shared.channel import Markup
from shared.channelkit.attachments import in_words, joined
from shared.channelkit.rendering import apply_markup, entities
from shared.domain.messages import MessageKind
from shared.domain.outbox import OutboxPayload


def says_the_same(
    payload: OutboxPayload, markup: Markup | None, text: str | None, kinds: Collection[MessageKind] = ()
) -> bool:
    """Whether a message with this text and attachments of these kinds is what became of `payload`.

    Files have no names that survive a provider: their kind and the text beside them must do. A file may have gone as a
    link in the text.
    """
    plain = _without_spacing(text)
    own_kinds = {attachment.type for attachment in payload.attachments}
    if kinds:
        return not own_kinds.isdisjoint(kinds) and plain in {_without_spacing(own) for own in _texts(payload, markup)}
    if not plain:
        return False
    with_links = (joined([own, *map(in_words, payload.attachments)]) for own in _texts(payload, markup))
    return plain in {_without_spacing(own) for own in with_links}


def _texts(payload: OutboxPayload, markup: Markup | None) -> Iterator[str]:
    """The text as it was written, in the channel's notation, and without any."""
    yield payload.text or ""
    yield entities(payload)[0]
    if markup is not None:
        yield apply_markup(markup, payload).text or ""


def _without_spacing(text: str | None) -> str:
    return " ".join((text or "").split())
