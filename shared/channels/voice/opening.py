"""The first words of a call that the business makes."""

from __future__ import annotations

from shared.channel.opening import Opening
from shared.channels.voice.config import VoiceConfig
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.instances import Instance


def opening(
    deps: Deps, instance: Instance, config: VoiceConfig, conversation: Conversation, moved: bool
) -> Opening | None:
    """A session that is moved here calls the customer; one that was only made waits for somebody to speak."""
    return Opening(text=config.callback_text) if moved else None
