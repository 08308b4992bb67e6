"""What the business writes down of a customer, or begins with them, while something else happens to them."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.conversations import ConversationStatus
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Telegram, WhatsApp

NUMBER = "+5511988887777"
"""The number from which Maria writes on WhatsApp."""


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def bot(hub: ManualHub) -> Telegram:
    """A bot with two customers: 5 and 6."""
    bot = Telegram.of(hub)
    hub.patch(f"/api/channels/{bot.id}", {"config": {"csat": False}})
    for chat in (5, 6):
        bot.writes(f"hello from {chat}", chat=chat)
    return bot


def _customer(hub: ManualHub, chat: int) -> str:
    return hub.message(f"hello from {chat}").customer_id


def _put(hub: ManualHub, customer_id: str, **profile: Any) -> None:
    answer = hub.client.put(f"/customers/{customer_id}/profile", json=profile, headers=hub.headers)
    assert answer.status_code == 200, answer.text


def _merge(hub: ManualHub, customer_id: str, source_id: str) -> None:
    hub.post(f"/customers/{customer_id}/merge", {"source_id": source_id})


def _names(hub: ManualHub) -> set[str | None]:
    """What the open sessions call their customers."""
    return {each.customer_name for each in hub.conversations() if each.status is ConversationStatus.OPEN}


def _tagged(hub: ManualHub) -> set[tuple[str, str]]:
    """Who gets campaigns for which tag."""
    return {(data["tag"], data["customer_id"]) for data in hub.documents("customer_tags")}


def test_two_changes_of_a_profile_at_once_are_both_made(hub: ManualHub, bot: Telegram) -> None:
    five = _customer(hub, 5)
    _put(hub, five, tags=["a", "b"])

    def meanwhile() -> None:
        _put(hub, five, name="Ann", tags=["b", "c"], preferences={"language": "de"})

    hub.overlaps.store.before_commit("customers", meanwhile)
    _put(hub, five, email="ann@shop.example", tags=["c", "d"], preferences={"preferred_channel": "sms"})
    assert hub.overlaps.all_happened
    profile = hub.get(f"/customers/{five}/profile")
    assert (profile["name"], profile["email"], profile["tags"]) == ("Ann", "ann@shop.example", ["c", "d"])
    assert profile["preferences"] == {"language": "de", "preferred_channel": "sms"}
    assert _tagged(hub) == {("c", five), ("d", five)}


def test_a_change_is_of_the_customer_into_whom_its_own_goes_meanwhile(hub: ManualHub, bot: Telegram) -> None:
    five, six = _customer(hub, 5), _customer(hub, 6)
    hub.overlaps.store.before_commit("customers", lambda: _merge(hub, six, five))
    _put(hub, five, name="Ann", tags=["vip"])
    assert hub.overlaps.all_happened
    assert hub.get(f"/customers/{five}/profile") == hub.get(f"/customers/{six}/profile")
    assert hub.get(f"/customers/{six}/profile")["name"] == "Ann"
    assert _tagged(hub) == {("vip", six)}
    assert _names(hub) == {"Ann"}


def _begin_anew(hub: ManualHub, bot: Telegram) -> None:
    hub.patch(f"/api/conversations/{hub.message('hello from 5').conversation_id}", {"status": "CLOSED"})
    bot.writes("me again", chat=5)


def test_a_session_that_begins_while_its_customer_is_renamed_shows_the_name(hub: ManualHub, bot: Telegram) -> None:
    hub.overlaps.store.before_commit("customers", lambda: _begin_anew(hub, bot))
    _put(hub, _customer(hub, 5), name="Ann")
    assert hub.overlaps.all_happened
    assert _names(hub) == {"Ann", "Customer 6"}


def test_a_message_while_its_customer_is_renamed_leaves_the_name(hub: ManualHub, bot: Telegram) -> None:
    hub.overlaps.store.before_commit("messages", lambda: _put(hub, _customer(hub, 5), name="Ann"))
    bot.writes("me again", chat=5)
    assert hub.overlaps.all_happened
    assert _names(hub) == {"Ann", "Customer 6"}


@pytest.mark.parametrize("commit", range(2))
def test_a_session_that_begins_during_a_merge_shows_the_name(hub: ManualHub, bot: Telegram, commit: int) -> None:
    for chat, name in ((5, "Annie"), (6, "Ann")):
        _put(hub, _customer(hub, chat), name=name)
    for _ in range(commit):
        hub.overlaps.store.before_commit("conversations", lambda: None)
    hub.overlaps.store.before_commit("conversations", lambda: _begin_anew(hub, bot))
    _merge(hub, _customer(hub, 6), _customer(hub, 5))
    assert hub.overlaps.all_happened
    assert _names(hub) == {"Ann"}


def test_a_session_that_is_begun_with_a_customer_who_is_merged_meanwhile_is_the_others(
    hub: ManualHub, bot: Telegram
) -> None:
    WhatsApp.of(hub)
    five, six = _customer(hub, 5), _customer(hub, 6)
    _put(hub, five, phone=NUMBER)
    hub.overlaps.store.before_commit("identities", lambda: _merge(hub, six, five))
    hub.post("/sessions/create", {"customer_id": five, "channel_type": "whatsapp"})
    assert hub.overlaps.all_happened
    owners = {data["customer_id"] for name in ("identities", "conversations") for data in hub.documents(name)}
    assert owners == {six}


def test_who_writes_while_a_session_is_begun_with_somebody_of_the_same_number_keeps_it(
    hub: ManualHub, bot: Telegram
) -> None:
    shop = WhatsApp.of(hub)
    five = _customer(hub, 5)
    _put(hub, five, phone=NUMBER)
    hub.overlaps.store.before_commit("identities", lambda: shop.writes("it is me"))
    hub.post("/sessions/create", {"customer_id": five, "channel_type": "whatsapp"}, 409)
    assert hub.overlaps.all_happened
    [session] = [each for each in hub.conversations() if each.instance_id == shop.id]
    assert session.customer_id != five


def test_who_writes_while_a_session_is_begun_with_them_goes_on_in_it(hub: ManualHub, bot: Telegram) -> None:
    shop = WhatsApp.of(hub)
    five = _customer(hub, 5)
    _put(hub, five, phone=NUMBER)
    hub.overlaps.store.before_commit(
        "identities", lambda: hub.post("/sessions/create", {"customer_id": five, "channel_type": "whatsapp"})
    )
    shop.writes("it is me")
    assert hub.overlaps.all_happened
    [session] = [each for each in hub.conversations() if each.instance_id == shop.id]
    assert (session.customer_id, session.id) == (five, hub.message("it is me").conversation_id)
