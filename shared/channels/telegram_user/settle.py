"""Sending again what may have arrived: Telegram refuses a number (`random_id`) that it has had of the account."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_REMEMBERED = timedelta(days=1)
"""Telegram does not say for how long; messages are tried again for two hours at the most."""


def may_repeat(deps: Deps, instance: Instance, payload: OutboxPayload, since: datetime) -> bool:
    """The number is made of the message's id."""
    return payload.message_id is not None and deps.now() - since < _REMEMBERED
