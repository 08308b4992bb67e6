"""A customer's program may name any message in an edit or a deletion: what the business wrote stays as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.domain.messages import Direction, Message, MessageStatus
from tests.evolution import MARIA, written
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import WhatsApp

OURS = "3EB0OURS"
AT = 1_895_255_400
PROMISE = "We give you 5000 EUR back"


@pytest.fixture
def shop(manual_hub: ManualHub) -> WhatsApp:
    shop = WhatsApp.of(manual_hub)
    shop.writes("hello", id="THEIRS")
    shop.takes_as(OURS)
    return shop


def _answer(shop: WhatsApp) -> None:
    shop.hub.say(shop.hub.conversation().id, "No refund")
    shop.hub.work()


def _our_message(shop: WhatsApp) -> Message:
    [message] = shop.hub.messages(Direction.OUTBOUND)
    return message


def _edits_by_message(shop: WhatsApp, message_id: str, *, own: bool = False) -> None:
    change = {"key": {"id": message_id}, "type": "MESSAGE_EDIT", "editedMessage": {"conversation": PROMISE}}
    content = {"messageType": "protocolMessage", "message": {"protocolMessage": change | {"timestampMs": f"{AT}000"}}}
    shop.brings("messages.upsert", written("", id="E1", fromMe=own) | content)


def _edits_as_the_business(shop: WhatsApp, message_id: str) -> None:
    change = {"type": "MESSAGE_EDIT", "editedMessage": {"conversation": PROMISE}, "timestampMs": f"{AT}000"}
    shop.brings("messages.edited", change | {"key": {"remoteJid": MARIA, "fromMe": True, "id": message_id}})


def _revokes(shop: WhatsApp, message_id: str) -> None:
    shop.brings("messages.edited", {"key": {"fromMe": True, "id": message_id}, "type": "REVOKE"})


def _is_deleted_by_status(shop: WhatsApp, message_id: str) -> None:
    shop.brings("messages.update", {"keyId": message_id, "remoteJid": MARIA, "fromMe": False, "status": "DELETED"})


FORGERIES: dict[str, Callable[[WhatsApp], None]] = {
    "an edit as Evolution tells it": lambda shop: shop.edits(OURS, PROMISE, AT),
    "an edit in a message": lambda shop: _edits_by_message(shop, OURS),
    "an edit in the name of the business": lambda shop: _edits_as_the_business(shop, OURS),
    "a revocation": lambda shop: _revokes(shop, OURS),
    "a deletion": lambda shop: shop.deletes(OURS),
    "a deletion by a status": lambda shop: _is_deleted_by_status(shop, OURS),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_customer_changes_nothing_that_the_business_wrote(
    shop: WhatsApp, forgery: Callable[[WhatsApp], None]
) -> None:
    _answer(shop)
    forgery(shop)
    assert (_our_message(shop).text, _our_message(shop).deleted_at) == ("No refund", None)


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_nor_when_they_are_quicker_than_the_providers_answer(
    shop: WhatsApp, forgery: Callable[[WhatsApp], None]
) -> None:
    forgery(shop)
    shop.reports(OURS, "READ")
    _answer(shop)
    message = _our_message(shop)
    assert (message.text, message.deleted_at, message.status) == ("No refund", None, MessageStatus.READ)


def test_nor_what_the_business_wrote_on_its_telephone(shop: WhatsApp) -> None:
    shop.edits("PHONE", PROMISE, AT)
    shop.writes("on my way", id="PHONE", fromMe=True)
    assert _our_message(shop).text == "on my way"


def test_customers_change_their_own_messages(shop: WhatsApp) -> None:
    shop.edits("THEIRS", "good evening", AT)
    shop.deletes("THEIRS")
    [message] = shop.hub.messages(Direction.INBOUND)
    assert message.text == "good evening"
    assert message.deleted_at


def test_the_business_changes_its_own_by_its_telephone_and_by_programs(shop: WhatsApp) -> None:
    _answer(shop)
    _edits_by_message(shop, OURS, own=True)
    assert _our_message(shop).text == PROMISE
    shop.brings("messages.delete", {"key": {"remoteJid": MARIA, "fromMe": True, "id": OURS}})
    assert _our_message(shop).deleted_at
