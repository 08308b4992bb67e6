"""Editing and deleting what a visitor was answered: the page reads the stored message again."""

from __future__ import annotations

from shared.channels.widget.config import WidgetConfig
from shared.channels.widget.outbound import announce
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_STORED_AFTER = 1.0
"""Seconds after which the change is stored, which happens when the functions here have returned."""


def edit(
    deps: Deps, instance: Instance, config: WidgetConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Have the visitor's page look again."""
    announce(deps, instance, payload, delay=_STORED_AFTER)


def delete(
    deps: Deps, instance: Instance, config: WidgetConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """As `edit`."""
    announce(deps, instance, payload, delay=_STORED_AFTER)
