"""The Dashboard dialect with some conversations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.instances import ChannelType
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.ports.store import Create
from shared.usecases.accounts import tenants
from tests import refs
from tests.apps import create_app

START = datetime(2024, 1, 20, 10, 0, tzinfo=UTC)


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return create_app(deps, blueprints()).test_client()


@pytest.fixture
def external_agents(deps: Deps) -> None:
    """The people whom sessions are given to are known to another system alone."""
    tenants.change_settings(deps, deps.settings.default_tenant_id, {"external_agents": True})


@pytest.fixture
def converse(deps: Deps) -> Callable[..., Conversation]:
    """Store a conversation of the default tenant; `minute` is when its last message came."""

    def store(id_: str, minute: int = 0, **fields: Any) -> Conversation:
        defaults = {
            "id": id_,
            "tenant_id": deps.settings.default_tenant_id,
            "customer_id": "cust_456",
            "identity_id": "identity",
            "instance_id": "instance",
            "channel": ChannelType.WHATSAPP,
            "external_conversation_id": "chat",
            "external_user_id": "user",
            "last_message_at": START + timedelta(minutes=minute),
            "created_at": START,
            "updated_at": START,
        }
        conversation = Conversation.model_validate(defaults | fields)
        deps.store.commit([Create(refs.conversation(id_), conversation.model_dump())])
        return conversation

    return store


@pytest.fixture
def say(deps: Deps) -> Callable[..., Message]:
    """Store a message of a conversation; `minute` is when it was sent."""

    def store(conversation_id: str, id_: str, minute: int = 0, **fields: Any) -> Message:
        defaults = {
            "id": id_,
            "tenant_id": deps.settings.default_tenant_id,
            "instance_id": "instance",
            "conversation_id": conversation_id,
            "customer_id": "cust_456",
            "direction": Direction.INBOUND,
            "author": Author.CUSTOMER,
            "status": MessageStatus.RECEIVED,
            "sent_at": START + timedelta(minutes=minute),
            "created_at": START + timedelta(minutes=minute),
        }
        message = Message.model_validate(defaults | fields)
        deps.store.commit([Create(refs.message(id_), message.model_dump())])
        return message

    return store
