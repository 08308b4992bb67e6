"""Merging customers, and taking them apart, while something else happens to them or in spite of a crash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.errors import StoreError
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Cloud

ANN, BEN, CLEO = "16505551231", "16505551232", "16505551233"
"""Numbers of three customers, each with one open session."""


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def people(hub: ManualHub) -> People:
    return People(hub)


class People:
    def __init__(self, hub: ManualHub) -> None:
        self.hub, self.cloud = hub, Cloud.of(hub)
        hub.patch(f"/api/channels/{self.cloud.id}", {"config": {"csat": False}})
        for number in (ANN, BEN, CLEO):
            self.cloud.writes("hello", number)
        self.ids = {each.external_user_id: each.customer_id for each in hub.conversations()}

    def merge(self, customer: str, source: str, status: int = 200) -> str:
        """Returns the merge's id."""
        answer = self.hub.post(f"/customers/{self.ids[customer]}/merge", {"source_id": self.ids[source]}, status)
        return str(answer.get("merge_id"))

    def unmerge(self, customer: str, merge_id: str, status: int = 200) -> None:
        self.hub.post(f"/customers/{self.ids[customer]}/unmerge", {"merge_id": merge_id}, status)

    def write_down(self, customer: str, **profile: Any) -> None:
        path = f"/customers/{self.ids[customer]}/profile"
        assert self.hub.client.put(path, json=profile, headers=self.hub.headers).status_code == 200

    def profile(self, customer: str) -> Any:
        return self.hub.get(f"/customers/{self.ids[customer]}/profile")

    def owners(self) -> dict[str, str]:
        """The owner of each number; the session, the address and the customer must agree on it."""
        numbers = {id_: number for number, id_ in self.ids.items()}
        owners: dict[str, set[str]] = {number: {self.profile(number)["customer_id"]} for number in self.ids}
        for data in (*self.hub.documents("identities"), *self.hub.documents("conversations")):
            owners[data["external_user_id"]].add(data["customer_id"])
        assert all(len(each) == 1 for each in owners.values()), owners
        return {number: numbers[each.pop()] for number, each in owners.items()}

    def tagged(self, tag: str) -> set[str]:
        """Who gets a campaign for the tag."""
        numbers = {id_: number for number, id_ in self.ids.items()}
        return {numbers[data["customer_id"]] for data in self.hub.documents("customer_tags", tag=tag)}

    def reached_by_campaigns(self, customer: str) -> bool:
        session = next(each for each in self.hub.conversations() if each.external_user_id == customer)
        [verdict] = self.hub.post(f"/sessions/{session.id}/can-send", {})["channels"]
        return bool(verdict["reason"] != "opted_out")


APART = {ANN: ANN, BEN: BEN, CLEO: CLEO}


def test_one_source_goes_into_one_of_two_customers(hub: ManualHub, people: People) -> None:
    hub.overlaps.store.before_commit("customer_merges", lambda: people.merge(CLEO, BEN))
    people.merge(ANN, BEN, 409)
    assert hub.overlaps.all_happened
    assert people.owners() == {ANN: ANN, BEN: CLEO, CLEO: CLEO}


def test_nobody_is_merged_into_a_customer_who_is_being_merged(hub: ManualHub, people: People) -> None:
    hub.overlaps.store.before_commit("customer_merges", lambda: people.merge(CLEO, ANN))
    people.merge(ANN, BEN, 409)
    assert hub.overlaps.all_happened
    assert people.owners() == {ANN: CLEO, BEN: BEN, CLEO: CLEO}


def test_of_two_that_are_merged_into_each_other_one_stays(hub: ManualHub, people: People) -> None:
    hub.overlaps.store.before_commit("customer_merges", lambda: people.merge(BEN, ANN))
    people.merge(ANN, BEN, 409)
    assert hub.overlaps.all_happened
    assert people.owners() == {ANN: BEN, BEN: BEN, CLEO: CLEO}


def test_what_is_written_down_of_either_meanwhile_is_kept(hub: ManualHub, people: People) -> None:
    people.write_down(ANN, phone=None)

    def meanwhile() -> None:
        people.write_down(ANN, phone="+1", tags=["vip"])
        people.write_down(BEN, phone="+2", email="ben@shop.example", tags=["new"])

    hub.overlaps.store.before_commit("customer_merges", meanwhile)
    people.merge(ANN, BEN)
    assert hub.overlaps.all_happened
    profile = people.profile(ANN)
    assert (profile["phone"], profile["email"], profile["tags"]) == ("+1", "ben@shop.example", ["vip", "new"])
    assert people.tagged("vip") == {ANN}
    assert ANN in people.tagged("new")


