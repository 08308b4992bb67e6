"""Counting that a customer did what a campaign wanted, though customers are merged and taken apart."""

from __future__ import annotations

import pytest

from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def people(manual_hub: ManualHub, bot: str) -> dict[str, str]:
    """Ann, Bob and Cleo with their ids; each has written to a Telegram bot."""
    for chat in (1, 2, 3):
        manual_hub.writes(bot, "hello", chat=chat)
    ids = {each.external_user_id: each.customer_id for each in manual_hub.conversations()}
    return {"ann": ids["1"], "bob": ids["2"], "cleo": ids["3"]}


@pytest.fixture
def campaign(manual_hub: ManualHub, people: dict[str, str]) -> str:
    """A campaign that was sent to Bob alone."""
    audience = {"customer_ids": [people["bob"]]}
    body = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!", "audience": audience}
    campaign_id = str(manual_hub.post("/campaigns", body, 201)["campaign_id"])
    manual_hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    manual_hub.tick()
    assert manual_hub.sent_texts() == ["Sale!"]
    return campaign_id


def _merge(hub: ManualHub, customer_id: str, source_id: str) -> str:
    return str(hub.post(f"/customers/{customer_id}/merge", {"source_id": source_id})["merge_id"])


def _converts(hub: ManualHub, campaign: str, customer_id: str, status: int = 200) -> None:
    hub.post(f"/campaigns/{campaign}/conversions", {"customer_id": customer_id}, status)


def _conversions(hub: ManualHub, campaign: str) -> int:
    return int(hub.get(f"/campaigns/{campaign}/omnichannel")["metrics"]["conversions"])


@pytest.mark.parametrize("order", [("ann", "bob"), ("bob", "ann"), ("ann", "ann"), ("bob", "bob")])
def test_who_was_merged_converts_once_by_whichever_id(
    manual_hub: ManualHub, people: dict[str, str], campaign: str, order: tuple[str, str]
) -> None:
    _merge(manual_hub, people["ann"], people["bob"])
    for name in order:
        _converts(manual_hub, campaign, people[name])
    assert _conversions(manual_hub, campaign) == 1


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_who_converted_before_the_merge_does_not_convert_again(
    manual_hub: ManualHub, people: dict[str, str], campaign: str, name: str
) -> None:
    _converts(manual_hub, campaign, people["bob"])
    _merge(manual_hub, people["ann"], people["bob"])
    _converts(manual_hub, campaign, people[name])
    assert _conversions(manual_hub, campaign) == 1


def test_a_merge_of_a_merge_is_one_person_too(manual_hub: ManualHub, people: dict[str, str], campaign: str) -> None:
    _merge(manual_hub, people["ann"], people["bob"])
    _merge(manual_hub, people["cleo"], people["ann"])
    for name in ("cleo", "ann", "bob"):
        _converts(manual_hub, campaign, people[name])
    assert _conversions(manual_hub, campaign) == 1


def test_a_merge_with_somebody_whom_the_campaign_did_not_reach_either_makes_nobody_convert(
    manual_hub: ManualHub, people: dict[str, str], campaign: str
) -> None:
    _merge(manual_hub, people["ann"], people["cleo"])
    for name in ("ann", "cleo"):
        _converts(manual_hub, campaign, people[name], status=404)
    assert _conversions(manual_hub, campaign) == 0


def test_who_was_taken_apart_again_counts_alone(manual_hub: ManualHub, people: dict[str, str], campaign: str) -> None:
    merge_id = _merge(manual_hub, people["ann"], people["bob"])
    manual_hub.post(f"/customers/{people['ann']}/unmerge", {"merge_id": merge_id})
    _converts(manual_hub, campaign, people["ann"], status=404)
    _converts(manual_hub, campaign, people["bob"])
    assert _conversions(manual_hub, campaign) == 1


@pytest.mark.parametrize("names", [("bob", "bob"), ("ann", "bob"), ("bob", "ann")])
def test_two_reports_at_once_count_once(
    manual_hub: ManualHub, people: dict[str, str], campaign: str, names: tuple[str, str]
) -> None:
    _merge(manual_hub, people["ann"], people["bob"])
    first, second = (people[name] for name in names)
    manual_hub.overlaps.store.before_commit("campaign_conversions", lambda: _converts(manual_hub, campaign, first))
    _converts(manual_hub, campaign, second)
    assert _conversions(manual_hub, campaign) == 1
