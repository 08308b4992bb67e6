"""Sending again what has certainly not left, because the hub was killed between claiming and sending it."""

from __future__ import annotations

from datetime import datetime

from shared.channels.whatsapp_web.connection import line_of
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload


def may_repeat(deps: Deps, instance: Instance, payload: OutboxPayload, since: datetime) -> bool:
    """Reactions have no secret (`message_secrets`), by which it would be known that they were sent."""
    line = line_of(deps, instance.id)
    if line is None or payload.message_id is None or payload.reaction is not None:
        return False
    return not line.may_have_sent(payload.message_id, since)