def test_what_is_written_down_while_two_are_taken_apart_is_kept(hub: ManualHub, people: People) -> None:
    people.write_down(ANN, phone=None)
    people.write_down(BEN, phone="+2", tags=["new"], preferences={"language": "de", "preferred_channel": "sms"})
    merge_id = people.merge(ANN, BEN)
    changed: dict[str, Any] = {"phone": "+1", "tags": ["new", "vip"], "preferences": {"language": "fr"}}
    hub.overlaps.store.before_commit("customer_merges", lambda: people.write_down(ANN, **changed))
    people.unmerge(ANN, merge_id)
    assert hub.overlaps.all_happened
    ann, ben = people.profile(ANN), people.profile(BEN)
    assert (ann["phone"], ann["tags"], ben["phone"], ben["tags"]) == ("+1", ["vip"], "+2", ["new"])
    assert ann["preferences"] == {"language": "fr", "preferred_channel": None}
    assert ben["preferences"] == {"language": "de", "preferred_channel": "sms"}
    assert (people.tagged("vip"), people.tagged("new")) == ({ANN}, {BEN})


def test_two_are_not_taken_apart_while_the_customer_goes_into_another(hub: ManualHub, people: People) -> None:
    merge_id = people.merge(ANN, BEN)
    hub.overlaps.store.before_commit("customer_merges", lambda: people.merge(CLEO, ANN))
    people.unmerge(ANN, merge_id, 409)
    assert hub.overlaps.all_happened
    assert people.owners() == {ANN: CLEO, BEN: CLEO, CLEO: CLEO}


COMMITS = ["the addresses", "the sessions", "the end"]
"""What follows when a merge has begun; each commit writes the merge down as well."""


def _before(hub: ManualHub, commit: str, happening: Callable[[], object]) -> None:
    for _ in range(1 + COMMITS.index(commit)):
        hub.overlaps.store.before_commit("customer_merges", lambda: None)
    hub.overlaps.store.before_commit("customer_merges", happening)


@pytest.mark.parametrize("commit", COMMITS)
def test_who_merges_slowly_does_not_undo_what_others_did_since(hub: ManualHub, people: People, commit: str) -> None:
    _before(hub, commit, lambda: people.unmerge(ANN, people.merge(ANN, BEN)))
    people.merge(ANN, BEN)
    assert hub.overlaps.all_happened
    assert people.owners() == APART
    assert [data["state"] for data in hub.documents("customer_merges")] == ["unmerged"]


@pytest.mark.parametrize("commit", COMMITS)
def test_who_unmerges_slowly_does_not_undo_what_others_did_since(hub: ManualHub, people: People, commit: str) -> None:
    merge_id = people.merge(ANN, BEN)

    def meanwhile() -> None:
        people.unmerge(ANN, merge_id)
        people.merge(ANN, BEN)

    _before(hub, commit, meanwhile)
    people.unmerge(ANN, merge_id)
    assert hub.overlaps.all_happened
    assert people.owners() == APART | {BEN: ANN}
    assert [data["state"] for data in hub.documents("customer_merges")] == ["merged"]


def _close(hub: ManualHub, number: str) -> None:
    for each in hub.conversations():
        if each.external_user_id == number and each.closed_at is None:
            hub.patch(f"/api/conversations/{each.id}", {"status": "CLOSED"})


@pytest.mark.parametrize("at", ["customer_merges", "identities", "conversations"])
def test_a_session_that_begins_meanwhile_is_the_merged_customers(hub: ManualHub, people: People, at: str) -> None:
    def meanwhile() -> None:
        _close(hub, BEN)
        people.cloud.writes("meanwhile", BEN)

    hub.overlaps.store.before_commit(at, meanwhile)
    merge_id = people.merge(ANN, BEN)
    assert hub.overlaps.all_happened
    assert people.owners() == APART | {BEN: ANN}
    people.unmerge(ANN, merge_id)
    assert people.owners() == APART


@pytest.mark.parametrize("at", ["customer_merges", "identities", "conversations"])
def test_a_session_that_begins_while_two_are_taken_apart_goes_with_its_address(
    hub: ManualHub, people: People, at: str
) -> None:
    merge_id = people.merge(ANN, BEN)

    def meanwhile() -> None:
        _close(hub, BEN)
        people.cloud.writes("meanwhile", BEN)

    hub.overlaps.store.before_commit(at, meanwhile)
    people.unmerge(ANN, merge_id)
    assert hub.overlaps.all_happened
    assert people.owners() == APART


def _crash() -> None:
    raise StoreError("the store is away")


def _crashing_at(hub: ManualHub, commit: int) -> None:
    """The store is away after so many of a merge's commits: each of them writes the merge down."""
    for _ in range(commit):
        hub.overlaps.store.after_commit("customer_merges", lambda: None)
    hub.overlaps.store.after_commit("customer_merges", _crash)


def _again(act: Callable[[int], object]) -> None:
    act(503)
    act(200)
    act(200)


