"""Profile changes by the business show in open sessions and in new ones."""

from __future__ import annotations

from shared.domain.messages import Direction
from tests.eventually import eventually
from tests.pipeline.hub import Hub


def _called(hub: Hub) -> list[tuple[str | None, str | None]]:
    sessions = hub.get("/sessions/active")["sessions"]
    return [(each["customer_info"]["name"], each["customer_info"]["phone"]) for each in sessions]


def test_a_changed_name_shows_in_the_open_session_and_stays_whatever_the_provider_says(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "hello")
    profile = f"/customers/{hub.conversation().customer_id}/profile"
    assert _called(hub) == [("Customer 5", None)]
    changed = {"name": "Maria Silva", "phone": "+5511988887777"}
    assert hub.client.put(profile, json=changed, headers=hub.headers).status_code == 200
    assert _called(hub) == [("Maria Silva", "+5511988887777")]
    hub.customer_writes(channel_id, "hello again")
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 2)
    assert _called(hub) == [("Maria Silva", "+5511988887777")]
    hub.patch(f"/api/channels/{channel_id}", {"config": {"csat": False}})
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "CLOSED"})
    hub.customer_writes(channel_id, "one more thing")
    eventually(lambda: len(hub.conversations()) == 2)
    assert [name for name, _ in _called(hub)] == ["Maria Silva"]
    assert hub.client.put(profile, json={"name": None}, headers=hub.headers).status_code == 200
    hub.customer_writes(channel_id, "and another")
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 4)
    assert [name for name, _ in _called(hub)] == ["Customer 5"]


def test_what_was_said_before_a_merge_is_read_after_it(hub: Hub) -> None:
    channel_id = hub.telegram()
    for chat in (5, 6):
        hub.customer_writes(channel_id, f"hello from {chat}", chat=chat)
    eventually(lambda: len(hub.conversations()) == 2)
    five, six = sorted(hub.conversations(), key=lambda each: each.external_user_id)
    hub.post(f"/customers/{five.customer_id}/merge", {"source_id": six.customer_id})
    history = hub.get(f"/customers/{five.customer_id}/history")["interactions"]
    assert {each["summary"] for each in history} == {"hello from 5", "hello from 6"}
    contents = [hub.get(f"/messages/{each['session_id']}")["messages"][0]["content"] for each in history]
    assert sorted(contents) == ["hello from 5", "hello from 6"]
    assert {name for name, _ in _called(hub)} == {"Customer 5"}
    listed = hub.get(f"/sessions?customer_id={five.customer_id}")["sessions"]
    assert len(listed) == 2
    assert {each["customer_id"] for each in listed} == {five.customer_id}
    assert hub.get(f"/sessions?customer_id={six.customer_id}")["sessions"] == listed


def test_after_a_merge_was_undone_each_has_their_own_name_again(hub: Hub) -> None:
    channel_id = hub.telegram()
    for chat in (5, 6):
        hub.customer_writes(channel_id, "hello", chat=chat)
    eventually(lambda: len(hub.conversations()) == 2)
    five, six = sorted(hub.conversations(), key=lambda each: each.external_user_id)
    merge_id = hub.post(f"/customers/{five.customer_id}/merge", {"source_id": six.customer_id})["merge_id"]
    hub.post(f"/customers/{five.customer_id}/unmerge", {"merge_id": merge_id})
    assert {name for name, _ in _called(hub)} == {"Customer 5", "Customer 6"}


def test_merged_sessions_show_one_name_and_number_and_their_own_again_after_it_was_undone(hub: Hub) -> None:
    channel_id = hub.telegram()
    for chat in (5, 6):
        hub.customer_writes(channel_id, "hello", chat=chat)
    eventually(lambda: len(hub.conversations()) == 2)
    five, six = (each.customer_id for each in sorted(hub.conversations(), key=lambda each: each.external_user_id))
    for customer_id, profile in ((five, {"name": "Maria"}), (six, {"name": "Mary", "phone": "+5511988887777"})):
        changed = hub.client.put(f"/customers/{customer_id}/profile", json=profile, headers=hub.headers)
        assert changed.status_code == 200
    assert sorted(_called(hub)) == [("Maria", None), ("Mary", "+5511988887777")]
    merge_id = hub.post(f"/customers/{five}/merge", {"source_id": six})["merge_id"]
    assert _called(hub) == [("Maria", "+5511988887777")] * 2
    hub.post(f"/customers/{five}/unmerge", {"merge_id": merge_id})
    assert sorted(_called(hub), key=str) == [("Maria", None), ("Mary", "+5511988887777")]


def test_a_number_that_the_business_entered_is_kept_in_the_next_session(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "hello")
    profile = {"phone": "+5511988887777"}
    customer_id = hub.conversation().customer_id
    assert hub.client.put(f"/customers/{customer_id}/profile", json=profile, headers=hub.headers).status_code == 200
    hub.patch(f"/api/channels/{channel_id}", {"config": {"csat": False}})
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "CLOSED"})
    hub.customer_writes(channel_id, "one more thing")
    eventually(lambda: len(hub.conversations()) == 2)
    assert _called(hub) == [("Customer 5", "+5511988887777")]
