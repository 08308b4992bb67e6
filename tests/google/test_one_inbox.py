"""What people work with, on both stores: lists, search, events after a gap, assignment, and promised times.

One process, whose workers wait for the test, over SQLite and over the Firestore emulator: what a query or a commit of
one of them would refuse or order otherwise fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.config import Settings
from tests.adapters.backends import google
from tests.google.deployment import require_emulators
from tests.index_check import recorded
from tests.overlaps import OverlapStore
from tests.pipeline.manual_hub import ManualHub, manual_hub_of
from tests.pipeline.test_assignment import Desk
from tests.stubs import Stub


@pytest.fixture(params=["embedded", pytest.param("google", marks=pytest.mark.slow)])
def hub(request: pytest.FixtureRequest, settings: Settings, provider: Stub) -> Iterator[ManualHub]:
    with recorded(settings) as deps:
        if request.param == "embedded":
            yield manual_hub_of(deps, provider)
            return
        require_emulators()
        with google.open_search() as (store, search):
            yield manual_hub_of(replace(deps, store=OverlapStore(store), search=search), provider)


def _texts(hub: ManualHub, query: str) -> list[str]:
    return [row["lastMessage"]["text"] for row in hub.get(f"/api/inbox?{query}")["conversations"]]


def test_the_inbox_is_listed_filtered_sorted_and_counted(hub: ManualHub) -> None:
    bot = hub.telegram()
    hub.patch(f"/api/channels/{bot}", {"config": {"csat": False}})
    for chat, text in enumerate(("one", "two", "three", "four"), 1):
        hub.writes(bot, text, chat=chat)
        hub.wait(minutes=1)
    rows = {row["lastMessage"]["text"]: row["id"] for row in hub.get("/api/inbox")["conversations"]}
    assert list(rows) == ["four", "three", "two", "one"]
    me = hub.get("/api/auth/me")["user"]["id"]
    before = hub.deps.now().isoformat().replace("+00:00", "Z")
    hub.patch(f"/api/conversations/{rows['one']}", {"assigneeId": me, "tags": ["vip"]})
    hub.put(f"/api/conversations/{rows['two']}/read", {})
    hub.snooze(rows["three"])
    hub.set_status(rows["four"], "CLOSED")

    views = {view: _texts(hub, f"view={view}") for view in ("mine", "unassigned", "waiting", "snoozed", "closed")}
    assert views == {
        "mine": ["one"],
        "unassigned": ["two"],
        "waiting": ["one", "two"],
        "snoozed": ["three"],
        "closed": ["four"],
    }
    assert _texts(hub, "tag=vip") == ["one"]
    assert _texts(hub, "unread=true") == ["one"]
    assert _texts(hub, "sort=longest-wait") == ["one", "two"]
    assert sorted(_texts(hub, f"since={before}")) == ["four", "one", "three", "two"]
    counts = {"mine": 1, "unassigned": 1, "open": 2, "snoozed": 1, "unread": 1}
    assert hub.get("/api/inbox/counts").items() >= counts.items()

    first = hub.get("/api/inbox?view=open&limit=1")
    second = hub.get(f"/api/inbox?view=open&limit=1&cursor={first['nextCursor']}")
    assert [row["id"] for page in (first, second) for row in page["conversations"]] == [rows["two"], rows["one"]]


def test_people_and_what_was_written_are_searched(hub: ManualHub) -> None:
    bot = hub.telegram()
    hub.writes(bot, "Where is my order 4711?", chat=5)
    hub.writes(bot, "Nothing", chat=6)
    session = next(each.id for each in hub.conversations() if each.external_user_id == "5")
    hub.post(f"/api/conversations/{session}/notes", {"text": "order 4711 was lost"}, 201)
    written = hub.get("/api/search?q=order 4711")["messages"]["results"]
    assert [hit["text"] for hit in written] == ["order 4711 was lost", "Where is my order 4711?"]
    people = hub.get("/api/search?q=customer 5")["people"]["results"]
    assert [person["name"] for person in people] == ["Customer 5"]


def test_events_after_a_gap_come_in_order_and_once(hub: ManualHub) -> None:
    bot = hub.telegram()
    cursor = hub.get("/api/events")["nextCursor"]
    hub.writes(bot, "one", "two")
    hub.say(hub.conversation().id, "three")
    hub.work()
    names: list[tuple[str, Any]] = []
    has_more = True
    while has_more:
        page = hub.get(f"/api/events?cursor={cursor}&limit=2")
        names += [(each["name"], each["payload"].get("message", {}).get("text")) for each in page["events"]]
        cursor, has_more = page["nextCursor"], page["hasMore"]
    created = [text for name, text in names if name == "message-created"]
    assert created == ["one", "two", "three"]
    assert ("message-updated", "three") in names, "it was sent"
    assert [name for name, _ in names].count("conversation-updated") >= len(created)
    assert hub.get(f"/api/events?cursor={cursor}")["events"] == []


def test_a_team_is_given_its_conversations_in_turn_and_those_of_whoever_leaves(hub: ManualHub) -> None:
    desk = Desk(hub, hub.telegram())
    desk.open("ann", "bob")
    desk.write(1)
    assert desk.of(1).assignee_id not in ("ann", "bob"), "nobody is there"
    desk.online("ann", "bob")
    desk.write(2, 3)
    who = [desk.of(chat).assignee_id for chat in (1, 2, 3)]
    assert (set(who[:2]), who[2]) == ({"ann", "bob"}, who[0])
    hub.patch(f"/api/teams/{desk.team_id}", {"peopleIds": ["bob"]})
    hub.work()
    assert set(desk.assigned().values()) == {"bob"}


def test_promised_times_are_listed_warned_of_and_broken(hub: ManualHub) -> None:
    hub.post("/api/sla-policies", {"name": "All", "firstAnswerMinutes": 60}, 201)
    bot = hub.telegram()
    hub.writes(bot, "one", chat=1)
    hub.wait(minutes=10)
    hub.writes(bot, "two", chat=2)
    hub.wait(minutes=39)
    hub.tick()
    assert _texts(hub, "sort=sla") == ["one", "two"]
    states = [row["sla"]["state"] for row in hub.get("/api/inbox?sort=sla")["conversations"]]
    assert states == ["warning", "ok"]
    hub.wait(minutes=12)
    for _ in range(2):
        hub.tick()
    states = [row["sla"]["state"] for row in hub.get("/api/inbox?sort=sla")["conversations"]]
    assert states == ["breached", "warning"]
    types = sorted(each["type"] for each in hub.get("/api/notifications")["notifications"])
    assert types == ["sla_breached", "sla_warning", "sla_warning"]
