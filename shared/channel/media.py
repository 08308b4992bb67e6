"""`media.py` of a channel: attachments that only the provider's own API gives away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.channel import MEGABYTE
from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.instances import Instance
    from shared.domain.messages import Attachment, Message

MAX_MEDIA = 25 * MEGABYTE
"""Bytes of a file that the hub fetches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file's content; type and name come from its source unchecked."""

    content: bytes
    mime_type: str | None = None
    file_name: str | None = None


class MediaModule(Protocol[Config]):
    """Channels whose attachments come without a `url`."""

    def fetch_media(
        self, deps: Deps, instance: Instance, config: Config, message: Message, attachment: Attachment
    ) -> Media:
        """An attachment's content; raises `NotFound` where there is none, or a `ProviderError`."""
        ...
