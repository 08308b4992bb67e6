"""Sending again what may have arrived: LINE takes the same push message once, by its retry key, within a day.

https://developers.line.biz/en/docs/messaging-api/retrying-api-request/
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.channels.line.outbound import may_be_reply
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_REMEMBERED = timedelta(hours=20)
"""LINE says 24 hours; a repetition may itself be tried again for a while."""


def may_repeat(deps: Deps, instance: Instance, payload: OutboxPayload, since: datetime) -> bool:
    """Unless it may have gone with a reply token, which has no such key."""
    is_remembered = payload.message_id is not None and deps.now() - since < _REMEMBERED
    return is_remembered and not may_be_reply(payload, since)
