"""Whether a message in a group speaks to the business."""

from __future__ import annotations

from typing import Any

import pytest

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.inbound import MessageReceived, Sender
from shared.domain.messages import Direction, MessageKind
from shared.ports.store import Create
from shared.usecases.ingest import groups
from tests import refs
from tests.documents import MOMENT, a_message, an_instance

ACCOUNT = an_instance(
    "whatsapp_evolution", external_id="Bot-7@S.WhatsApp.net", display_name="ACME Shop", phone_number="+49151"
)


def _message(**fields: Any) -> MessageReceived:
    defaults: dict[str, Any] = {
        "external_message_id": "M1",
        "external_conversation_id": "group",
        "chat_key": "group",
        "sender": Sender(external_user_id="ann", keys=("ann",)),
        "kind": MessageKind.TEXT,
        "sent_at": MOMENT,
        "is_group": True,
    }
    return MessageReceived(**(defaults | fields))


def _is_addressed(deps: Deps, option: object = None, **fields: Any) -> bool:
    instance = ACCOUNT.model_copy(update={"config": {"groups": option} if option is not None else {}})
    return groups.is_addressed(UnitOfWork(deps.store), instance, _message(**fields))


@pytest.mark.parametrize(
    ("mention", "is_addressed"),
    [
        ("Bot-7@S.WhatsApp.net", True),
        ("bot-7@s.whatsapp.net", True),
        ("ACME Shop", True),
        ("acme shop", True),
        ("49151", True),
        ("+49151", False),
        ("acme", False),
        ("", False),
    ],
)
def test_a_mention_means_the_account_however_it_is_spelled(deps: Deps, mention: str, is_addressed: bool) -> None:
    assert _is_addressed(deps, mentions=("somebody else", mention)) is is_addressed


@pytest.mark.parametrize(
    ("option", "fields", "is_addressed"),
    [
        (None, {}, False),
        (None, {"is_group": False}, True),
        (None, {"is_addressed": True}, True),
        ("all", {}, True),
        (False, {"is_addressed": True}, False),
        (False, {"is_group": False}, True),
    ],
)
def test_an_option_says_what_speaks_to_the_account(
    deps: Deps, option: object, fields: dict[str, bool], is_addressed: bool
) -> None:
    assert _is_addressed(deps, option, **fields) is is_addressed


@pytest.mark.parametrize(
    ("direction", "from_me", "is_addressed"),
    [
        (Direction.OUTBOUND, False, True),
        (Direction.INBOUND, False, False),
        (Direction.OUTBOUND, True, False),
        (None, False, False),
    ],
)
def test_an_answer_to_what_the_business_said_speaks_to_it(
    deps: Deps, direction: Direction | None, from_me: bool, is_addressed: bool
) -> None:
    if direction is not None:
        place = refs.provider_message(ACCOUNT.id, "theirs")
        deps.store.commit([Create(place, a_message(id=place.id, direction=direction).model_dump())])
    assert _is_addressed(deps, reply_to="theirs", from_me=from_me) is is_addressed
