"""Canned replies: a text under each short code."""

from __future__ import annotations

from typing import Any

from tests.pipeline.manual_hub import ManualHub

PATH = "/api/canned-replies"


def _add(hub: ManualHub, code: str, status: int = 201) -> Any:
    return hub.post(PATH, {"shortCode": code, "text": f"the text of {code}"}, status)


def _codes(hub: ManualHub, query: str = "") -> list[str]:
    return [reply["shortCode"] for reply in hub.get(f"{PATH}?{query}")["cannedReplies"]]


def test_what_is_kept_is_changed_and_deleted(manual_hub: ManualHub) -> None:
    reply = _add(manual_hub, "Hours")
    path = f"{PATH}/{reply['id']}"
    assert (reply["shortCode"], reply["text"]) == ("hours", "the text of Hours")
    assert manual_hub.get(path) == reply
    changed = manual_hub.patch(path, {"text": "from 9 to 17"})
    assert (changed["shortCode"], changed["text"]) == ("hours", "from 9 to 17")
    assert manual_hub.client.delete(path, headers=manual_hub.headers).json == {"ok": True}
    assert manual_hub.get(path, 404)["detail"] == "There is no such canned reply"
    assert _codes(manual_hub) == []


def test_a_short_code_stands_for_one_reply(manual_hub: ManualHub) -> None:
    first, second = _add(manual_hub, "hours"), _add(manual_hub, "prices")
    assert _add(manual_hub, "HOURS", 409)["detail"] == "shortCode: another canned reply has this short code"
    manual_hub.patch(f"{PATH}/{second['id']}", {"shortCode": "hours"}, 409)
    manual_hub.patch(f"{PATH}/{first['id']}", {"shortCode": "times"})
    manual_hub.patch(f"{PATH}/{second['id']}", {"shortCode": "hours"})
    assert _codes(manual_hub) == ["hours", "times"]
    manual_hub.client.delete(f"{PATH}/{first['id']}", headers=manual_hub.headers)
    _add(manual_hub, "times")


def test_they_are_listed_in_order_and_by_how_they_begin(manual_hub: ManualHub) -> None:
    for code in ("b1", "a2", "a1", "c"):
        _add(manual_hub, code)
    assert _codes(manual_hub) == ["a1", "a2", "b1", "c"]
    assert _codes(manual_hub, "q=A") == ["a1", "a2"]
    page = manual_hub.get(f"{PATH}?limit=3")
    assert _codes(manual_hub, f"limit=3&cursor={page['nextCursor']}") == ["c"]
    manual_hub.register("another@example.com")
    assert _codes(manual_hub) == []
    _add(manual_hub, "a1")
