"""Asking Instagram what an account has sent.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/conversations-api/
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from shared.channel.outbound import Sent
from shared.channelkit import messenger
from shared.channels.instagram.api import call, result
from shared.channels.instagram.config import InstagramConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_TIMEOUT = 15.0


def sent_messages(
    deps: Deps, instance: Instance, config: InstagramConfig, payload: OutboxPayload, since: datetime
) -> list[Sent]:
    """What the account has sent to the customer since then that says the same, the oldest first."""
    params = {"platform": "instagram", "user_id": payload.to, "fields": messenger.CONVERSATION_FIELDS}
    sender = config.page_id if config.is_page_linked else instance.external_id
    path = f"{quote(sender or 'me', safe='')}/conversations"
    reply = call(deps, config, "GET", path, params=params, timeout=_TIMEOUT)
    return messenger.sent_messages(result(reply), payload, since)
