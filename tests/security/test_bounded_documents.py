"""What a stranger sends makes no document that a store would refuse, or that a list could not show a hundred of."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.messages import MOST_REACTIONS
from tests.evolution import MARIA, written
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import WhatsApp

MOST_BYTES = 1024 * 1024
"""Of a document of Firestore."""
ROW_BYTES = 8 * 1024
"""Of a customer, conversation or identity, of which a list shows a hundred."""
GROUP = "120363000000000001@g.us"
AT = 1_795_255_400


@pytest.fixture
def shop(manual_hub: ManualHub) -> WhatsApp:
    return WhatsApp.of(manual_hub)


def _largest(shop: WhatsApp, collection: str) -> int:
    return max(len(str(document).encode()) for document in shop.hub.documents(collection))


def _context(**fields: Any) -> dict[str, Any]:
    return {"contextInfo": {"stanzaId": "1"} | fields}


LONG: dict[str, dict[str, Any]] = {
    "a text": {"message": {"conversation": "😀" * 80_000}},
    "a name": {"pushName": "N" * 400_000},
    "an id": {"key": {"remoteJid": MARIA, "fromMe": False, "id": "I" * 400_000}},
    "the answered message's id": _context(stanzaId="I" * 400_000),
    "a quotation": _context(quotedMessage={"conversation": "q" * 400_000}),
    "an advertisement": _context(externalAdReply={"sourceId": "1", "body": "a" * 200_000, "sourceUrl": "u" * 200_000}),
    "a caption": {"message": {"imageMessage": {"caption": "c" * 400_000, "fileName": "f" * 9_000}}, "messageType": ""},
    "a place": {"message": {"locationMessage": {"name": "p" * 200_000, "address": "a" * 200_000}}, "messageType": ""},
    "a file's name": {"message": {"documentMessage": {"fileName": "f" * 400_000}}, "messageType": ""},
}


@pytest.mark.parametrize("name", LONG)
def test_a_message_of_any_length_is_stored_as_far_as_there_is_room(shop: WhatsApp, name: str) -> None:
    shop.brings("messages.upsert", written("hello") | LONG[name])
    assert len(shop.hub.messages()) == 1
    assert _largest(shop, "messages") < 300_000
    for collection in ("conversations", "customers", "identities"):
        assert _largest(shop, collection) < ROW_BYTES


def test_a_message_that_is_edited_all_day_keeps_the_latest_versions_that_there_is_room_for(shop: WhatsApp) -> None:
    shop.writes("hello", id="A1")
    for number in range(30):
        shop.edits("A1", f"{number} " + "😀" * 30_000, AT + number)
    [message] = shop.hub.messages()
    assert (message.text or "").startswith("29 ")
    assert (message.versions[-1].text or "").startswith("28 ")
    assert _largest(shop, "messages") < MOST_BYTES / 2


def test_short_versions_are_kept_up_to_their_number(shop: WhatsApp) -> None:
    shop.writes("hello", id="A1")
    for number in range(5):
        shop.edits("A1", f"text {number}", AT + number)
    [message] = shop.hub.messages()
    assert [version.text for version in message.versions] == ["hello", *(f"text {number}" for number in range(4))]


def test_a_message_keeps_the_latest_reactions_of_a_large_group(shop: WhatsApp) -> None:
    shop.brings("messages.upsert", written("hello", remoteJid=GROUP, participant=MARIA, id="A1"))
    for number in range(MOST_REACTIONS + 5):
        member = f"55119{number:08}@s.whatsapp.net"
        shop.reacts("A1", "👍" * 20_000, AT + number, remoteJid=GROUP, participant=member)
    [message] = shop.hub.messages()
    assert len(message.reactions) == len(message.reacted_at) == MOST_REACTIONS
    assert f"55119{MOST_REACTIONS + 4:08}@s.whatsapp.net" in message.reactions
    assert f"55119{0:08}@s.whatsapp.net" not in message.reactions
    assert _largest(shop, "messages") < MOST_BYTES / 4
