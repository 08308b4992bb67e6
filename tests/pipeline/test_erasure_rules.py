"""Whom an erasure takes away and whom not, and that it ends whatever happens meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.outbox import OutboxStatus
from shared.errors import StoreError
from shared.ports.store import Merge, Ref
from shared.usecases.sweep import sweep
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.test_file_copies import PNG, gives, read

OTHER_CHAT = 771_234_568


@pytest.fixture
def bot(manual_hub: ManualHub) -> str:
    return manual_hub.telegram()


def _customer_of(hub: ManualHub, chat: int) -> str:
    return next(each.customer_id for each in hub.conversations() if each.external_user_id == str(chat))


def _erase(hub: ManualHub, customer_id: str) -> str:
    name = hub.get(f"/api/customers/{customer_id}")["name"]
    return str(hub.post(f"/api/customers/{customer_id}/erase", {"confirmation": name.upper()}, 202)["id"])


def _state(hub: ManualHub, erasure_id: str) -> str:
    return str(hub.get(f"/api/erasures/{erasure_id}")["report"]["state"])


def _tick(hub: ManualHub, times: int = 4) -> None:
    for _ in range(times):
        hub.tick()
        hub.wait(minutes=2)


def _sends_picture(hub: ManualHub, bot: str, chat: int) -> str:
    update = hub.update(chat, "")
    del update["message"]["text"]
    update["message"]["document"] = {"file_id": "F", "file_unique_id": "F", "file_name": "cat.png"}
    hub.deliver_update(bot, update)
    hub.work()
    [message] = [each for each in hub.messages() if each.author_id == str(chat)]
    return f"/media/{message.id}-0"


def test_what_is_typed_has_to_be_the_customers_name(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.writes(bot, "hello")
    customer_id = manual_hub.conversation().customer_id
    refused = manual_hub.post(f"/api/customers/{customer_id}/erase", {"confirmation": "Somebody"}, 400)
    assert refused["fields"] == {"confirmation": "is not the customer's: type Customer 5"}
    assert manual_hub.get(f"/api/customers/{customer_id}")["id"] == customer_id
    _erase(manual_hub, customer_id)
    manual_hub.get(f"/api/customers/{customer_id}", 404)


def test_others_keep_what_is_theirs(manual_hub: ManualHub, bot: str) -> None:
    """Also a file with the same content."""
    gives(manual_hub)
    paths = {chat: _sends_picture(manual_hub, bot, chat) for chat in (5, OTHER_CHAT)}
    manual_hub.tick()
    assert [content["references"] for content in manual_hub.documents("stored_contents")] == [2]
    erasure_id = _erase(manual_hub, _customer_of(manual_hub, 5))
    _tick(manual_hub)
    assert _state(manual_hub, erasure_id) == "finished"
    assert read(manual_hub, paths[OTHER_CHAT]) == (200, PNG)
    assert read(manual_hub, paths[5])[0] == 404
    assert {each.author_id for each in manual_hub.messages()} == {str(OTHER_CHAT)}


def test_what_is_being_sent_at_the_moment_is_waited_for(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.writes(bot, "hello")
    conversation = manual_hub.conversation()
    sent = manual_hub.say(conversation.id, "hi")["message"]["id"]
    due_at = manual_hub.deps.now().replace(year=2100)
    claimed: dict[str, Any] = {"status": OutboxStatus.SENDING.value, "due_at": due_at, "open": True}
    manual_hub.store.commit([Merge(Ref("outbox", sent), claimed)])
    erasure_id = _erase(manual_hub, conversation.customer_id)
    sweep(manual_hub.deps)
    manual_hub.wait(minutes=2)
    assert _state(manual_hub, erasure_id) == "running"
    assert [item["id"] for item in manual_hub.documents("outbox")] == [sent]
    manual_hub.store.commit([Merge(Ref("outbox", sent), {"status": OutboxStatus.SENT.value, "open": False})])
    _tick(manual_hub)
    assert _state(manual_hub, erasure_id) == "finished"
    assert manual_hub.documents("outbox") == []


def test_an_erasure_goes_on_where_it_was_cut_off(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.writes(bot, *(f"message {number}" for number in range(60)))
    count = len(manual_hub.documents("messages"))
    erasure_id = _erase(manual_hub, manual_hub.conversation().customer_id)

    def crash() -> None:
        raise StoreError("the process died")

    manual_hub.overlaps.store.after_commit("messages", crash)
    with pytest.raises(StoreError):
        manual_hub.tick()
    assert 0 < len([each for each in manual_hub.documents("messages") if "erased_at" in each]) < 60
    manual_hub.wait(minutes=6)
    _tick(manual_hub)
    report = manual_hub.get(f"/api/erasures/{erasure_id}")["report"]
    assert report["state"] == "finished"
    assert {each["place"]: each["count"] for each in report["erased"]}["messages"] == count


@pytest.mark.parametrize(
    "report", ["", "[]", "[" * 100_000, '{"a":' * 100_000, '{"a": "\\ud800"}', '{"a": ' + "[" * 900 + "]" * 900]
)
def test_what_is_no_report_is_refused_when_it_is_checked(manual_hub: ManualHub, report: str) -> None:
    refused = manual_hub.post("/api/erasures/check", {"report": report, "signature": "x"}, 400)
    assert "report" in refused["fields"]


def test_a_report_of_another_hub_is_not_genuine(manual_hub: ManualHub) -> None:
    for report in ("{}", '{"a": NaN}', '{"a": 1e999}', '{"a": ' + "9" * 4000 + "}"):
        assert manual_hub.post("/api/erasures/check", {"report": report, "signature": "é"}) == {"genuine": False}
