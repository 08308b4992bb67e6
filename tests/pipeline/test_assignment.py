"""Conversations of a team wait for its people, and are given to them: each to one, by a rule that people can follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Role, User
from shared.domain.conversations import Conversation, Owner
from shared.domain.events import OutboundEvent, Topic
from shared.errors import StoreError
from shared.usecases.accounts import availabilities
from shared.usecases.conversations import assignment
from tests.functions.keys import signed_in
from tests.pipeline.manual_hub import ManualHub


@dataclass
class Desk:
    """A hub whose first messages all go to one team; customers are told apart by the number of their chat."""

    hub: ManualHub
    bot: str
    team_id: str = ""
    people: list[str] = field(default_factory=list)

    def person(self, name: str) -> str:
        """A new user of the tenant, whose id is their name."""
        now = self.hub.deps.now()
        email = f"{name}@example.com"
        user = User(
            id=name,
            tenant_id=self.hub.tenant_id,
            email=email,
            name=name,
            role=Role.AGENT,
            password_hash="",
            created_at=now,
        )
        unit = UnitOfWork(self.hub.deps.store)
        unit.users.add(user)
        unit.commit()
        self.people.append(name)
        return name

    def open(self, *names: str, **settings: Any) -> None:
        """Make the team, with these people, and the rule that leads to it."""
        people_ids = [self.person(name) for name in names]
        team = self.hub.post("/api/teams", {"name": "Desk", "peopleIds": people_ids} | settings, 201)
        self.team_id = team["id"]
        self.hub.post("/routing/rules", {"condition": "NOT channel=sms", "action": "assign_to_agent_group:Desk"}, 201)
        self.hub.work()

    def set(self, name: str, **changes: Any) -> None:
        self.hub.put(f"/api/users/{name}/availability", changes)
        self.hub.work()

    def online(self, *names: str) -> None:
        for name in names:
            self.set(name, status="online")

    def write(self, *chats: int) -> None:
        """Customers write, a minute apart."""
        for chat in chats:
            self.hub.writes(self.bot, "Hello", chat=chat)
            self.hub.work()
            self.hub.wait(minutes=1)

    def of(self, chat: int) -> Conversation:
        return next(each for each in self.hub.conversations() if each.external_user_id == str(chat))

    def assigned(self) -> dict[int, str | None]:
        """Who has the conversation of each chat."""
        return {int(each.external_user_id): each.assignee_id for each in self.hub.conversations()}

    def close(self, chat: int) -> None:
        self.hub.set_status(self.of(chat).id, "CLOSED")

    def change(self, chat: int, **changes: Any) -> None:
        self.hub.patch(f"/api/conversations/{self.of(chat).id}", changes)

    def notes(self, chat: int) -> list[str]:
        session = self.of(chat).id
        messages = self.hub.get(f"/api/conversations/{session}/messages")["messages"]
        return [each["text"] for each in messages if each["direction"] == "SYSTEM"]


@pytest.fixture
def desk(manual_hub: ManualHub, bot: str) -> Desk:
    return Desk(manual_hub, bot)


def test_people_take_turns_in_round_robin(desk: Desk) -> None:
    desk.open("ann", "bob")
    desk.online("ann", "bob")
    desk.write(1, 2, 3, 4)
    who = [desk.of(chat).assignee_id for chat in (1, 2, 3, 4)]
    assert sorted(who[:2], key=str) == ["ann", "bob"]
    assert who[2:] == who[:2]
    assert desk.of(1).owner is Owner.HUMAN
    assert desk.notes(1) == [f"Assigned to {who[0]}: next in turn in the team Desk."]


def test_whom_a_conversation_is_assigned_to_is_told(desk: Desk) -> None:
    desk.open("ann")
    desk.online("ann")
    desk.write(1)
    [notification] = desk.hub.documents("personal_notifications", tenant_id=desk.hub.tenant_id)
    assert (notification["type"], notification["user_id"]) == ("assigned", "ann")
    assert notification["conversation_id"] == desk.of(1).id


def test_the_least_busy_comes_first_where_the_team_says_so(desk: Desk) -> None:
    desk.open("ann", "bob", assignment="least_busy")
    desk.online("ann")
    desk.write(1, 2)
    desk.online("bob")
    desk.write(3, 4)
    assert desk.assigned() == {1: "ann", 2: "ann", 3: "bob", 4: "bob"}


def test_nobody_gets_more_than_they_take_at_once(desk: Desk) -> None:
    desk.open("ann", "bob")
    for name, capacity in (("ann", 1), ("bob", 2)):
        desk.set(name, status="online", capacity=capacity)
    desk.write(1, 2, 3, 4)
    assert sorted(map(str, desk.assigned().values())) == ["None", "ann", "bob", "bob"]
    assert desk.assigned()[4] is None


def _come_online(desk: Desk) -> None:
    desk.online("bob")


def _close_one(desk: Desk) -> None:
    desk.close(1)


def _take_more(desk: Desk) -> None:
    desk.set("ann", capacity=2)


def _snooze_one(desk: Desk) -> None:
    desk.hub.snooze(desk.of(1).id)


def _pass_one_on(desk: Desk) -> None:
    desk.change(1, assigneeId="somebody else")


def _release_one(desk: Desk) -> None:
    desk.hub.post(f"/api/conversations/{desk.of(1).id}/release", {})


def _join(desk: Desk) -> None:
    desk.person("eve")
    desk.hub.patch(f"/api/teams/{desk.team_id}", {"peopleIds": ["ann", "bob", "eve"]})
    desk.set("eve", status="online", capacity=1)


def _open_a_page(desk: Desk) -> None:
    availabilities.note_sign(desk.hub.deps, desk.hub.tenant_id, "bob")


def _crash() -> None:
    raise StoreError("gone")


FREES_SOMEBODY = pytest.mark.parametrize(
    "frees", [_come_online, _close_one, _take_more, _snooze_one, _pass_one_on, _release_one, _join, _open_a_page]
)


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """Ann has as many as she takes, Bob is offline, and two more wait."""
    desk.open("ann", "bob")
    desk.set("ann", status="online", capacity=1)
    desk.set("bob", capacity=1)
    desk.write(1, 2, 3)
    assert desk.assigned() == {1: "ann", 2: None, 3: None}
    return desk


@FREES_SOMEBODY
def test_the_oldest_that_waits_is_given_to_whoever_becomes_free(busy: Desk, frees: Callable[[Desk], None]) -> None:
    frees(busy)
    busy.hub.work()
    assigned = busy.assigned()
    assert (assigned[2] in ("ann", "bob", "eve"), assigned[3]) == (True, None)


@pytest.mark.parametrize(
    "frees", [_come_online, _close_one, _take_more, _snooze_one, _pass_one_on, _release_one, _open_a_page]
)
def test_a_crash_after_somebody_became_free_leaves_nobody_waiting(busy: Desk, frees: Callable[[Desk], None]) -> None:
    busy.hub.overlaps.store.after_commit("availabilities", _crash)
    with pytest.raises((AssertionError, StoreError)):  # the request fails, and so does the check of its status
        frees(busy)
    busy.hub.work()
    assert busy.assigned()[2] is None
    busy.hub.wait(minutes=2)
    busy.hub.tick()
    assert busy.assigned()[2] in ("ann", "bob")


def test_a_higher_priority_goes_first(busy: Desk) -> None:
    busy.change(3, priority="URGENT")
    busy.close(1)
    busy.hub.work()
    assert busy.assigned() == {1: "ann", 2: None, 3: "ann"}


def test_a_person_who_takes_it_takes_it_out_of_the_queue(busy: Desk) -> None:
    busy.hub.say(busy.of(2).id, "I am here")
    busy.close(1)
    busy.hub.work()
    assert busy.assigned() == {1: "ann", 2: None, 3: "ann"}


def test_a_lost_event_leaves_no_conversation_waiting(desk: Desk) -> None:
    desk.open("ann")
    desk.online("ann")
    desk.hub.writes(desk.bot, "Hello", chat=1)
    desk.hub.forget_owed()
    desk.hub.wait(minutes=2)
    desk.hub.tick()
    assert desk.assigned() == {1: "ann"}


@pytest.mark.parametrize("meanwhile", ["after the queue was read", "before the commit"])
def test_two_who_become_free_at_once_do_not_both_get_the_only_one_that_waits(desk: Desk, meanwhile: str) -> None:
    desk.open("ann", "bob")
    desk.write(1)
    store, event = desk.hub.overlaps.store, OutboundEvent(tenant_id=desk.hub.tenant_id, team_id=desk.team_id)
    desk.hub.put("/api/users/ann/availability", {"status": "online"})
    if meanwhile == "before the commit":
        store.before_commit("personal_notifications", lambda: desk.online("bob"))
    else:
        store.after_read("conversations", lambda: desk.online("bob"))
    desk.hub.work()
    desk.hub.overlaps.bus.publish(Topic.OUTBOUND, event, key="again")
    desk.hub.work()
    assert len(desk.notes(1)) == 1
    assert len(desk.hub.documents("personal_notifications")) == 1
    assert store.all_happened


def test_two_that_wait_do_not_both_get_the_last_room_of_a_person(desk: Desk) -> None:
    desk.open("ann")
    other = desk.hub.post("/api/teams", {"name": "Other", "peopleIds": ["ann"]}, 201)
    desk.write(1, 2)
    desk.change(2, assigneeId=other["id"])
    desk.hub.work()
    store, tenant_id = desk.hub.overlaps.store, desk.hub.tenant_id
    desk.hub.put("/api/users/ann/availability", {"status": "online", "capacity": 1})
    store.before_commit(
        "personal_notifications", lambda: assignment.assign_waiting(desk.hub.deps, tenant_id, other["id"])
    )
    desk.hub.work()
    assert list(desk.assigned().values()).count("ann") == 1
    assert store.all_happened


def test_a_store_that_fails_in_between_assigns_once_all_the_same(desk: Desk) -> None:
    desk.open("ann")
    desk.online("ann")
    desk.hub.writes(desk.bot, "Hello", chat=1)
    desk.hub.overlaps.store.after_commit("personal_notifications", _crash)
    with pytest.raises(StoreError):
        desk.hub.work()
    desk.hub.work()
    assert (desk.assigned(), len(desk.notes(1))) == ({1: "ann"}, 1)


@pytest.mark.parametrize(
    ("matching", "assigned"),
    [
        ("ignored", {1: "ann", 2: "bob"}),
        ("preferred", {1: "bob", 2: "bob"}),
        ("required", {1: "bob", 2: "bob"}),
    ],
)
def test_tags_that_are_a_skill_of_somebody_decide_who_gets_it(
    desk: Desk, matching: str, assigned: dict[int, str]
) -> None:
    desk.open("ann", "bob", skillMatching=matching)
    desk.set("bob", skills=["Billing"])
    desk.write(1, 2)
    for chat in assigned:
        desk.change(chat, tags=["billing", "vip"])
    desk.set("ann", status="away")
    for name in ("bob", "ann"):
        desk.hub.put(f"/api/users/{name}/availability", {"status": "online"})
    desk.hub.work()
    assert desk.assigned() == assigned


@pytest.mark.parametrize(("matching", "who"), [("preferred", "ann"), ("required", None)])
def test_a_skill_that_nobody_has_who_is_free_is_waited_for_only_where_it_is_required(
    desk: Desk, matching: str, who: str | None
) -> None:
    desk.open("ann", "bob", skillMatching=matching)
    desk.set("bob", skills=["billing"])
    desk.write(1, 2)
    desk.change(1, tags=["billing"])
    desk.online("ann")
    assert desk.assigned() == {1: who, 2: "ann"}


@pytest.mark.parametrize("leaves", ["the team", "the tenant", "to look on", "for an hour"])
def test_what_somebody_had_who_leaves_goes_to_somebody_else(desk: Desk, leaves: str) -> None:
    desk.open("ann", "bob")
    desk.online("ann")
    desk.write(1)
    desk.online("bob")
    if leaves == "the team":
        desk.hub.patch(f"/api/teams/{desk.team_id}", {"peopleIds": ["bob"]})
    elif leaves == "the tenant":
        answer = desk.hub.client.delete("/api/users/ann", headers=desk.hub.headers)
        assert answer.status_code == 204
    elif leaves == "to look on":
        desk.hub.patch("/api/users/ann", {"role": "viewer"})
    else:
        desk.hub.patch("/api/settings", {"unassignOfflineMinutes": 60})
        desk.set("ann", status="offline")
        desk.hub.wait(minutes=59)
        desk.hub.tick()
        assert desk.assigned() == {1: "ann"}
        desk.hub.wait(minutes=2)
        desk.hub.tick()
    desk.hub.work()
    assert desk.assigned() == {1: "bob"}


@pytest.fixture
def slow(desk: Desk) -> Desk:
    """Ann has a conversation of a team whose people have ten minutes to answer, and Bob has come after her."""
    desk.open("ann", "bob", reassignAfterMinutes=10)
    desk.online("ann")
    desk.write(1)
    desk.online("bob")
    assert desk.assigned() == {1: "ann"}
    return desk


def _minutes_pass(desk: Desk, minutes: int) -> None:
    for _ in range(minutes):
        desk.hub.wait(minutes=1)
        desk.hub.tick()
        desk.hub.work()


def test_what_somebody_does_not_answer_goes_to_the_next_person(slow: Desk) -> None:
    _minutes_pass(slow, 8)
    assert slow.assigned() == {1: "ann"}
    _minutes_pass(slow, 2)
    assert slow.assigned() == {1: "bob"}
    assert "ann has not answered within 10 minutes: it waits for somebody else of the team Desk." in slow.notes(1)
    [notification] = slow.hub.documents("notifications", type="not_answered")
    assert notification["conversation_id"] == slow.of(1).id
    _minutes_pass(slow, 11)
    assert slow.assigned() == {1: "ann"}


def test_who_is_the_only_one_there_gets_it_again_after_the_others_could_have_taken_it(slow: Desk) -> None:
    slow.set("bob", status="offline")
    _minutes_pass(slow, 11)
    assert (slow.assigned(), slow.of(1).queue_order is not None) == ({1: None}, True)
    slow.online("ann")
    assert slow.assigned() == {1: None}
    _minutes_pass(slow, 10)
    assert slow.assigned() == {1: "ann"}


def test_who_is_alone_in_the_team_keeps_it_and_people_are_told_once_for_each_wait(desk: Desk) -> None:
    desk.open("ann", reassignAfterMinutes=10)
    desk.online("ann")
    desk.write(1)
    _minutes_pass(desk, 11)
    desk.change(1, tags=["late"])
    _minutes_pass(desk, 11)
    assert (desk.assigned(), desk.of(1).owner) == ({1: "ann"}, Owner.HUMAN)
    [notification] = desk.hub.documents("notifications", type="not_answered")
    assert "nobody else is in the team Desk" in notification["message"]
    _answer(desk)
    desk.write(1)
    _minutes_pass(desk, 12)
    assert len(desk.hub.documents("notifications", type="not_answered")) == 2


def test_nothing_waits_for_a_team_that_was_deleted(desk: Desk) -> None:
    desk.open("ann")
    desk.write(1, 2)
    desk.change(2, assigneeId=desk.team_id)
    assert all(desk.of(chat).queued_at for chat in (1, 2))
    assert desk.hub.client.delete(f"/api/teams/{desk.team_id}", headers=desk.hub.headers).status_code == 204
    desk.hub.work()
    for chat in (1, 2):
        conversation = desk.of(chat)
        assert (conversation.queued_at, conversation.team_id, conversation.assignee_id) == (None, None, None)
        assert conversation.owner is Owner.BOT
        assert desk.notes(chat)[-1] == "The team for which this conversation waited was deleted."
    desk.write(3)
    assert desk.of(3).queued_at is None


def _answer(desk: Desk) -> None:
    desk.hub.say(desk.of(1).id, "I am here")


def _end_it(desk: Desk) -> None:
    desk.close(1)


def _give_it_to_somebody_else(desk: Desk) -> None:
    desk.change(1, assigneeId="somebody else")


def _allow_any_time(desk: Desk) -> None:
    desk.hub.patch(f"/api/teams/{desk.team_id}", {"reassignAfterMinutes": 0})


@pytest.mark.parametrize("happens", [_answer, _end_it, _give_it_to_somebody_else, _allow_any_time])
def test_what_is_answered_or_decided_in_time_stays_as_it_is(slow: Desk, happens: Callable[[Desk], None]) -> None:
    _minutes_pass(slow, 5)
    happens(slow)
    slow.hub.work()
    assignee = slow.of(1).assignee_id
    _minutes_pass(slow, 12)
    assert (slow.of(1).assignee_id, slow.hub.documents("notifications", type="not_answered")) == (assignee, [])


def test_each_later_message_has_to_be_answered_in_time_too(slow: Desk) -> None:
    _answer(slow)
    _minutes_pass(slow, 20)
    slow.write(1)
    _minutes_pass(slow, 8)
    assert slow.assigned() == {1: "ann"}
    _minutes_pass(slow, 3)
    assert slow.assigned() == {1: "bob"}


def test_a_crash_while_it_is_passed_on_loses_nothing(slow: Desk) -> None:
    slow.hub.overlaps.store.after_commit("conversations", slow.hub.forget_owed)
    _minutes_pass(slow, 13)
    assert slow.assigned() == {1: "bob"}
    assert len(slow.hub.documents("notifications", type="not_answered")) == 1


def test_an_answer_at_the_last_moment_keeps_it(slow: Desk) -> None:
    _minutes_pass(slow, 8)
    slow.hub.overlaps.store.before_commit("notifications", lambda: _answer(slow))
    _minutes_pass(slow, 4)
    assert slow.assigned() == {1: "ann"}
    assert slow.hub.overlaps.store.all_happened


def test_a_list_says_who_is_there_and_how_much_each_has(desk: Desk) -> None:
    desk.open("ann", "bob")
    desk.hub.patch(f"/api/users/{desk.person('eve')}", {"role": "viewer"})
    desk.set("ann", status="online", capacity=2, skills=["billing"])
    desk.write(1, 2)
    pages: list[Any] = []
    cursor: str | None = None
    while cursor is not None or not pages:
        query = f"?limit=1&cursor={cursor}" if cursor else "?limit=1"
        pages.append(desk.hub.get(f"/api/users/availability{query}"))
        cursor = pages[-1]["nextCursor"]
    people = {person["userId"]: person for page in pages for person in page["people"]}
    owner = desk.hub.get("/api/auth/me")["user"]["id"]
    assert set(people) == {owner, "ann", "bob"}
    ann, bob = people["ann"], people["bob"]
    assert (ann["status"], ann["capacity"], ann["openConversations"]) == ("online", 2, 2)
    assert (ann["skills"], ann["teamIds"], ann["name"], ann["role"]) == (["billing"], [desk.team_id], "ann", "agent")
    assert (bob["status"], bob["capacity"], bob["openConversations"]) == ("offline", None, 0)


def test_a_viewer_is_given_no_conversations(desk: Desk) -> None:
    desk.open("ann", "bob")
    desk.hub.patch("/api/users/bob", {"role": "viewer"})
    desk.hub.work()
    desk.online("bob")
    desk.write(1)
    assert desk.assigned() == {1: None}
    team = f"/api/teams/{desk.team_id}"
    assert desk.hub.get(team)["peopleIds"] == ["ann"]
    refused = desk.hub.patch(team, {"peopleIds": ["ann", "bob"]}, 400)
    assert "names a viewer" in refused["error"]


def test_a_crash_after_somebody_was_removed_takes_their_conversations_all_the_same(desk: Desk) -> None:
    desk.open("ann", "bob")
    desk.online("ann")
    desk.write(1, 2)
    desk.online("bob")
    desk.hub.client.delete("/api/users/ann", headers=desk.hub.headers)
    desk.hub.forget_owed()
    desk.hub.overlaps.store.after_commit("conversations", desk.hub.forget_owed)
    desk.hub.wait(minutes=2)
    desk.hub.tick()
    desk.hub.tick()
    assert desk.assigned() == {1: "bob", 2: "bob"}
    assert desk.hub.get(f"/api/teams/{desk.team_id}")["peopleIds"] == ["bob"]


def test_a_person_whose_pages_are_closed_is_offline_after_a_while(desk: Desk) -> None:
    desk.open("ann")
    availabilities.note_sign(desk.hub.deps, desk.hub.tenant_id, "ann")
    desk.hub.work()
    desk.hub.wait(minutes=2)
    desk.hub.tick()
    assert _status(desk) == "online"
    availabilities.note_sign(desk.hub.deps, desk.hub.tenant_id, "ann")
    desk.hub.wait(minutes=2)
    desk.hub.tick()
    assert _status(desk) == "online"
    desk.hub.wait(minutes=2)
    desk.hub.tick()
    assert _status(desk) == "offline"


def test_a_page_does_not_change_what_somebody_has_set(desk: Desk) -> None:
    desk.open("ann")
    desk.set("ann", status="offline")
    availabilities.note_sign(desk.hub.deps, desk.hub.tenant_id, "ann")
    assert _status(desk) == "offline"
    desk.set("ann", status=None)
    availabilities.note_sign(desk.hub.deps, desk.hub.tenant_id, "ann")
    assert _status(desk) == "online"


def _status(desk: Desk) -> str:
    return str(desk.hub.get("/api/users/ann/availability")["status"])


def test_a_conversation_given_to_a_team_is_given_to_one_of_its_people(desk: Desk) -> None:
    desk.open("ann")
    desk.online("ann")
    other = desk.hub.post("/api/teams", {"name": "Other", "peopleIds": [desk.person("eve")]}, 201)
    desk.write(1)
    desk.change(1, assigneeId=other["id"])
    desk.hub.work()
    assert (desk.assigned(), desk.of(1).team_id) == ({1: other["id"]}, other["id"])
    desk.online("eve")
    assert desk.assigned() == {1: "eve"}


def test_a_rule_names_a_team_that_there_is(desk: Desk) -> None:
    desk.hub.patch("/api/settings", {"externalAgents": False})
    rule = {"condition": "channel=sms", "action": "assign_to_agent_group:Nobody"}
    answer = desk.hub.post("/routing/rules", rule, 400)
    assert "action" in answer["fields"]


def test_a_team_without_people_leaves_its_conversations_to_its_agents(desk: Desk) -> None:
    desk.open()
    desk.write(1)
    assert (desk.of(1).queue_order, desk.of(1).owner, desk.of(1).team_id) == (None, Owner.BOT, desk.team_id)


def test_nobody_looks_at_the_queue_again_and_again(busy: Desk) -> None:
    busy.hub.wait(minutes=2)
    busy.hub.tick()
    busy.hub.new_events(Topic.OUTBOUND)
    busy.hub.wait(minutes=2)
    busy.hub.tick()
    assert busy.hub.new_events(Topic.OUTBOUND) == []


def test_what_waits_says_since_when(busy: Desk) -> None:
    rows = busy.hub.get("/api/inbox")["conversations"]
    assert {row["customer"]["externalId"] for row in rows if row["queuedAt"]} == {"2", "3"}


@pytest.mark.parametrize(
    ("leaves", "reason"),
    [
        (lambda desk: desk.hub.patch(f"/api/teams/{desk.team_id}", {"peopleIds": ["bob"]}), "is no more in the team"),
        (lambda desk: desk.hub.patch("/api/users/ann", {"role": "viewer"}), "can no longer answer"),
    ],
)
def test_a_note_says_why_somebody_has_a_conversation_no_more(
    desk: Desk, leaves: Callable[[Desk], None], reason: str
) -> None:
    desk.open("ann", "bob")
    desk.online("ann")
    desk.write(1)
    leaves(desk)
    desk.hub.work()
    assert (
        desk.notes(1)[-1] == f"ann {reason} and has this conversation no more: it waits for somebody else of the team."
    )
    conversation = desk.of(1)
    assert (conversation.assignee_id, conversation.owner is Owner.HUMAN) == (None, False)
    assert conversation.queue_order is not None


def test_who_leaves_one_of_two_teams_keeps_what_the_other_gave(desk: Desk) -> None:
    desk.open("ann")
    other = desk.hub.post("/api/teams", {"name": "Other", "peopleIds": ["ann"]}, 201)["id"]
    desk.online("ann")
    desk.write(1, 2)
    desk.set("ann", status="away")
    desk.change(2, assigneeId=other)
    desk.online("ann")
    assert desk.assigned() == {1: "ann", 2: "ann"}
    desk.hub.patch(f"/api/teams/{desk.team_id}", {"peopleIds": []})
    desk.hub.work()
    assert desk.assigned() == {1: None, 2: "ann"}
    assert desk.hub.get("/api/users/ann/availability")["teamIds"] == [other]
    desk.write(3)
    desk.change(3, assigneeId=other)
    desk.hub.work()
    assert desk.of(3).assignee_id == "ann"


def test_who_is_back_in_the_team_before_anybody_looked_keeps_everything(desk: Desk) -> None:
    desk.open("ann")
    desk.online("ann")
    desk.write(1)
    for people in ([], ["ann"], ["ann", "ann"]):
        team = desk.hub.patch(f"/api/teams/{desk.team_id}", {"peopleIds": people})
    assert team["peopleIds"] == ["ann"]
    desk.hub.work()
    assert desk.assigned() == {1: "ann"}
    assert desk.hub.get("/api/users/ann/availability")["teamIds"] == [desk.team_id]


def test_a_team_that_becomes_less_choosy_gives_what_has_waited(desk: Desk) -> None:
    desk.open("ann", "bob", skillMatching="required")
    desk.set("bob", skills=["billing"])
    desk.write(1)
    desk.change(1, tags=["billing"])
    desk.online("ann")
    assert desk.assigned() == {1: None}
    desk.hub.patch(f"/api/teams/{desk.team_id}", {"skillMatching": "ignored"})
    desk.hub.work()
    assert desk.assigned() == {1: "ann"}


def test_a_team_of_strangers_is_refused(desk: Desk) -> None:
    desk.open("ann")
    refused = desk.hub.patch(f"/api/teams/{desk.team_id}", {"peopleIds": ["ann", "nobody"]}, 400)
    assert "GET /api/users lists them" in refused["error"]
    assert desk.hub.get(f"/api/teams/{desk.team_id}")["peopleIds"] == ["ann"]


def test_zero_minutes_leave_conversations_with_people_who_are_offline(desk: Desk) -> None:
    desk.open("ann", "bob")
    desk.online("ann")
    desk.write(1)
    desk.set("ann", status="offline")
    desk.online("bob")
    desk.hub.wait(days=2)
    desk.hub.tick()
    assert desk.assigned() == {1: "ann"}


def test_only_admins_change_the_availability_of_others(desk: Desk) -> None:
    desk.open("ann", "bob")
    unit = UnitOfWork(desk.hub.deps.store)
    headers = signed_in(desk.hub.deps, unit.users.owned(desk.hub.tenant_id, "ann"))
    for name, status in (("bob", 403), ("ann", 200)):
        answer = desk.hub.client.put(f"/api/users/{name}/availability", json={"status": "online"}, headers=headers)
        assert answer.status_code == status
    statuses = [desk.hub.get(f"/api/users/{name}/availability")["status"] for name in ("ann", "bob")]
    assert statuses == ["online", "offline"]


def test_signs_of_a_page_are_written_down_once_a_minute(desk: Desk) -> None:
    desk.open("ann")
    deps, tenant_id = desk.hub.deps, desk.hub.tenant_id
    seen: list[Any] = []
    for seconds in (0, 59, 2, 61):
        desk.hub.wait(seconds=seconds)
        availabilities.note_sign(deps, tenant_id, "ann")
        seen.append(desk.hub.documents("availabilities", id="ann")[0]["seen_at"])
    assert seen[0] == seen[1] < seen[2] < seen[3]
    availabilities.note_sign(deps, tenant_id, "a person of no team")
    assert len(desk.hub.documents("availabilities")) == 1
