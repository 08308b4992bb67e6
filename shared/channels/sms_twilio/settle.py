"""Asking Twilio what an account has sent: https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from shared.channel.outbound import Sent
from shared.channelkit.twilio import call, result
from shared.channels.sms_twilio.config import SmsConfig
from shared.channels.sms_twilio.outbound import content_of, recipient
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_LATEST = 30
_TIMEOUT = 15.0


def sent_messages(
    deps: Deps, instance: Instance, config: SmsConfig, payload: OutboxPayload, since: datetime
) -> list[Sent]:
    """What the account has sent to the number since then that says the same, the oldest first."""
    params = {"To": recipient(payload), "PageSize": str(_LATEST)}
    listed = call(deps, config, "GET", f"{config.account_path}/Messages.json", params=params, timeout=_TIMEOUT)
    text, files, _ = content_of(payload)
    sent = [
        message
        for message in _outbound(result(listed).get("messages"))
        if str(message.get("body") or "").split() == text.split()
        and str(message.get("num_media") or "0") == str(len(files))
        and _created_at(message) >= since.timestamp()
    ]
    return [Sent(external_message_id=message["sid"]) for message in sorted(sent, key=_created_at)]


def _outbound(messages: object) -> Iterator[Mapping[str, Any]]:
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and str(message.get("direction")).startswith("outbound"):
            yield message


def _created_at(message: Mapping[str, Any]) -> float:
    """In seconds since 1970; 0 for what tells no time."""
    try:
        return parsedate_to_datetime(str(message.get("date_created"))).timestamp()
    except ValueError:
        return 0.0
