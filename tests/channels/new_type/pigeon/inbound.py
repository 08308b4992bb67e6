"""Letters into the normal form."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel

from shared.channelkit.payloads import checked
from shared.domain.inbound import ChannelEvent, MessageReceived, Sender
from shared.domain.messages import MessageKind

from .config import PROVIDER


class Letter(BaseModel):
    id: str
    loft: str
    text: str
    written_at: AwareDatetime
    outgoing: bool = False


def parse(payload: Any) -> list[ChannelEvent]:
    letter = checked(PROVIDER, Letter, payload)
    return [
        MessageReceived(
            external_message_id=letter.id,
            external_conversation_id=letter.loft,
            chat_key=letter.loft,
            sender=Sender(external_user_id=letter.loft, keys=(letter.loft,)),
            kind=MessageKind.TEXT,
            text=letter.text,
            sent_at=letter.written_at,
            from_me=letter.outgoing,
        )
    ]
