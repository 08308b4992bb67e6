"""Several people decide about conversations, and one of them about several conversations."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.accounts import Role
from shared.domain.ids import new_id
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def session(manual_hub: ManualHub) -> str:
    manual_hub.writes(manual_hub.telegram(), "hello")
    return manual_hub.conversation().id


def _assign(hub: ManualHub, session: str, to: str, etag: str | None, status: int = 200) -> Any:
    headers = hub.headers | ({"If-Match": etag} if etag else {})
    answer = hub.client.patch(f"/api/conversations/{session}", json={"assigneeId": to}, headers=headers)
    assert answer.status_code == status, answer.text
    return {**(answer.json or {}), "header": answer.headers.get("ETag")}


def test_of_two_who_assign_at_once_the_second_learns_who_was_first(manual_hub: ManualHub, session: str) -> None:
    hub = manual_hub
    etag = hub.get(f"/api/conversations/{session}")["etag"]
    first = _assign(hub, session, "ann", etag)
    assert first["header"] == first["etag"] != etag
    refused = _assign(hub, session, "bob", etag, 412)
    assert (refused["code"], refused["detail"]) == (
        "precondition_failed",
        "owner@example.com has changed the conversation since you read it: read it again, then decide",
    )
    hub.headers = key_for(hub.deps, hub.tenant_id, Role.AGENT)
    assert _assign(hub, session, "carl", first["etag"])["assigneeId"] == "carl"
    assert _assign(hub, session, "bob", etag, 412)["detail"].startswith("the API key test has changed")


def test_what_is_written_meanwhile_is_no_decision(manual_hub: ManualHub, session: str) -> None:
    hub = manual_hub
    etag = hub.client.get(f"/api/conversations/{session}", headers=hub.headers).headers["ETag"]
    hub.writes(hub.get("/api/channels")[0]["id"], "still there?")
    hub.put(f"/api/conversations/{session}/read", {})
    _assign(hub, session, "ann", etag)


@pytest.mark.parametrize("etag", [None, "*", 'W/"{etag}"', '"another", "{etag}"'])
def test_without_a_condition_or_with_one_that_holds_it_is_changed(
    manual_hub: ManualHub, session: str, etag: str | None
) -> None:
    current = manual_hub.get(f"/api/conversations/{session}")["etag"].strip('"')
    _assign(manual_hub, session, "ann", etag and etag.format(etag=current))


def test_what_the_hub_changed_itself_is_nobodys_change(manual_hub: ManualHub, session: str) -> None:
    hub = manual_hub
    hub.snooze(session)
    etag = hub.get(f"/api/conversations/{session}")["etag"]
    hub.wait(minutes=6)
    hub.tick()
    assert _assign(hub, session, "ann", etag, 412)["detail"].startswith("somebody has changed")


def _bulk(hub: ManualHub, ids: list[str], code: int = 200, **changes: Any) -> Any:
    return hub.post("/api/inbox/bulk", {"ids": ids} | changes, code)


def test_several_conversations_are_changed_at_once(manual_hub: ManualHub) -> None:
    hub, channel = manual_hub, manual_hub.telegram()
    for chat in (1, 2):
        hub.writes(channel, "hello", chat=chat)
    ids = [each.id for each in hub.conversations()]
    hub.patch(f"/api/conversations/{ids[0]}", {"tags": ["late"]})
    results = _bulk(hub, [*ids, ids[0], "unknown"], assigneeId="ann", addTags=["vip"], removeTags=["late"])["results"]
    assert [(result["id"], result["ok"], result["code"]) for result in results] == [
        (ids[0], True, None),
        (ids[1], True, None),
        ("unknown", False, "not_found"),
    ]
    for result in results[:2]:
        row = result["conversation"]
        assert (row["assigneeId"], row["tags"]) == ("ann", ["vip"])
        assert row == hub.get(f"/api/conversations/{row['id']}")
    assert results[2]["detail"] == "There is no such conversation or session"
    _bulk(hub, ids, 200, status="CLOSED")
    assert {each.status for each in hub.conversations()} == {"closed"}


def test_each_result_says_what_is_wrong(manual_hub: ManualHub, session: str) -> None:
    [result] = _bulk(manual_hub, [session], status="SNOOZED")["results"]
    assert (result["code"], result["detail"]) == (
        "bad_request",
        "snoozedUntil: say until when, in the future",
    )


def test_a_hundred_at_once_are_enough(manual_hub: ManualHub) -> None:
    refused = _bulk(manual_hub, [new_id() for _ in range(101)], 400, status="CLOSED")
    assert list(refused["fields"]) == ["ids"]
