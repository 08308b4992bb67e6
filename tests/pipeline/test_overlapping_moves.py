"""What others do while a conversation moves to another channel."""

from __future__ import annotations

from shared.domain.messages import Author
from tests.pipeline.manual_hub import ManualHub


def test_an_answer_that_is_given_while_the_conversation_moves_ends_the_waiting(
    manual_hub: ManualHub, whatsapp: str, session: str
) -> None:
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.say(session, "hello"))
    manual_hub.move(session)
    assert manual_hub.of(session).needs_reply_since is None
    manual_hub.overlaps.clock.advance(minutes=2)
    manual_hub.maria_writes(whatsapp, "two")
    assert manual_hub.of(session).needs_reply_since == manual_hub.arrival("two")


def test_what_the_customer_writes_on_the_old_channel_while_the_conversation_moves_goes_along(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.writes(bot, "two"))
    manual_hub.move(session)
    assert (manual_hub.conversation().channel, manual_hub.texts(session)) == ("whatsapp", ["one", "two"])
    manual_hub.writes(bot, "three")
    [other] = manual_hub.others(session)
    assert manual_hub.texts(other.id) == ["three"]


def test_a_conversation_does_not_move_to_where_the_customer_begins_another_one_meanwhile(
    manual_hub: ManualHub, whatsapp: str, session: str
) -> None:
    manual_hub.maria_writes(whatsapp, "known here")
    [other] = manual_hub.others(session)
    manual_hub.post(f"/customers/{manual_hub.of(session).customer_id}/merge", {"source_id": other.customer_id})
    manual_hub.set_status(other.id, "CLOSED")
    before_move = manual_hub.of(session)
    manual_hub.overlaps.store.before_commit(
        "conversations", lambda: manual_hub.maria_writes(whatsapp, "here meanwhile")
    )
    manual_hub.move(session, status=409)
    assert manual_hub.of(session) == before_move
    assert sorted(each.status for each in manual_hub.others(session)) == ["closed", "open"]


def test_a_conversation_does_not_move_to_where_the_customer_writes_for_the_first_time_meanwhile(
    manual_hub: ManualHub, whatsapp: str, session: str
) -> None:
    before_move = manual_hub.of(session)
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.maria_writes(whatsapp, "new here"))
    manual_hub.move(session, status=409)
    assert manual_hub.of(session) == before_move
    [other] = manual_hub.others(session)
    assert manual_hub.texts(other.id) == ["new here"]


def test_a_conversation_that_is_closed_while_it_moves_stays_where_it_was(manual_hub: ManualHub, session: str) -> None:
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.set_status(session, "CLOSED"))
    manual_hub.move(session, status=409)
    assert (manual_hub.conversation().status, manual_hub.conversation().channel) == ("closed", "telegram_bot")


def test_two_who_move_a_conversation_at_once_move_it_once(manual_hub: ManualHub, session: str) -> None:
    manual_hub.overlaps.store.before_commit("conversations", lambda: manual_hub.move(session, reason="first"))
    manual_hub.move(session, status=409, reason="second")
    notes = [message.text for message in manual_hub.messages() if message.author is Author.SYSTEM]
    assert notes == ["Transferred from telegram_bot to whatsapp: first"]
    assert [leg.ended_at is None for leg in manual_hub.conversation().legs] == [False, True]


def test_whoever_is_assigned_while_a_conversation_moves_keeps_it(manual_hub: ManualHub, session: str) -> None:
    manual_hub.overlaps.store.before_commit(
        "conversations", lambda: manual_hub.patch(f"/api/conversations/{session}", {"assigneeId": "ann"})
    )
    assert manual_hub.move(session)["agent_id"] == "ann"
    assert (manual_hub.conversation().assignee_id, manual_hub.conversation().channel) == ("ann", "whatsapp")


def test_a_conversation_that_moves_is_awake(manual_hub: ManualHub, session: str) -> None:
    manual_hub.snooze(session)
    manual_hub.move(session)
    assert (manual_hub.conversation().status, manual_hub.conversation().snoozed_until) == ("open", None)


def test_every_leg_of_a_conversation_keeps_the_time_at_which_it_ended(manual_hub: ManualHub, session: str) -> None:
    manual_hub.move(session)
    first = manual_hub.conversation().legs[0].ended_at
    manual_hub.overlaps.clock.advance(minutes=2)
    manual_hub.move(session, from_channel="whatsapp", to_channel="telegram_bot")
    legs = manual_hub.conversation().legs
    assert [leg.ended_at for leg in legs] == [first, legs[2].started_at, None]
