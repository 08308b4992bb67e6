"""The invitation to a room."""

from __future__ import annotations

from urllib.parse import quote

from shared.channel.opening import Opening
from shared.channels.video.config import VideoConfig
from shared.channels.video.rooms import guest_key
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.instances import Instance
from shared.security.tokens import GuestClaims, sign, span


def opening(
    deps: Deps, instance: Instance, config: VideoConfig, conversation: Conversation, moved: bool
) -> Opening | None:
    """The link with the customer's ticket, sent where they read it; None where the business has no page for it."""
    if config.join_url is None or not config.api_key_sid or config.api_key_secret is None:
        return None
    issued, expires = span(deps.now(), config.ticket_seconds)
    claims = GuestClaims(
        type="guest",
        user_id=conversation.customer_id,
        tenant_id=conversation.tenant_id,
        instance_id=instance.id,
        conversation_id=conversation.id,
        iat=issued,
        exp=expires,
    )
    link = config.join_url.replace("{token}", quote(sign(claims, guest_key(config)), safe=""))
    return Opening(text=f"{config.join_text} {link}".strip(), here=False)
