"""What others do while a session is begun, or taken up, by a person."""

from __future__ import annotations

from typing import Any

import pytest

from shared.ports.store import Ref
from tests import refs
from tests.pipeline.manual_hub import ManualHub


def _create(hub: ManualHub, **more: str) -> str:
    customer_id = hub.documents("customers", tenant_id=hub.tenant_id)[0]["id"]
    body = {"customer_id": customer_id, "channel_type": "telegram_bot", **more}
    return str(hub.post("/sessions/create", body)["session_id"])


def _just_read(hub: ManualHub, session: str, happening: Any) -> None:
    """It happens after somebody has read the conversation, and before they have changed it."""
    hub.overlaps.store.after_read(refs.conversation(session), happening)


def test_two_who_begin_a_session_at_once_begin_one(manual_hub: ManualHub, bot: str, session: str) -> None:
    manual_hub.set_status(session, "CLOSED")
    created: list[str] = []
    manual_hub.overlaps.store.before_commit(
        "conversations", lambda: created.append(_create(manual_hub, initial_message="first"))
    )
    assert _create(manual_hub, initial_message="second") == created[0]
    [other] = manual_hub.others(session)
    assert manual_hub.texts(other.id) == ["first", "second"]
    assert other.needs_reply_since == manual_hub.arrival("first")


def test_a_session_that_is_begun_while_the_customer_writes_is_theirs(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    manual_hub.set_status(session, "CLOSED")
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.writes(bot, "me again"))
    created = _create(manual_hub, initial_message="They rang, too")
    assert [each.id for each in manual_hub.others(session)] == [created]
    assert manual_hub.texts(created) == ["me again", "They rang, too"]


def test_a_session_that_is_taken_up_keeps_what_is_changed_meanwhile(manual_hub: ManualHub, session: str) -> None:
    manual_hub.overlaps.store.before_commit(
        "conversations", lambda: manual_hub.patch(f"/api/conversations/{session}", {"assigneeId": "ann"})
    )
    assert _create(manual_hub, priority="high") == session
    assert (manual_hub.of(session).assignee_id, manual_hub.of(session).priority) == ("ann", "high")


@pytest.mark.parametrize("moment", ["address is read", "session is read", "session is changed"])
def test_a_session_that_is_closed_while_it_is_taken_up_stays_closed_and_another_one_begins(
    manual_hub: ManualHub, bot: str, session: str, moment: str
) -> None:
    store, identity = manual_hub.overlaps.store, Ref("identities", manual_hub.conversation().identity_id)
    if moment == "address is read":
        store.after_read(identity, lambda: manual_hub.set_status(session, "CLOSED"))
    elif moment == "session is read":
        _just_read(manual_hub, session, lambda: manual_hub.set_status(session, "CLOSED"))
    else:
        store.before_commit("conversations", lambda: manual_hub.set_status(session, "CLOSED"))
    created = _create(manual_hub, initial_message="They rang")
    manual_hub.writes(bot, "hello?")
    assert (manual_hub.of(session).status, manual_hub.texts(session)) == ("closed", ["one"])
    assert manual_hub.texts(created) == ["They rang", "hello?"]


def test_a_session_that_is_taken_up_is_awake_and_keeps_what_was_not_said(manual_hub: ManualHub, session: str) -> None:
    manual_hub.snooze(session, priority="HIGH", assigneeId="ann")
    before = manual_hub.of(session)
    assert _create(manual_hub) == session
    after = manual_hub.of(session)
    assert (after.status, after.snoozed_until) == ("open", None)
    assert (after.priority, after.assignee_id, after.needs_reply_since) == ("high", "ann", before.needs_reply_since)


@pytest.mark.parametrize(("message", "inbound"), [({}, 1), ({"initial_message": "They rang"}, 2)])
def test_a_session_that_is_taken_up_is_not_counted_again(
    manual_hub: ManualHub, session: str, message: dict[str, str], inbound: int
) -> None:
    _create(manual_hub, **message)
    metrics = manual_hub.get("/analytics/dashboard")["channelMetrics"]["telegram_bot"]
    assert (metrics["sessions"], metrics["messages"]) == (1, inbound)


@pytest.mark.parametrize(("message", "inbound"), [({}, 1), ({"initial_message": "They rang"}, 2)])
def test_a_session_that_a_person_begins_is_counted_and_so_is_the_customers_message(
    manual_hub: ManualHub, session: str, message: dict[str, str], inbound: int
) -> None:
    manual_hub.set_status(session, "CLOSED")
    _create(manual_hub, **message)
    metrics = manual_hub.get("/analytics/dashboard")["channelMetrics"]["telegram_bot"]
    assert (metrics["sessions"], metrics["messages"]) == (2, inbound)
