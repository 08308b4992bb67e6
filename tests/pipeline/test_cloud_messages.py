"""What WhatsApp's Cloud API tells beside messages: customers without a number, edits, history, the account itself."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.messages import Author, Direction
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import NUMBER, Cloud

OLD_ID, NEW_ID = "US.13491208655302741918", "US.99990000000000000000"


@pytest.fixture
def cloud(manual_hub: ManualHub) -> Cloud:
    """A number whose customers get an echo."""
    number = Cloud.of(manual_hub)
    manual_hub.echo_agent()
    return number


def _message(hub: ManualHub, id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"wamid.{id_}", "timestamp": str(int(hub.deps.now().timestamp()))} | fields


def _text(hub: ManualHub, id_: str, body: str, **fields: Any) -> dict[str, Any]:
    return _message(hub, id_, type="text", text={"body": body}, **fields)


def _work(hub: ManualHub) -> None:
    hub.work()
    hub.overlaps.clock.advance(minutes=1)
    hub.work()


def _sent(hub: ManualHub) -> list[dict[str, Any]]:
    bodies: list[dict[str, Any]] = [request.json for request in hub.provider.to(f"/{NUMBER}/messages")]
    return [body for body in bodies if "status" not in body]


def test_a_customer_without_a_number_is_answered_by_their_id_and_stays_one_person_with_a_new_one(
    manual_hub: ManualHub, cloud: Cloud
) -> None:
    cloud.brings(messages=[_text(manual_hub, "b1", "hello", from_user_id=OLD_ID)])
    _work(manual_hub)
    changed = {"type": "user_changed_user_id", "previous_user_id": OLD_ID, "user_id": NEW_ID}
    cloud.brings(messages=[_message(manual_hub, "b2", type="system", system=changed, from_user_id=OLD_ID)])
    cloud.brings(messages=[_text(manual_hub, "b3", "it is me", from_user_id=NEW_ID)])
    _work(manual_hub)
    assert [(body.get("recipient"), body.get("to")) for body in _sent(manual_hub)] == [(OLD_ID, None), (NEW_ID, None)]
    [conversation] = manual_hub.conversations()
    assert len(manual_hub.documents("customers")) == 1
    assert conversation.external_user_id == NEW_ID


def test_an_edit_and_a_deletion_change_the_message_and_are_none(manual_hub: ManualHub, cloud: Cloud) -> None:
    sender = "16505551235"
    cloud.brings(messages=[_text(manual_hub, "w2", "I want 2 lamps", **{"from": sender})])
    edit = {"original_message_id": "wamid.w2", "message": {"type": "text", "text": {"body": "I want 20 lamps"}}}
    cloud.brings(messages=[_message(manual_hub, "w2e", type="edit", edit=edit, **{"from": sender})])
    [message] = manual_hub.messages(Direction.INBOUND)
    assert (message.text, [version.text for version in message.versions]) == ("I want 20 lamps", ["I want 2 lamps"])
    revoke = {"original_message_id": "wamid.w2"}
    cloud.brings(messages=[_message(manual_hub, "w2r", type="revoke", revoke=revoke, **{"from": sender})])
    [message] = manual_hub.messages(Direction.INBOUND)
    assert message.deleted_at


def test_history_is_stored_on_its_side_and_never_answered(manual_hub: ManualHub, cloud: Cloud) -> None:
    customer, own = "16505551238", "15550783881"
    older = _text(manual_hub, "h1", "broken since March", **{"from": customer})
    invoice = _text(manual_hub, "h2", "here is your invoice", **{"from": own, "to": customer})
    about = {"metadata": {"phone_number_id": NUMBER, "display_phone_number": own}}
    cloud.brings("history", messages=[older], **about)
    cloud.brings("history", messages=[invoice], **about)
    threads = [{"id": customer, "messages": [_text(manual_hub, "h3", "and older", **{"from": customer})]}]
    cloud.brings("history", history=[{"threads": threads}], **about)
    _work(manual_hub)
    messages = {message.text: message for message in manual_hub.messages()}
    assert messages["broken since March"].direction is Direction.INBOUND
    assert messages["and older"].direction is Direction.INBOUND
    assert messages["here is your invoice"].author is Author.OTHER
    assert len(manual_hub.conversations()) == 1
    assert _sent(manual_hub) == []


@pytest.mark.parametrize("field", ["messaging_handovers", "calls", "message_template_status_update", "nonsense"])
def test_a_field_that_means_nothing_here_is_not_taken_for_messages(
    manual_hub: ManualHub, cloud: Cloud, field: str
) -> None:
    cloud.brings(field, messages=[_text(manual_hub, "x", "not for you", **{"from": "16505551239"})])
    assert manual_hub.messages() == []


def test_an_account_that_meta_stops_is_in_error_and_people_are_told(manual_hub: ManualHub, cloud: Cloud) -> None:
    cloud.brings("account_update", event="DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"})
    manual_hub.work()
    channel = manual_hub.get(f"/api/channels/{cloud.id}")
    assert (channel["status"], channel["statusDetail"]) == ("ERROR", "Meta: DISABLED_UPDATE: DISABLE")
    assert manual_hub.documents("notifications")


def test_opening_a_chat_is_no_message(manual_hub: ManualHub, cloud: Cloud) -> None:
    cloud.brings(messages=[_message(manual_hub, "w1", type="request_welcome", **{"from": "16505551234"})])
    assert manual_hub.conversations() == []


def test_a_refusal_that_tells_of_an_opt_out_is_written_in_the_ledger(manual_hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("hello", "5511988887777")
    _work(manual_hub)
    refusal = {"code": 131050, "title": "User has stopped marketing messages"}
    for _ in range(2):
        cloud.reports("wamid.OUT1", "failed", refusal, recipient="5511988887777")
    [opt_out] = manual_hub.get(f"/api/customers/{manual_hub.conversation().customer_id}")["optOuts"]
    assert opt_out["channelType"] == "WHATSAPP"
    assert "131050" in opt_out["reason"]
    cloud.writes("an order", "5511988887777")
    _work(manual_hub)
    assert len(_sent(manual_hub)) == 2
