"""That an answer is being written, and what was read.

https://developers.facebook.com/docs/messenger-platform/send-messages/sender-actions
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.channels.instagram.api import result
from shared.channels.instagram.config import InstagramConfig
from shared.channels.instagram.outbound import post_to
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_SHOWN_SECONDS = 20.0


def show_typing(deps: Deps, instance: Instance, config: InstagramConfig, payload: OutboxPayload) -> float:
    """Show it for twenty seconds, or until the answer."""
    result(post_to(deps, instance, config, payload, {"sender_action": "typing_on"}))
    return _SHOWN_SECONDS


def mark_read(
    deps: Deps, instance: Instance, config: InstagramConfig, payload: OutboxPayload, external_message_ids: Sequence[str]
) -> None:
    """Mark all that the customer wrote so far."""
    result(post_to(deps, instance, config, payload, {"sender_action": "mark_seen"}))
