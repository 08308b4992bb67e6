"""WhatsApp's addresses, compared by one spelling per person."""

from __future__ import annotations

from shared.channelkit.whatsapp.address import canonical

__all__ = ["canonical"]
