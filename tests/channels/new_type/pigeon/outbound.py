"""Sending a letter."""

from __future__ import annotations

from shared.channel.outbound import Sent
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

from .api import call
from .config import PigeonConfig


def send(deps: Deps, instance: Instance, config: PigeonConfig, payload: OutboxPayload) -> Sent:
    letter = call(deps, config, "POST", "/letters", {"loft": payload.to, "text": payload.text})
    return Sent(external_message_id=str(letter["id"]))
