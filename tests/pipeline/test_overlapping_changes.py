"""Two people, or a person and the customer, who change the same conversation at the same moment."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.ratings import SURVEY_TEXT
from tests import refs
from tests.pipeline.manual_hub import ManualHub


def _resolved(hub: ManualHub) -> int:
    return int(sum(each.get("resolved", 0) for each in hub.documents("stats", tenant_id=hub.tenant_id)))


def _just_read(hub: ManualHub, session: str, happening: Any) -> None:
    """It happens after somebody has read the conversation, and before they have changed it."""
    hub.overlaps.store.after_read(refs.conversation(session), happening)


def test_two_who_close_at_once_resolve_once(manual_hub: ManualHub, session: str) -> None:
    _just_read(manual_hub, session, lambda: manual_hub.set_status(session, "CLOSED"))
    manual_hub.set_status(session, "CLOSED")
    assert (manual_hub.of(session).status, _resolved(manual_hub)) == ("closed", 1)


def test_two_who_close_at_once_ask_the_customer_once(manual_hub: ManualHub) -> None:
    manual_hub.writes(manual_hub.telegram(), "one")
    session = manual_hub.conversation().id
    _just_read(manual_hub, session, lambda: manual_hub.set_status(session, "CLOSED"))
    manual_hub.set_status(session, "CLOSED")
    manual_hub.work()
    assert (manual_hub.sent_texts(), _resolved(manual_hub)) == ([SURVEY_TEXT], 1)


def test_two_who_open_at_once_take_one_resolution_back(manual_hub: ManualHub, session: str) -> None:
    manual_hub.set_status(session, "CLOSED")
    _just_read(manual_hub, session, lambda: manual_hub.set_status(session, "OPEN"))
    manual_hub.set_status(session, "OPEN")
    assert (manual_hub.of(session).status, _resolved(manual_hub)) == ("open", 0)


def test_who_sends_while_another_opens_takes_one_resolution_back(manual_hub: ManualHub, session: str) -> None:
    manual_hub.set_status(session, "CLOSED")
    _just_read(manual_hub, session, lambda: manual_hub.set_status(session, "OPEN"))
    manual_hub.say(session, "hello")
    assert (manual_hub.of(session).status, _resolved(manual_hub)) == ("open", 0)


def test_what_the_customer_writes_while_the_conversation_is_closed_is_in_it_and_the_next_begins_another(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    _just_read(manual_hub, session, lambda: manual_hub.writes(bot, "two"))
    manual_hub.set_status(session, "CLOSED")
    assert (manual_hub.of(session).status, manual_hub.texts(session)) == ("closed", ["one", "two"])
    manual_hub.writes(bot, "three")
    [other] = manual_hub.others(session)
    assert manual_hub.texts(other.id) == ["three"]


def test_a_conversation_that_moves_while_it_is_closed_is_closed_where_it_is_then(
    manual_hub: ManualHub, whatsapp: str, session: str
) -> None:
    _just_read(manual_hub, session, lambda: manual_hub.move(session))
    manual_hub.set_status(session, "CLOSED")
    manual_hub.maria_writes(whatsapp, "two")
    assert (manual_hub.of(session).status, manual_hub.of(session).instance_id) == ("closed", whatsapp)
    [other] = manual_hub.others(session)
    assert (other.status, manual_hub.texts(other.id)) == ("open", ["two"])


def test_what_another_changes_meanwhile_stays_changed(manual_hub: ManualHub, session: str) -> None:
    path = f"/api/conversations/{session}"
    _just_read(manual_hub, session, lambda: manual_hub.patch(path, {"assigneeId": "ann"}))
    manual_hub.patch(path, {"priority": "HIGH"})
    assert (manual_hub.of(session).assignee_id, manual_hub.of(session).priority) == ("ann", "high")


@pytest.mark.parametrize("moment", ["it is read", "it is opened"])
def test_a_conversation_is_not_opened_again_when_the_customer_begins_another_one_meanwhile(
    manual_hub: ManualHub, bot: str, session: str, moment: str
) -> None:
    manual_hub.set_status(session, "CLOSED")
    if moment == "it is read":
        _just_read(manual_hub, session, lambda: manual_hub.writes(bot, "two"))
    else:
        manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.writes(bot, "two"))
    manual_hub.set_status(session, "OPEN", status=409)
    [other] = manual_hub.others(session)
    assert (manual_hub.of(session).status, other.status, _resolved(manual_hub)) == ("closed", "open", 1)


def test_an_opened_conversation_is_the_one_that_the_customer_writes_into(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    manual_hub.set_status(session, "CLOSED")
    manual_hub.set_status(session, "OPEN")
    manual_hub.writes(bot, "two")
    assert manual_hub.texts(manual_hub.conversation().id) == ["one", "two"]


def test_a_conversation_that_the_sweep_wakes_while_it_is_closed_stays_closed(
    manual_hub: ManualHub, session: str
) -> None:
    manual_hub.snooze(session)
    manual_hub.overlaps.clock.advance(minutes=6)
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.set_status(session, "CLOSED"))
    manual_hub.tick()
    assert (manual_hub.of(session).status, _resolved(manual_hub)) == ("closed", 1)
    manual_hub.tick()
    assert (manual_hub.of(session).status, manual_hub.of(session).snoozed_until) == ("closed", None)


@pytest.mark.parametrize("status", ["OPEN", "SNOOZED", "by a message"])
def test_what_is_opened_again_has_no_time_at_which_it_was_closed(
    manual_hub: ManualHub, session: str, status: str
) -> None:
    manual_hub.set_status(session, "CLOSED")
    assert manual_hub.get(f"/api/conversations/{session}")["closedAt"] is not None
    if status == "OPEN":
        manual_hub.set_status(session, "OPEN")
    elif status == "SNOOZED":
        manual_hub.snooze(session)
    else:
        manual_hub.say(session, "hello")
    assert manual_hub.get(f"/api/conversations/{session}")["closedAt"] is None


def test_what_is_opened_again_does_not_sleep_any_more(manual_hub: ManualHub, session: str) -> None:
    manual_hub.snooze(session)
    for status in ("CLOSED", "OPEN"):
        manual_hub.set_status(session, status)
    conversation = manual_hub.get(f"/api/conversations/{session}")
    assert (conversation["status"], conversation["snoozedUntil"], conversation["closedAt"]) == ("OPEN", None, None)


def _ratings(hub: ManualHub) -> tuple[float, int]:
    satisfaction = hub.get("/analytics/customer-satisfaction")
    return satisfaction["overallScore"], satisfaction["totalResponses"]


@pytest.mark.parametrize("rated_before", [False, True])
def test_of_two_ratings_at_once_one_counts(manual_hub: ManualHub, session: str, *, rated_before: bool) -> None:
    if rated_before:
        manual_hub.post(f"/sessions/{session}/rating", {"score": 5})
    manual_hub.overlaps.store.before_commit(
        "ratings", lambda: manual_hub.post(f"/sessions/{session}/rating", {"score": 1})
    )
    manual_hub.post(f"/sessions/{session}/rating", {"score": 4})
    assert _ratings(manual_hub) == (4.0, 1)


def test_a_rating_that_is_given_while_the_customer_answers_the_survey_is_one(manual_hub: ManualHub) -> None:
    bot = manual_hub.telegram()
    manual_hub.writes(bot, "one")
    session = manual_hub.conversation().id
    manual_hub.set_status(session, "CLOSED")
    manual_hub.overlaps.store.before_commit(
        "ratings", lambda: manual_hub.post(f"/sessions/{session}/rating", {"score": 1})
    )
    manual_hub.writes(bot, "5")
    assert _ratings(manual_hub) == (5.0, 1)
    assert manual_hub.texts(session) == ["one", SURVEY_TEXT, "5"]
