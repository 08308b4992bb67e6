"""The shared inbox: its views, what their rows show, and how many there are."""

from __future__ import annotations

import pytest

from shared.ports.store import Merge, Ref
from shared.usecases.conversations import inbox
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def channel(manual_hub: ManualHub) -> str:
    return manual_hub.telegram()


def _ids(hub: ManualHub, query: str) -> list[str]:
    """The conversations of a view, by their customer's address at the provider."""
    return [row["customer"]["externalId"] for row in hub.get(f"/api/inbox?{query}")["conversations"]]


def _session(hub: ManualHub, chat: int) -> str:
    [document] = hub.documents("conversations", external_user_id=str(chat))
    return str(document["id"])


def _write(hub: ManualHub, channel: str, *chats: int) -> None:
    """Customers write, one a minute."""
    for chat in chats:
        hub.writes(channel, f"hello from {chat}", chat=chat)
        hub.wait(minutes=1)


def _me(hub: ManualHub) -> str:
    return str(hub.get("/api/auth/me")["user"]["id"])


def test_each_view_shows_what_its_name_says(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    _write(hub, channel, 1, 2, 3, 4, 5)
    hub.patch(f"/api/conversations/{_session(hub, 1)}", {"assigneeId": _me(hub)})
    hub.patch(f"/api/conversations/{_session(hub, 2)}", {"assigneeId": "somebody-else"})
    hub.snooze(_session(hub, 3))
    hub.set_status(_session(hub, 4), "CLOSED")
    hub.say(_session(hub, 1), "I am on it")
    views = {view.value: sorted(_ids(hub, f"view={view}")) for view in inbox.View}
    assert views == {
        "mine": ["1"],
        "unassigned": ["5"],
        "needs-human": [],
        "waiting": ["2", "5"],
        "open": ["1", "2", "5"],
        "snoozed": ["3"],
        "closed": ["4"],
    }
    counts = {"mine": 1, "unassigned": 1, "needsHuman": 0, "waiting": 2, "open": 3, "snoozed": 1, "unread": 2}
    assert hub.get("/api/inbox/counts") == counts | {"most": 1000}


def test_one_view_has_those_who_need_a_human(manual_hub: ManualHub, channel: str) -> None:
    _write(manual_hub, channel, 1, 2)
    manual_hub.store.commit([Merge(Ref("conversations", _session(manual_hub, 1)), {"needs_human": True})])
    assert _ids(manual_hub, "view=needs-human") == _ids(manual_hub, "needsHuman=true") == ["1"]
    assert _ids(manual_hub, "view=needs-human&sort=longest-wait") == ["1"]
    assert _ids(manual_hub, "needsHuman=false") == ["2"]
    assert manual_hub.get("/api/inbox/counts")["needsHuman"] == 1


def test_a_row_shows_what_a_list_needs(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    hub.writes(channel, "hello", "anybody there?", chat=7)
    hub.patch(f"/api/conversations/{_session(hub, 7)}", {"assigneeId": _me(hub)})
    [row] = hub.get("/api/inbox")["conversations"]
    assert row["lastMessage"]["text"] == "anybody there?"
    assert (row["unread"], row["tags"], row["assigneeName"]) == (2, [], "owner@example.com")
    assert row["needsReplySince"] is not None
    assert row == hub.get(f"/api/conversations/{row['id']}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["3", "2", "1"]),
        ("sort=newest", ["3", "2", "1"]),
        ("sort=longest-wait", ["1", "3", "2"]),
        ("view=waiting", ["1", "3"]),
        ("view=waiting&sort=newest", ["3", "1"]),
        ("view=WAITING&sort=LONGEST_WAIT", ["1", "3"]),
    ],
)
def test_the_newest_come_first_or_those_who_wait_longest(
    manual_hub: ManualHub, channel: str, query: str, expected: list[str]
) -> None:
    _write(manual_hub, channel, 1, 2)
    manual_hub.say(_session(manual_hub, 2), "hi")
    _write(manual_hub, channel, 3)
    assert _ids(manual_hub, query) == expected


@pytest.mark.parametrize("query", ["sort=newest", "sort=longest-wait", "view=unassigned", "q=customer", "tag=vip"])
def test_pages_lead_through_all_of_a_view(manual_hub: ManualHub, channel: str, query: str) -> None:
    _write(manual_hub, channel, 1, 2, 3, 4, 5)
    for chat in (2, 4):
        manual_hub.say(_session(manual_hub, chat), "hi")
    for chat in range(1, 6):
        manual_hub.patch(f"/api/conversations/{_session(manual_hub, chat)}", {"tags": ["vip"]})
    whole, cursor, pages = _ids(manual_hub, query), "", []
    while cursor is not None:
        page = manual_hub.get(f"/api/inbox?{query}&limit=2&cursor={cursor}")
        pages.append([row["customer"]["externalId"] for row in page["conversations"]])
        cursor = page["nextCursor"]
    assert sorted(whole) == ["1", "2", "3", "4", "5"]
    assert [chat for page in pages for chat in page] == whole
    assert max(map(len, pages)) == 2


NARROWED = {
    "channelId={other}": ["3"],
    "channelId={other}&view=unassigned": ["3"],
    "unread=true": ["2", "3"],
    "unread=false": ["1"],
    "unread=true&channelId={first}": ["2"],
    "team=Sales": ["2"],
    "team=Sales&unread=false": [],
    "view=mine": ["1"],
    "view=mine&unread=false": ["1"],
    "view=unassigned": ["2", "3"],
    "q=CUSTOMER 3": ["3"],
    "q=hello from 2": ["2"],
    "tag=vip": ["1", "2"],
    "tag=vip&unread=true": ["2"],
    "tag=vip&view=mine": ["1"],
    "tag=VIP": [],
}


@pytest.mark.parametrize("sort", list(inbox.Sort))
def test_filters_narrow_a_view_alone_and_together(manual_hub: ManualHub, channel: str, sort: str) -> None:
    hub, other = manual_hub, manual_hub.telegram("Other")
    hub.post("/routing/rules", {"condition": "text contains 2", "action": "assign_to_agent_group:Sales"}, 201)
    _write(hub, channel, 1, 2)
    _write(hub, other, 3)
    hub.patch(f"/api/conversations/{_session(hub, 1)}", {"assigneeId": _me(hub)})
    hub.put(f"/api/conversations/{_session(hub, 1)}/read", {})
    for chat in (1, 2):
        hub.patch(f"/api/conversations/{_session(hub, chat)}", {"tags": ["vip"]})
    narrowed = {
        query: sorted(_ids(hub, query.format(first=channel, other=other) + f"&sort={sort}")) for query in NARROWED
    }
    assert narrowed == NARROWED


def test_a_closed_conversation_keeps_its_tag_and_its_place(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    _write(hub, channel, 1)
    session = _session(hub, 1)
    hub.patch(f"/api/conversations/{session}", {"tags": ["vip", "late"]})
    hub.set_status(session, "CLOSED")
    assert (_ids(hub, "tag=vip"), _ids(hub, "tag=vip&view=closed")) == ([], ["1"])
    hub.set_status(session, "OPEN")
    assert (_ids(hub, "tag=vip"), _ids(hub, "tag=vip&view=closed")) == (["1"], [])
    hub.patch(f"/api/conversations/{session}", {"tags": ["late"]})
    assert (_ids(hub, "tag=vip"), _ids(hub, "tag=late")) == ([], ["1"])


def test_a_filter_looks_at_no_more_conversations_than_it_may(manual_hub: ManualHub, channel: str) -> None:
    _write(manual_hub, channel, *range(1, 8))
    page = manual_hub.get("/api/inbox?q=hello from 1&limit=1")
    assert page["conversations"] == []
    next_page = manual_hub.get(f"/api/inbox?q=hello from 1&limit=1&cursor={page['nextCursor']}")
    assert [row["customer"]["externalId"] for row in next_page["conversations"]] == ["1"]


def test_a_program_has_no_conversations_of_its_own(manual_hub: ManualHub) -> None:
    key = manual_hub.post("/api/keys", {"name": "shop"}, 201)["key"]
    [stored] = manual_hub.documents("api_keys")
    manual_hub.headers = {"Authorization": f"Bearer {key}"}
    assert manual_hub.get("/api/inbox?view=mine")["conversations"] == []  # those of who made it
    assert stored["created_by"] is not None


def test_after_a_gap_a_client_learns_what_has_changed_in_any_view(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    _write(hub, channel, 1, 2, 3)
    as_of = hub.get("/api/inbox")["asOf"]
    hub.wait(minutes=1)
    hub.set_status(_session(hub, 2), "CLOSED")
    hub.wait(minutes=1)
    hub.writes(channel, "still there?", chat=1)
    assert _ids(hub, f"since={as_of}") == ["2", "1"]
    first = hub.get(f"/api/inbox?since={as_of}&limit=1")
    assert _ids(hub, f"since={as_of}&limit=1&cursor={first['nextCursor']}") == ["1"]
    refused = hub.get(f"/api/inbox?since={as_of}&view=mine", 400)
    assert refused["fields"] == {"view": "does not go with since, which asks for every view"}


def test_after_a_gap_a_client_learns_that_a_customer_is_called_otherwise(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    _write(hub, channel, 1)
    as_of = hub.get("/api/inbox")["asOf"]
    hub.wait(minutes=1)
    hub.patch(f"/api/customers/{hub.conversation().customer_id}", {"name": "Ada"})
    [row] = hub.get(f"/api/inbox?since={as_of}")["conversations"]
    assert row["customerName"] == "Ada"


def test_what_a_customer_writes_is_unread_until_somebody_reads_it(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    hub.echo_agent()
    hub.writes(channel, "hello", "anybody there?")
    session = hub.conversation().id
    hub.work()
    assert hub.get(f"/api/conversations/{session}")["unread"] == 2  # a machine's answer is nobody's reading
    assert hub.put(f"/api/conversations/{session}/read", {}) == {"marked": False, "unread": 0}
    hub.writes(channel, "one more")
    assert hub.get("/api/inbox?unread=true")["conversations"][0]["unread"] == 1


@pytest.mark.parametrize("deed", ["answer", "close", "post"])
def test_who_answers_or_closes_has_read(manual_hub: ManualHub, channel: str, deed: str) -> None:
    hub = manual_hub
    hub.writes(channel, "hello")
    session = hub.conversation().id
    if deed == "answer":
        hub.say(session, "hi")
    elif deed == "close":
        hub.set_status(session, "CLOSED")
    else:
        hub.post(f"/api/conversations/{session}/read", {})
    assert hub.get(f"/api/conversations/{session}")["unread"] == 0


def test_what_came_while_somebody_read_stays_unread(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    hub.writes(channel, "hello")
    session = hub.conversation().id
    read_id = hub.get("/api/inbox")["conversations"][0]["lastMessage"]["id"]
    hub.writes(channel, "and another thing", "and one more")
    assert hub.put(f"/api/conversations/{session}/read", {"lastMessageId": read_id})["unread"] == 2
    assert hub.get("/api/inbox?unread=true")["conversations"][0]["unread"] == 2


def test_reading_is_told_once(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    hub.writes(channel, "hello")
    session = hub.conversation().id
    hub.new_realtime_events()
    hub.put(f"/api/conversations/{session}/read", {})
    assert hub.new_realtime_events() == ["conversation-updated"]
    hub.put(f"/api/conversations/{session}/read", {})
    assert hub.new_realtime_events() == []
