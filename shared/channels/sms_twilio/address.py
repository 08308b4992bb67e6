"""Telephone numbers."""

from __future__ import annotations

from shared.channelkit.twilio_webhooks import number_key as canonical

__all__ = ["canonical"]
