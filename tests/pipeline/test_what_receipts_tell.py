"""What a provider tells of messages that it has: how far they came, what went wrong, and which one of ours it means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.events import Topic
from shared.domain.inbound import MessageDeleted, MessageEdited, Receipt, Watermark
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message, MessageStatus
from shared.ports.store import Merge
from shared.usecases.ingest import message_changes
from shared.usecases.instances import instances
from tests import refs
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.sending import accepted, fate
from tests.stubs import Reply

SENT, DELIVERED, READ, DEAD = MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.DEAD
SECOND = timedelta(seconds=1)


@pytest.fixture
def instance(manual_hub: ManualHub, bot: str) -> Instance:
    return instances.by_id(manual_hub.deps, manual_hub.tenant_id, bot)


@pytest.fixture
def message(manual_hub: ManualHub, instance: Instance) -> Message:
    """A message that a customer has been sent."""
    accepted(manual_hub, instance.id)
    manual_hub.work()
    return _outbound(manual_hub)


@pytest.fixture
def lost(manual_hub: ManualHub, instance: Instance) -> str:
    """The id of a message that was sent, and of which nobody knows whether the provider has it."""
    return _lost(manual_hub, instance.id)


def _lost(hub: ManualHub, channel_id: str, **fields: Any) -> str:
    hub.provider.on("POST", r"/bot[^/]+/send", Reply(drop=True))
    body = {"channelInstanceId": channel_id, "externalUserId": "5", "text": "look"} | fields
    message_id = str(hub.post("/api/messages/send", body, 202)["message"]["id"])
    hub.work()
    assert fate(hub, message_id) != "SENT"
    hub.new_events(Topic.OUTBOUND)
    return message_id


def _outbound(hub: ManualHub) -> Message:
    [message] = hub.messages(Direction.OUTBOUND)
    return message


def _receive(hub: ManualHub, instance: Instance, external_id: str, status: MessageStatus, **fields: Any) -> None:
    receipt = Receipt(external_message_id=external_id, status=status, **fields)
    message_changes.apply_receipt(hub.deps, instance, receipt)


def _name(message: Message) -> str:
    return str(message.external_message_id)


def test_a_message_goes_forward_and_never_back(manual_hub: ManualHub, instance: Instance, message: Message) -> None:
    seen = []
    for status in (DELIVERED, SENT, READ, DELIVERED):
        _receive(manual_hub, instance, _name(message), status)
        seen.append(_outbound(manual_hub).status)
    assert seen == [DELIVERED, DELIVERED, READ, READ]


def test_only_a_failure_has_an_error_and_what_comes_after_it_takes_it_away(
    manual_hub: ManualHub, instance: Instance, message: Message
) -> None:
    _receive(manual_hub, instance, _name(message), DELIVERED, error="odd")
    assert _outbound(manual_hub).error is None
    manual_hub.store.commit([Merge(refs.message(message.id), {"status": "sent"})])
    _receive(manual_hub, instance, _name(message), DEAD, error="no such number")
    assert (_outbound(manual_hub).status, _outbound(manual_hub).error) == (DEAD, "no such number")
    _receive(manual_hub, instance, _name(message), DEAD, error="another")
    assert _outbound(manual_hub).error == "no such number", "a second report of the same changes nothing"


def test_a_change_is_told_to_clients_and_no_change_is_not(
    manual_hub: ManualHub, instance: Instance, message: Message
) -> None:
    manual_hub.new_realtime_events()
    _receive(manual_hub, instance, _name(message), READ)
    first = manual_hub.new_realtime_events()
    _receive(manual_hub, instance, _name(message), READ)
    assert (len(first) > 0, manual_hub.new_realtime_events()) == (True, [])


def test_what_people_have_to_know_is_noted_once_in_the_messages_conversation(
    manual_hub: ManualHub, instance: Instance, message: Message
) -> None:
    for _ in range(2):
        _receive(manual_hub, instance, _name(message), READ, note="It was a voicemail.", note_id="n1")
    _receive(manual_hub, instance, _name(message), READ, note="nothing names it")
    [note] = manual_hub.messages(Direction.SYSTEM)
    assert (note.text, note.conversation_id, note.customer_id) == (
        "It was a voicemail.",
        message.conversation_id,
        message.customer_id,
    )
    assert abs(note.sent_at - manual_hub.deps.now()) < timedelta(seconds=30)
    assert "message" in " ".join(manual_hub.new_realtime_events())


def test_nothing_is_noted_of_a_customers_message_nor_of_an_unknown_one(
    manual_hub: ManualHub, instance: Instance
) -> None:
    manual_hub.writes(instance.id, "hello")
    [message] = manual_hub.messages()
    for external_id in (_name(message), "unknown"):
        _receive(manual_hub, instance, external_id, READ, note="odd", note_id=external_id + "n")
    assert manual_hub.messages(Direction.SYSTEM) == []


def test_a_receipt_that_brings_our_own_id_back_settles_the_message_and_moves_it(
    manual_hub: ManualHub, instance: Instance, lost: str
) -> None:
    _receive(manual_hub, instance, "P1", DELIVERED, part_id=lost)
    message = _outbound(manual_hub)
    assert (fate(manual_hub, lost), message.id, message.external_message_id) == ("SENT", lost, "P1")
    assert (message.status, message.error) == (DELIVERED, None)
    _receive(manual_hub, instance, "P1", READ)
    assert _outbound(manual_hub).status is READ, "the provider's id now means it"


@pytest.mark.parametrize("part_id", ["{}.1", "{}.x", "other", "", None])
def test_a_receipt_of_another_part_or_message_settles_nothing(
    manual_hub: ManualHub, instance: Instance, lost: str, part_id: str | None
) -> None:
    _receive(manual_hub, instance, "P1", DELIVERED, part_id=part_id and part_id.format(lost))
    assert fate(manual_hub, lost) != "SENT"


def test_a_receipt_for_another_account_settles_nothing(manual_hub: ManualHub, instance: Instance, lost: str) -> None:
    other = instances.by_id(manual_hub.deps, manual_hub.tenant_id, manual_hub.telegram("Sales"))
    _receive(manual_hub, other, "P1", DELIVERED, part_id=lost)
    assert fate(manual_hub, lost) != "SENT"


def test_a_message_that_was_sent_is_not_settled_a_second_time(
    manual_hub: ManualHub, instance: Instance, message: Message
) -> None:
    _receive(manual_hub, instance, "another", READ, part_id=message.id)
    after = _outbound(manual_hub)
    assert (after.external_message_id, after.status) == (message.external_message_id, SENT)


def test_the_part_that_follows_a_settled_one_is_sent_at_once(manual_hub: ManualHub, instance: Instance) -> None:
    pictures = [{"type": "image", "url": f"https://files.example/{name}.jpg"} for name in ("cat", "dog")]
    message_id = _lost(manual_hub, instance.id, attachments=pictures)
    _receive(manual_hub, instance, "P1", DELIVERED, part_id=message_id)
    [item] = manual_hub.documents("outbox", id=message_id)
    assert (item["parts_sent"], item["open"]) == (1, True)
    assert len(manual_hub.new_events(Topic.OUTBOUND)) == 1
    _receive(manual_hub, instance, "P2", DELIVERED, part_id=message_id)
    assert fate(manual_hub, message_id) != "SENT", "the first part's id is another than the second one's"
    _receive(manual_hub, instance, "P2", DELIVERED, part_id=f"{message_id}.1")
    assert fate(manual_hub, message_id) == "SENT"
    assert manual_hub.new_events(Topic.OUTBOUND) == [], "nothing follows the last one"


def test_customers_change_only_their_own_messages(manual_hub: ManualHub, instance: Instance, message: Message) -> None:
    manual_hub.writes(instance.id, "mine")
    moment = manual_hub.deps.now()
    for each in manual_hub.messages():
        edit = MessageEdited(
            external_message_id=_name(each), text="changed", edited_at=moment, attachments=None, by_customer=True
        )
        message_changes.apply_edit(manual_hub.deps, instance, edit)
        deletion = MessageDeleted(external_message_id=_name(each), by_customer=True)
        message_changes.apply_deletion(manual_hub.deps, instance, deletion, moment)
    changed = {each.direction: (each.text, each.deleted_at) for each in manual_hub.messages()}
    assert changed == {Direction.OUTBOUND: ("hello", None), Direction.INBOUND: ("changed", moment)}


def test_a_message_is_deleted_when_the_provider_says_so_and_only_once(
    manual_hub: ManualHub, instance: Instance, message: Message
) -> None:
    deleted_at, arrived = message.sent_at + SECOND, message.sent_at + 9 * SECOND
    deletion = MessageDeleted(external_message_id=_name(message), deleted_at=deleted_at)
    message_changes.apply_deletion(manual_hub.deps, instance, deletion, arrived)
    assert _outbound(manual_hub).deleted_at == deleted_at
    again = MessageDeleted(external_message_id=_name(message), deleted_at=deleted_at + SECOND)
    message_changes.apply_deletion(manual_hub.deps, instance, again, arrived)
    assert _outbound(manual_hub).deleted_at == deleted_at


def test_a_provider_that_repeats_our_own_edit_changes_nothing(
    manual_hub: ManualHub, instance: Instance, message: Message
) -> None:
    moment = message.sent_at + SECOND
    same = MessageEdited(external_message_id=_name(message), text="hello", edited_at=moment, attachments=None)
    message_changes.apply_edit(manual_hub.deps, instance, same)
    assert _outbound(manual_hub).edited_at is None
    other = MessageEdited(external_message_id=_name(message), text="hi", edited_at=moment, attachments=None)
    message_changes.apply_edit(manual_hub.deps, instance, other)
    older = MessageEdited(external_message_id=_name(message), text="old", edited_at=moment, attachments=None)
    message_changes.apply_edit(manual_hub.deps, instance, older)
    assert (_outbound(manual_hub).text, _outbound(manual_hub).edited_at) == ("hi", moment)


def test_an_edit_of_what_is_only_changed_where_it_is_known_leaves_no_note(
    manual_hub: ManualHub, instance: Instance
) -> None:
    now = manual_hub.deps.now()
    edit = MessageEdited(external_message_id="9", text="x", edited_at=now, attachments=None, if_known=True)
    message_changes.apply_edit(manual_hub.deps, instance, edit)
    deletion = MessageDeleted(external_message_id="9", if_known=True)
    message_changes.apply_deletion(manual_hub.deps, instance, deletion, now)
    assert manual_hub.documents("messages") == []


def test_a_read_mark_is_for_all_that_was_sent_up_to_its_time(manual_hub: ManualHub, instance: Instance) -> None:
    for text in ("one", "two", "three"):
        accepted(manual_hub, instance.id, text)
        manual_hub.work()
        manual_hub.wait(seconds=10)
    until = manual_hub.message("two").sent_at
    mark = Watermark(chat_key="5", status=READ, until=until)
    message_changes.apply_watermark(manual_hub.deps, instance, mark)
    assert [each.status for each in manual_hub.messages()] == [READ, READ, SENT]
    manual_hub.new_realtime_events()
    message_changes.apply_watermark(manual_hub.deps, instance, mark)
    assert manual_hub.new_realtime_events() == [], "the same mark again changes nothing"


def test_a_read_mark_reaches_messages_of_several_pages_and_none_without_a_name_at_the_provider(
    manual_hub: ManualHub, instance: Instance, message: Message
) -> None:
    data = manual_hub.store.get([refs.message(message.id)])[refs.message(message.id)].data
    copies = [data | {"id": f"m{number}", "external_message_id": f"5:{number}"} for number in range(120)]
    copies.append(data | {"id": "waits", "external_message_id": None})
    manual_hub.store.commit([Merge(refs.message(copy["id"]), copy) for copy in copies])
    mark = Watermark(chat_key="5", status=READ, until=manual_hub.deps.now())
    message_changes.apply_watermark(manual_hub.deps, instance, mark)
    assert {each.id for each in manual_hub.messages() if each.status is not READ} == {"waits"}
