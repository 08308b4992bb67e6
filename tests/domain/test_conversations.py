"""Whose turn it is in a conversation, and what is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.conversations import Conversation, ConversationStatus, Leg, Owner, Priority
from shared.domain.customers import Identity
from shared.domain.instances import ChannelType
from tests.documents import MOMENT, a_conversation, an_instance

LATER = MOMENT + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("fields", "phone_number"),
    [
        ({}, "5511988887777"),
        ({"external_user_id": "5511988887777@s.whatsapp.net"}, "5511988887777"),
        ({"external_user_id": "77@lid"}, None),
        ({"external_user_id": "77@lid", "customer_phone": "+55"}, "+55"),
        ({"is_group": True}, None),
        ({"channel": ChannelType.TELEGRAM_BOT}, None),
        ({"external_user_id": "ada"}, None),
    ],
)
def test_a_customers_number_is_known_or_their_address(fields: dict[str, Any], phone_number: str | None) -> None:
    assert a_conversation(**fields).phone_number == phone_number


@pytest.mark.parametrize(
    "fields",
    [
        {"status": ConversationStatus.CLOSED},
        {"priority": Priority.HIGH},
        {"assignee_id": "u1"},
        {"team_id": "u1"},
        {"snoozed_until": LATER},
        {"tags": ["vip"]},
    ],
)
def test_the_revision_changes_with_what_people_decide(fields: dict[str, Any]) -> None:
    assert a_conversation(**fields).revision != a_conversation().revision


def test_the_revision_stays_with_what_is_written() -> None:
    news = {"unread_count": 3, "last_message_at": LATER, "updated_at": LATER, "summary": "Hi", "needs_human": True}
    assert a_conversation(**news).revision == a_conversation().revision


@pytest.mark.parametrize(
    ("owner", "auto_reply_enabled", "answers_next"),
    [
        (Owner.BOT, True, Owner.BOT),
        (Owner.BOT, False, Owner.NOBODY),
        (Owner.HUMAN, True, Owner.HUMAN),
        (Owner.HUMAN, False, Owner.HUMAN),
        (Owner.NOBODY, True, Owner.NOBODY),
    ],
)
def test_whose_turn_it_is(owner: Owner, auto_reply_enabled: bool, answers_next: Owner) -> None:
    conversation = a_conversation(owner=owner, auto_reply_enabled=auto_reply_enabled)
    assert conversation.answers_next is answers_next
    assert conversation.is_left_to_people is (answers_next is not Owner.BOT)


HELD = {"owner": Owner.HUMAN, "holder_id": "u1", "pause_ends_at": LATER}
FREE = {"holder_id": None, "pause_ends_at": None}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (lambda conversation: conversation.give_to_human("u1", LATER), HELD | {"needs_human": False}),
        (lambda conversation: conversation.give_to_nobody(), FREE | {"owner": Owner.NOBODY, "needs_human": True}),
        (lambda conversation: conversation.give_to_bot(), FREE | {"owner": Owner.BOT}),
        (lambda conversation: conversation.mark_read(), {"unread_count": 0, "is_unread": False}),
    ],
    ids=["to a person", "to nobody", "to the bot", "read"],
)
@pytest.mark.parametrize("needs_human", [False, True])
def test_a_change_changes_all_that_goes_with_it(change: Any, fields: dict[str, Any], needs_human: bool) -> None:
    before = {"owner": Owner.HUMAN, "holder_id": "u2", "pause_ends_at": MOMENT, "assignee_id": "u2"}
    before |= {"unread_count": 2, "is_unread": True, "needs_human": needs_human}
    conversation = a_conversation(**before)
    change(conversation)
    assert conversation == a_conversation(**(before | fields))


def test_whoever_was_assigned_before_there_were_owners_has_the_conversation() -> None:
    document = a_conversation(assignee_id="u1").model_dump()
    del document["owner"]
    assert Conversation.model_validate(document).owner is Owner.HUMAN
    assert Conversation.model_validate(document | {"assignee_id": None}).owner is Owner.BOT
    assert Conversation.model_validate(document | {"owner": "bot"}).owner is Owner.BOT


def test_a_conversation_that_the_business_starts_has_one_leg_and_no_message() -> None:
    instance = an_instance("telegram_bot")
    identity = Identity(
        id="d1",
        tenant_id="t1",
        instance_id="i1",
        external_user_id="7",
        customer_id="p1",
        name="Ada",
        known_as="Dr Ada",
        phone="+49",
        created_at=MOMENT,
    )
    leg = Leg(
        instance_id="i1",
        channel=ChannelType.TELEGRAM_BOT,
        external_conversation_id="7",
        external_user_id="7",
        started_at=LATER,
    )
    assert Conversation.start("c1", instance, identity, LATER) == Conversation(
        id="c1",
        tenant_id="t1",
        customer_id="p1",
        identity_id="d1",
        instance_id="i1",
        channel=ChannelType.TELEGRAM_BOT,
        external_conversation_id="7",
        external_user_id="7",
        customer_name="Dr Ada",
        customer_phone="+49",
        legs=[leg],
        last_message_at=LATER,
        created_at=LATER,
        updated_at=LATER,
    )
