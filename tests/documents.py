"""Documents whose fields do not matter but for those that a test names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.channels import type_of
from shared.domain.accounts import Role, User
from shared.domain.conversations import Conversation
from shared.domain.instances import ChannelType, Instance
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.domain.outbox import OutboxItem, OutboxPayload

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, UTC)


def an_instance(adapter: str, /, **fields: Any) -> Instance:
    channel_type = type_of(adapter)
    defaults = {
        "id": "i1",
        "tenant_id": "t1",
        "type": channel_type,
        "adapter": adapter,
        "seq": 1,
        "slug": f"{channel_type.value}-1",
        "name": "shop",
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    return Instance(**(defaults | fields))


def a_message(**fields: Any) -> Message:
    defaults = {
        "id": "m1",
        "tenant_id": "t1",
        "instance_id": "i1",
        "conversation_id": "c1",
        "customer_id": "p1",
        "direction": Direction.INBOUND,
        "author": Author.CUSTOMER,
        "author_name": "Ada",
        "text": "hello",
        "status": MessageStatus.RECEIVED,
        "sent_at": MOMENT,
        "created_at": MOMENT,
    }
    return Message(**(defaults | fields))


def a_conversation(**fields: Any) -> Conversation:
    defaults = {
        "id": "c1",
        "tenant_id": "t1",
        "customer_id": "p1",
        "identity_id": "d1",
        "instance_id": "i1",
        "channel": ChannelType.WHATSAPP,
        "external_conversation_id": "5511988887777",
        "external_user_id": "5511988887777",
        "last_message_at": MOMENT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    return Conversation(**(defaults | fields))


def a_user(**fields: Any) -> User:
    defaults = {
        "id": "u1",
        "tenant_id": "t1",
        "email": "ann@example.com",
        "role": Role.OWNER,
        "password_hash": "none",
        "created_at": MOMENT,
    }
    return User(**(defaults | fields))


def an_outbox_item(**fields: Any) -> OutboxItem:
    defaults = {
        "id": "m1",
        "tenant_id": "t1",
        "conversation_id": "c1",
        "instance_id": "i1",
        "payload": OutboxPayload(text="hello"),
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    return OutboxItem(**(defaults | fields))
