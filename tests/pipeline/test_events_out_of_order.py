"""What providers tell of a message comes in any order, also before the message, and more than once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from shared.channel.outbound import Sent
from shared.domain.messages import Direction, MessageStatus
from shared.domain.outbox import OutboxItem
from shared.usecases.instances import instance_lookup
from shared.usecases.outbox import outcomes, parts
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Cloud, Facebook, Telegram, WhatsApp

FATES = {
    "SERVER_ACK": MessageStatus.SENT,
    "ERROR": MessageStatus.DEAD,
    "DELIVERY_ACK": MessageStatus.DELIVERED,
    "READ": MessageStatus.READ,
}
"""Evolution's delivery statuses and the hub's, in order: each one overrides those before it."""


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def shop(hub: ManualHub) -> WhatsApp:
    return WhatsApp.of(hub)


def _pair_name(receipts: tuple[str, ...]) -> str:
    return " then ".join(receipts)


PAIRS = {_pair_name(receipts): receipts for receipts in permutations(FATES, 2)}
EXPECTED = {pair: FATES[max(receipts, key=list(FATES).index)] for pair, receipts in PAIRS.items()}


def _statuses(hub: ManualHub) -> dict[str | None, MessageStatus]:
    return {message.text: message.status for message in hub.messages(Direction.OUTBOUND)}


def test_of_two_receipts_the_one_that_says_more_counts_whichever_comes_first(hub: ManualHub, shop: WhatsApp) -> None:
    for pair, receipts in PAIRS.items():
        shop.writes(pair, id=pair, fromMe=True)
        for receipt in receipts:
            shop.reports(pair, receipt)
    assert _statuses(hub) == EXPECTED


def test_of_two_receipts_that_come_before_their_message_the_one_that_says_more_counts(
    hub: ManualHub, shop: WhatsApp
) -> None:
    for pair, receipts in PAIRS.items():
        for receipt in receipts:
            shop.reports(pair, receipt)
        shop.writes(pair, id=pair, fromMe=True)
    assert _statuses(hub) == EXPECTED


def test_of_two_receipts_that_come_before_the_answer_to_our_send_the_one_that_says_more_counts(
    hub: ManualHub, shop: WhatsApp
) -> None:
    shop.writes("hello")
    session = hub.conversation().id
    for pair, receipts in PAIRS.items():
        for receipt in receipts:
            shop.reports(pair, receipt)
        shop.takes_as(pair)
        hub.post("/messages/send", {"session_id": session, "content": pair}, 202)
        hub.deliver()
        hub.overlaps.clock.advance(minutes=1)  # so that the account is not held back
    assert _statuses(hub) == EXPECTED


def test_a_failure_that_is_told_before_its_message_keeps_its_reason(hub: ManualHub, shop: WhatsApp) -> None:
    shop.reports("OURS", "ERROR")
    shop.writes("from our telephone", id="OURS", fromMe=True)
    assert "WhatsApp did not accept" in (hub.message("from our telephone").error or "")
    shop.reports("OTHER", "ERROR")
    shop.reports("OTHER", "READ")
    shop.writes("read after all", id="OTHER", fromMe=True)
    assert hub.message("read after all").error is None


def test_only_a_message_that_failed_has_an_error(hub: ManualHub) -> None:
    cloud = Cloud.of(hub)
    cloud.writes("hello", "16505551234")
    error = {"code": 131049, "title": "not delivered"}
    for status, expected in (("delivered", None), ("failed", "not delivered")):
        hub.post("/messages/send", {"session_id": hub.conversation().id, "content": status}, 202)
        hub.deliver()
        cloud.reports(str(hub.message(status).external_message_id), status, error)
        assert (expected or "") in (hub.message(status).error or "")
        assert (hub.message(status).error is None) == (expected is None)


def test_a_receipt_that_is_being_written_does_not_undo_a_later_one(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello", id="OURS", fromMe=True)
    hub.overlaps.store.before_commit("messages", lambda: shop.reports("OURS", "READ"))
    shop.reports("OURS", "DELIVERY_ACK")
    assert hub.overlaps.all_happened
    assert hub.message("hello").status is MessageStatus.READ


def test_what_is_told_at_once_before_its_message_is_all_noted(hub: ManualHub, shop: WhatsApp) -> None:
    hub.overlaps.store.before_commit("messages", lambda: shop.deletes("OURS", from_me=True))
    shop.reports("OURS", "DELIVERY_ACK")
    hub.overlaps.store.before_commit("messages", lambda: shop.reports("OTHER", "READ"))
    shop.reports("OTHER", "SERVER_ACK")
    shop.reports("THIRD", "SERVER_ACK")
    hub.overlaps.store.before_commit("messages", lambda: shop.reports("THIRD", "READ"))
    shop.reports("THIRD", "DELIVERY_ACK")
    assert hub.overlaps.all_happened
    for message_id in ("OURS", "OTHER", "THIRD"):
        shop.writes(message_id, id=message_id, fromMe=True)
    assert _statuses(hub) == {"OURS": "delivered", "OTHER": "read", "THIRD": "read"}
    assert hub.message("OURS").deleted_at is not None


def test_a_receipt_that_is_noted_while_its_message_is_stored_is_not_lost(hub: ManualHub, shop: WhatsApp) -> None:
    hub.overlaps.store.before_commit("messages", lambda: shop.reports("OURS", "READ"))
    shop.writes("nothing was noted yet", id="OURS", fromMe=True)
    assert hub.message("nothing was noted yet").status is MessageStatus.READ
    shop.reports("OTHER", "SERVER_ACK")
    hub.overlaps.store.before_commit("messages", lambda: None)
    hub.overlaps.store.before_commit("messages", lambda: shop.reports("OTHER", "DELIVERY_ACK"))
    shop.writes("something was", id="OTHER", fromMe=True)
    assert hub.overlaps.all_happened
    assert hub.message("something was").status is MessageStatus.DELIVERED


def test_a_customers_message_stays_received_whatever_a_receipt_says(hub: ManualHub, shop: WhatsApp) -> None:
    shop.reports("THEIRS", "READ")
    shop.writes("hello", id="THEIRS")
    shop.reports("THEIRS", "READ")
    assert hub.message("hello").status is MessageStatus.RECEIVED


def test_of_two_edits_the_later_one_counts_whichever_comes_first(hub: ManualHub, shop: WhatsApp) -> None:
    for number, (first, second) in enumerate(permutations((1_795_000_100, 1_795_000_200))):
        shop.writes("brokne", id=f"AFTER{number}")
        for at in (first, second):
            shop.edits(f"AFTER{number}", f"as of {at}", at)
        for at in (first, second):
            shop.edits(f"BEFORE{number}", f"as of {at}", at)
        shop.writes("brokne too", id=f"BEFORE{number}")
    assert hub.all_texts() == ["as of 1795000200"] * 4
    assert {message.edited_at for message in hub.messages()} == {datetime.fromtimestamp(1_795_000_200, UTC)}


def test_an_edit_that_is_being_written_does_not_undo_a_later_one(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("brokne", id="THEIRS")
    hub.overlaps.store.before_commit("messages", lambda: shop.edits("THEIRS", "later", 1_795_000_200))
    shop.edits("THEIRS", "earlier", 1_795_000_100)
    assert hub.overlaps.all_happened
    assert hub.all_texts() == ["later"]


def test_a_deletion_that_comes_before_its_message_is_kept(hub: ManualHub, shop: WhatsApp) -> None:
    shop.deletes("THEIRS")
    shop.writes("a slip", id="THEIRS")
    message = hub.message("a slip")
    assert message.deleted_at is not None
    assert message.deleted_at < message.created_at


def test_a_deletion_that_is_told_again_keeps_its_time(hub: ManualHub, shop: WhatsApp) -> None:
    deleted_at = hub.deps.now()
    shop.writes("told after it", id="AFTER")
    for _ in range(2):
        shop.deletes("AFTER")
        shop.deletes("BEFORE")
        hub.overlaps.clock.advance(hours=1)
    shop.writes("told before it", id="BEFORE")
    for text in ("told after it", "told before it"):
        assert hub.message(text).deleted_at is not None
        assert hub.message(text).deleted_at - deleted_at < timedelta(minutes=1)  # type: ignore[operator]  # just looked


def test_what_is_told_before_a_message_does_not_replace_each_other(hub: ManualHub, shop: WhatsApp) -> None:
    shop.edits("OURS", "mended", 1_795_000_100, from_me=True)
    shop.reports("OURS", "DELIVERY_ACK")
    shop.deletes("OURS", from_me=True)
    shop.writes("brokne", id="OURS", fromMe=True)
    message = hub.message("mended")
    assert (message.status, message.deleted_at is not None) == (MessageStatus.DELIVERED, True)


def test_what_is_done_to_our_message_before_the_answer_to_our_send_is_not_lost(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    shop.edits("NOTED", "mended", 1_795_000_100, from_me=True)
    shop.deletes("NOTED", from_me=True)
    shop.writes("as typed", id="ECHOED", fromMe=True)
    shop.edits("ECHOED", "also mended", 1_795_000_100, from_me=True)
    shop.reacts("ECHOED", "👍", 1_795_000_200)
    shop.deletes("ECHOED", from_me=True)
    for message_id in ("NOTED", "ECHOED"):
        shop.takes_as(message_id)
        hub.post("/messages/send", {"session_id": hub.conversation().id, "content": "as typed"}, 202)
        hub.deliver()
    noted, echoed = hub.message("mended"), hub.message("also mended")
    assert noted.deleted_at is not None
    assert echoed.deleted_at is not None
    shop.reacts("ECHOED", "🎉", 1_795_000_100)
    assert list(hub.message("also mended").reactions.values()) == ["👍"]


def test_each_person_has_one_reaction_and_can_take_it_back(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello", id="THEIRS")
    shop.reacts("THEIRS", "👍", 1_795_000_100)
    shop.reacts("THEIRS", "🎉", 1_795_000_100)
    shop.reacts("THEIRS", "👀", 1_795_000_200, fromMe=True)
    assert sorted(hub.message("hello").reactions.values()) == sorted(["🎉", "👀"])
    shop.reacts("THEIRS", "", 1_795_000_300)
    assert sorted(filter(None, hub.message("hello").reactions.values())) == ["👀"]


def test_of_two_reactions_of_a_person_the_later_one_counts_whichever_comes_first(
    hub: ManualHub, shop: WhatsApp
) -> None:
    shop.writes("hello", id="THEIRS")
    for at, emoji, expected in (
        (200, "", ""),
        (100, "👍", ""),
        (400, "🎉", "🎉"),
        (300, "👀", "🎉"),
        (600, "🎉", "🎉"),
        (500, "👀", "🎉"),
        (700, "", ""),
    ):
        shop.reacts("THEIRS", emoji, 1_795_000_000 + at)
        assert list(hub.message("hello").reactions.values()) == ([expected] if expected else [])


def test_a_reaction_to_an_unknown_message_is_dropped(hub: ManualHub, shop: WhatsApp) -> None:
    shop.reacts("THEIRS", "👍", 1_795_000_100)
    assert hub.documents("messages") == []


def test_two_reactions_at_once_are_both_kept(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello", id="THEIRS")
    hub.overlaps.store.before_commit("messages", lambda: shop.reacts("THEIRS", "👀", 1_795_000_100, fromMe=True))
    shop.reacts("THEIRS", "👍", 1_795_000_100)
    assert hub.overlaps.all_happened
    assert sorted(hub.message("hello").reactions.values()) == sorted(["👍", "👀"])


def test_an_edit_of_telegrams_that_comes_late_does_not_bring_an_older_text_back(hub: ManualHub) -> None:
    bot = Telegram.of(hub)
    update = hub.update(5, "brokne")
    bot.brings(update)
    for at in (1_795_000_200, 1_795_000_100):
        bot.brings(bot.edit(update, f"as of {at}", at))
    assert hub.all_texts() == ["as of 1795000200"]


def _fates(hub: ManualHub) -> dict[str | None, MessageStatus]:
    return {message.text: message.status for message in hub.messages()}


def test_a_read_mark_counts_for_what_was_sent_before_it(hub: ManualHub) -> None:
    page = Facebook.of(hub)
    page.writes("hello")
    session = hub.conversation().id
    marks = []
    for number in range(3):
        page.takes_as(f"OUT{number}")
        hub.post("/messages/send", {"session_id": session, "content": f"answer {number}"}, 202)
        hub.deliver()
        hub.overlaps.clock.advance(seconds=10)
        marks.append(round(hub.deps.now().timestamp() * 1000))
        hub.overlaps.clock.advance(seconds=10)
    hub.post("/messages/send", {"session_id": session, "content": "not sent yet"}, 202)
    sent = {"hello": MessageStatus.RECEIVED, "not sent yet": MessageStatus.PENDING}
    page.brings(delivery={"watermark": marks[1]})
    delivered = sent | {"answer 0": "delivered", "answer 1": "delivered", "answer 2": "sent"}
    assert _fates(hub) == delivered
    page.brings(read={"watermark": marks[0]})
    assert _fates(hub) == delivered | {"answer 0": "read"}
    page.brings(read={"watermark": marks[1]})
    page.brings(delivery={"watermark": marks[2] + 3_600_000})
    assert _fates(hub) == sent | {"answer 0": "read", "answer 1": "read", "answer 2": "delivered"}


def test_a_read_mark_that_is_being_written_takes_no_other_fate_back(hub: ManualHub) -> None:
    page = Facebook.of(hub)
    page.writes("hello")
    page.takes_as("OUT")
    hub.post("/messages/send", {"session_id": hub.conversation().id, "content": "answer"}, 202)
    hub.deliver()
    until = round(hub.deps.now().timestamp() * 1000) + 1000
    hub.overlaps.store.before_commit("messages", lambda: page.brings(read={"watermark": until}))
    page.brings(delivery={"watermark": until})
    assert hub.overlaps.all_happened
    assert hub.message("answer").status is MessageStatus.READ


def test_a_read_mark_reaches_as_far_back_as_nothing_was_read(hub: ManualHub) -> None:
    page = Facebook.of(hub)
    page.writes("hello")
    for number in range(60):
        page.brings(sender={"id": "77"}, recipient={"id": "p1"}, message=_echo(number))
    until = round(hub.deps.now().timestamp() * 1000) + 1000
    page.brings(read={"watermark": until})
    assert {message.status for message in hub.messages(Direction.OUTBOUND)} == {MessageStatus.READ}


def _echo(number: int) -> dict[str, object]:
    return {"mid": f"m-echo-{number}", "text": f"answer {number}", "is_echo": True, "app_id": 1}


def test_a_read_mark_counts_for_what_was_sent_at_that_very_moment(hub: ManualHub) -> None:
    page = Facebook.of(hub)
    page.writes("hello")
    moment = round(hub.deps.now().timestamp() * 1000) - 60_000
    page.brings(sender={"id": "77"}, recipient={"id": "p1"}, message=_echo(0), timestamp=moment)
    page.brings(read={"watermark": moment - 1})
    assert hub.message("answer 0").status is MessageStatus.SENT
    page.brings(read={"watermark": moment})
    assert hub.message("answer 0").status is MessageStatus.READ


def test_a_read_mark_of_somebody_unknown_changes_nothing(hub: ManualHub) -> None:
    page = Facebook.of(hub)
    page.brings(read={"watermark": round(hub.deps.now().timestamp() * 1000)})
    assert hub.documents("messages") == []


def test_what_is_told_of_any_part_that_a_provider_made_of_a_message_is_told_of_the_message(
    hub: ManualHub, shop: WhatsApp
) -> None:
    shop.writes("hello")
    hub.post("/messages/send", {"session_id": hub.conversation().id, "content": "two parts"}, 202)
    item = OutboxItem.model_validate(hub.documents("outbox")[0])
    instance = instance_lookup.by_id(hub.deps, hub.tenant_id, item.instance_id)
    outcomes.record_sent(
        hub.deps,
        instance,
        item,
        Sent(external_message_id="FIRST", further_ids=("SECOND",)),
        parts.next_part(instance, item),
    )
    shop.writes("the echo of the second part", id="SECOND", fromMe=True)
    shop.reports("SECOND", "READ")
    assert _statuses(hub) == {"two parts": MessageStatus.READ}
