"""That an answer is being written, on the visitor's page."""

from __future__ import annotations

from shared.channels.widget.config import WidgetConfig
from shared.channels.widget.outbound import TYPING, publish
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_SHOWN_SECONDS = 5.0
"""The page shows it for six."""


def show_typing(deps: Deps, instance: Instance, config: WidgetConfig, payload: OutboxPayload) -> float:
    """Have the page show it for a while, or until the answer."""
    publish(deps, instance, payload, TYPING, {"instance": instance.id})
    return _SHOWN_SECONDS
