"""Asking Messenger what a page has sent: https://developers.facebook.com/docs/graph-api/reference/page/conversations/."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from shared.channel.outbound import Sent
from shared.channelkit import messenger
from shared.channels.facebook.api import call, result
from shared.channels.facebook.config import FacebookConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_TIMEOUT = 15.0


def sent_messages(
    deps: Deps, instance: Instance, config: FacebookConfig, payload: OutboxPayload, since: datetime
) -> list[Sent]:
    """What the page has sent to the customer since then that says the same, the oldest first."""
    params = {"platform": "messenger", "user_id": payload.to, "fields": messenger.CONVERSATION_FIELDS}
    path = f"{quote(instance.external_id or 'me', safe='')}/conversations"
    reply = call(deps, config, "GET", path, params=params, timeout=_TIMEOUT)
    return messenger.sent_messages(result(reply), payload, since)
