"""What others do while a campaign is launched and sent."""

from __future__ import annotations

from typing import Any

import pytest

from shared.ports.store import Delete, Ref
from shared.usecases.campaigns import campaign_batches
from tests import refs
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def customers(manual_hub: ManualHub, bot: str) -> list[str]:
    """The ids of two customers of a Telegram bot, who write from the chats 1 and 2."""
    for chat in (1, 2):
        manual_hub.writes(bot, "hello", chat=chat)
    ids = {each.external_user_id: each.customer_id for each in manual_hub.conversations()}
    return [ids["1"], ids["2"]]


def _campaign(hub: ManualHub, *customer_ids: str, **fields: Any) -> str:
    body = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!"}
    return str(hub.post("/campaigns", body | {"audience": {"customer_ids": customer_ids}} | fields, 201)["campaign_id"])


def _launch(hub: ManualHub, campaign_id: str, status: int = 202) -> None:
    hub.post(f"/campaigns/{campaign_id}/launch", {}, status)


def _state(hub: ManualHub, campaign_id: str) -> tuple[str, int]:
    """The campaign's status, and how many messages it is said to have sent."""
    [listed] = [each for each in hub.get("/campaigns")["campaigns"] if each["campaign_id"] == campaign_id]
    return str(listed["status"]), hub.get(f"/campaigns/{campaign_id}/omnichannel")["metrics"]["total_sent"]


def _sent_chats(hub: ManualHub) -> list[str]:
    return sorted(sent.json["chat_id"] for sent in hub.provider.to("/sendMessage"))


@pytest.mark.parametrize("document", ["outbox", "campaigns"], ids=["at the first message", "at the end"])
def test_two_sweeps_at_once_send_a_campaign_once(manual_hub: ManualHub, customers: list[str], document: str) -> None:
    campaign_id = _campaign(manual_hub, *customers)
    _launch(manual_hub, campaign_id)
    manual_hub.overlaps.store.before_commit(document, manual_hub.tick)
    manual_hub.tick()
    assert (_sent_chats(manual_hub), _state(manual_hub, campaign_id)) == (["1", "2"], ("finished", 2))


def test_a_sweep_that_was_overtaken_does_not_begin_a_finished_campaign_anew(
    manual_hub: ManualHub, customers: list[str]
) -> None:
    unknown = [f"nobody-{number}" for number in range(campaign_batches.BATCH)]
    campaign_id = _campaign(manual_hub, *unknown, *customers)
    _launch(manual_hub, campaign_id)

    def others_finish() -> None:
        manual_hub.tick()
        manual_hub.tick()

    manual_hub.overlaps.store.before_commit("campaigns", others_finish)
    manual_hub.tick()
    assert (_sent_chats(manual_hub), _state(manual_hub, campaign_id)) == (["1", "2"], ("finished", 2))


def test_channels_are_not_changed_by_who_read_the_campaign_before_its_launch(
    manual_hub: ManualHub, customers: list[str]
) -> None:
    campaign_id = _campaign(manual_hub, *customers)
    manual_hub.overlaps.store.after_read(refs.campaign(campaign_id), lambda: _launch(manual_hub, campaign_id))
    manual_hub.put(f"/campaigns/{campaign_id}/channels", {"channels": ["whatsapp"]}, 409)
    manual_hub.tick()
    assert manual_hub.get(f"/campaigns/{campaign_id}/omnichannel")["channels"] == ["telegram_bot"]
    assert (_sent_chats(manual_hub), _state(manual_hub, campaign_id)) == (["1", "2"], ("finished", 2))


def test_a_campaign_is_not_launched_on_a_channel_that_it_has_no_words_for_since_a_moment(
    manual_hub: ManualHub, customers: list[str]
) -> None:
    settings = {"telegram_bot": {"template": "Sale, dear Telegram"}}
    campaign_id = _campaign(manual_hub, *customers, message="", settings=settings)
    path = f"/campaigns/{campaign_id}/channels"
    manual_hub.overlaps.store.before_commit("campaigns", lambda: manual_hub.put(path, {"channels": ["whatsapp"]}))
    _launch(manual_hub, campaign_id, status=422)
    assert _state(manual_hub, campaign_id) == ("draft", 0)


def test_a_campaign_that_is_launched_and_sent_meanwhile_is_not_launched_again(
    manual_hub: ManualHub, customers: list[str]
) -> None:
    campaign_id = _campaign(manual_hub, *customers)

    def another_launches() -> None:
        _launch(manual_hub, campaign_id)
        manual_hub.tick()

    manual_hub.overlaps.store.after_read(refs.campaign(campaign_id), another_launches)
    _launch(manual_hub, campaign_id, status=409)
    assert _state(manual_hub, campaign_id) == ("finished", 2)


def test_who_opts_out_while_a_campaign_is_sent_gets_nothing(manual_hub: ManualHub, customers: list[str]) -> None:
    campaign_id = _campaign(manual_hub, *customers)
    _launch(manual_hub, campaign_id)
    profile = f"/customers/{customers[1]}/profile"
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.put(profile, {"tags": ["unsubscribed"]}))
    manual_hub.tick()
    assert (_sent_chats(manual_hub), _state(manual_hub, campaign_id)) == (["1"], ("finished", 1))


def test_who_is_merged_into_another_recipient_while_a_campaign_is_sent_gets_one_message(
    manual_hub: ManualHub, customers: list[str]
) -> None:
    campaign_id = _campaign(manual_hub, *customers)
    _launch(manual_hub, campaign_id)
    path, body = f"/customers/{customers[0]}/merge", {"source_id": customers[1]}
    manual_hub.overlaps.store.after_read(refs.campaign(campaign_id), lambda: manual_hub.post(path, body))
    manual_hub.tick()
    assert len(_sent_chats(manual_hub)) == 1
    assert _state(manual_hub, campaign_id) == ("finished", 1)


def test_a_customer_who_is_changed_by_others_while_a_campaign_reaches_them_is_reached_once(
    manual_hub: ManualHub, customers: list[str]
) -> None:
    campaign_id = _campaign(manual_hub, *customers)
    _launch(manual_hub, campaign_id)
    session = next(each for each in manual_hub.conversations() if each.external_user_id == "1")
    manual_hub.overlaps.store.after_read(
        Ref("identities", session.identity_id), lambda: manual_hub.set_status(session.id, "CLOSED")
    )
    manual_hub.tick()
    assert (_sent_chats(manual_hub), _state(manual_hub, campaign_id)) == (["1", "2"], ("finished", 2))


def test_who_is_gone_when_their_turn_comes_is_passed_over(manual_hub: ManualHub, customers: list[str]) -> None:
    first, _ = customers
    campaign_id = _campaign(manual_hub, *customers)
    _launch(manual_hub, campaign_id)
    deletion = Delete(refs.customer(first))
    manual_hub.overlaps.store.after_read(refs.customer(first), lambda: manual_hub.store.commit([deletion]))
    manual_hub.tick()
    assert (_sent_chats(manual_hub), _state(manual_hub, campaign_id)) == (["2"], ("finished", 1))
