"""Whether a provider can call us at all."""

from __future__ import annotations

from shared.config import Settings


def only_sends(settings: Settings, things: str = "messages") -> str | None:
    """What to tell the operator of a channel where nothing will arrive; None where `PUBLIC_URL` says where we are."""
    return None if settings.public_url else f"{things} can be sent; to receive them set PUBLIC_URL"