@pytest.mark.parametrize("commit", range(4))
def test_a_merge_that_was_cut_off_anywhere_is_finished_by_sending_it_again(
    hub: ManualHub, people: People, commit: int
) -> None:
    people.write_down(ANN, phone=None)
    people.write_down(BEN, phone="+2", tags=["new"])
    _crashing_at(hub, commit)
    _again(lambda status: people.merge(ANN, BEN, status))
    assert hub.overlaps.all_happened
    assert people.owners() == APART | {BEN: ANN}
    assert (people.profile(ANN)["phone"], people.profile(ANN)["tags"]) == ("+2", ["new"])
    phones = {each.customer_phone for each in hub.conversations() if each.external_user_id != CLEO}
    assert phones == {"+2"}


@pytest.mark.parametrize("commit", range(4))
def test_an_unmerge_that_was_cut_off_anywhere_is_finished_by_sending_it_again(
    hub: ManualHub, people: People, commit: int
) -> None:
    people.write_down(ANN, phone=None)
    people.write_down(BEN, phone="+2", tags=["new"])
    merge_id = people.merge(ANN, BEN)
    _crashing_at(hub, commit)
    _again(lambda status: people.unmerge(ANN, merge_id, status))
    assert hub.overlaps.all_happened
    assert people.owners() == APART
    assert (people.profile(ANN)["tags"], people.profile(BEN)["tags"]) == ([], ["new"])
    phones = {each.external_user_id: each.customer_phone for each in hub.conversations()}
    assert phones == {ANN: None, BEN: "+2", CLEO: f"+{CLEO}"}


def test_what_was_cut_off_has_to_be_finished_before_it_is_turned_round(hub: ManualHub, people: People) -> None:
    _crashing_at(hub, 1)
    people.merge(ANN, BEN, 503)
    [merge_id] = [data["id"] for data in hub.documents("customer_merges")]
    people.unmerge(ANN, merge_id, 409)
    people.merge(ANN, BEN)
    _crashing_at(hub, 1)
    people.unmerge(ANN, merge_id, 503)
    people.merge(ANN, BEN, 409)
    people.unmerge(ANN, merge_id)
    assert people.owners() == APART


def test_two_customers_go_into_a_third_one_at_once(hub: ManualHub, people: People) -> None:
    people.write_down(ANN, tags=["a"])
    people.write_down(BEN, tags=["b"])
    hub.overlaps.store.before_commit("customer_merges", lambda: people.merge(CLEO, BEN))
    people.merge(CLEO, ANN)
    assert hub.overlaps.all_happened
    assert people.owners() == dict.fromkeys(APART, CLEO)
    assert sorted(people.profile(CLEO)["tags"]) == ["a", "b"]


def _consents(people: People, numbers: Sequence[str] = (ANN, BEN)) -> list[bool]:
    return [people.reached_by_campaigns(number) for number in numbers]


@pytest.mark.parametrize("number", [ANN, BEN])
def test_who_opted_out_before_a_merge_has_opted_out_for_both(hub: ManualHub, people: People, number: str) -> None:
    people.cloud.prefers(number, "stop")
    before = _consents(people)
    merge_id = people.merge(ANN, BEN)
    assert _consents(people) == [False, False]
    people.unmerge(ANN, merge_id)
    assert _consents(people) == before == [number != ANN, number != BEN]


@pytest.mark.parametrize("number", [ANN, BEN])
def test_who_opts_out_after_a_merge_stays_so_when_it_is_undone(hub: ManualHub, people: People, number: str) -> None:
    merge_id = people.merge(ANN, BEN)
    people.cloud.prefers(number, "stop")
    assert _consents(people) == [False, False]
    people.unmerge(ANN, merge_id)
    assert _consents(people) == [False, False]


def test_who_opts_out_after_a_merge_keeps_that_though_the_other_had_opted_out_before(
    hub: ManualHub, people: People
) -> None:
    people.cloud.prefers(ANN, "stop")
    merge_id = people.merge(ANN, BEN)
    people.cloud.prefers(BEN, "stop")
    people.unmerge(ANN, merge_id)
    assert _consents(people) == [False, False]


def test_who_takes_an_opt_out_back_after_a_merge_is_not_opted_out_by_undoing_it(hub: ManualHub, people: People) -> None:
    people.cloud.prefers(ANN, "stop")
    merge_id = people.merge(ANN, BEN)
    people.cloud.prefers(ANN, "resume")
    assert _consents(people) == [True, True]
    people.unmerge(ANN, merge_id)
    assert _consents(people) == [True, True]


def test_an_opt_out_while_its_customer_is_merged_is_not_lost(hub: ManualHub, people: People) -> None:
    hub.overlaps.store.before_commit("customer_merges", lambda: people.cloud.prefers(BEN, "stop"))
    people.merge(ANN, BEN)
    assert hub.overlaps.all_happened
    assert _consents(people) == [False, False]


def test_an_opt_out_is_of_the_customer_into_whom_its_own_goes_meanwhile(hub: ManualHub, people: People) -> None:
    hub.overlaps.store.before_commit("customers", lambda: people.merge(ANN, BEN))
    people.cloud.prefers(BEN, "stop")
    assert hub.overlaps.all_happened
    assert _consents(people) == [False, False]
