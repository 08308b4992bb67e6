"""Notes in a conversation, for the people of the business: stored among the messages, and sent to nobody."""

from __future__ import annotations

from datetime import datetime

from shared.domain.conversations import Conversation
from shared.domain.messages import Author, Direction, Message, MessageStatus


def system_note(conversation: Conversation, note_id: str, text: str, now: datetime) -> Message:
    """A note by the hub itself about the channel that the conversation is on."""
    return Message(
        id=note_id,
        tenant_id=conversation.tenant_id,
        instance_id=conversation.instance_id,
        conversation_id=conversation.id,
        customer_id=conversation.customer_id,
        direction=Direction.SYSTEM,
        author=Author.SYSTEM,
        text=text,
        status=MessageStatus.RECEIVED,
        sent_at=now,
        created_at=now,
    )
