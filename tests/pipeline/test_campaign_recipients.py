"""Campaigns from the count of their audience to what became of each recipient."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import Campaign, CampaignStatus
from shared.domain.events import Topic
from shared.ports.store import Delete, Merge
from tests import refs
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply

SALE: dict[str, Any] = {"name": "Sale", "channels": ["TELEGRAM_BOT"], "message": "Sale!"}


@pytest.fixture
def people(manual_hub: ManualHub, bot: str) -> list[str]:
    """Three customers of a Telegram bot, who write from the chats 1 to 3."""
    for chat in (1, 2, 3):
        manual_hub.writes(bot, "hello", chat=chat)
    manual_hub.forget_owed()
    customer_ids = {each.external_user_id: each.customer_id for each in manual_hub.conversations()}
    return [customer_ids[str(chat)] for chat in (1, 2, 3)]


@pytest.fixture
def bot(manual_hub: ManualHub) -> str:
    return manual_hub.telegram()


def _campaign(hub: ManualHub, customer_ids: Sequence[str], **fields: Any) -> str:
    body = SALE | {"audience": {"customerIds": list(customer_ids)}} | fields
    return str(hub.post("/api/campaigns", body, 201)["id"])


def _launched(hub: ManualHub, customer_ids: Sequence[str], **fields: Any) -> str:
    campaign_id = _campaign(hub, customer_ids, **fields)
    assert hub.post(f"/api/campaigns/{campaign_id}/launch", {}, 202)["status"] in ("running", "scheduled")
    return campaign_id


def _read(hub: ManualHub, campaign_id: str) -> dict[str, Any]:
    campaign: dict[str, Any] = hub.get(f"/api/campaigns/{campaign_id}")
    return campaign


def _funnel(hub: ManualHub, campaign_id: str) -> dict[str, Any]:
    """The figures that are not zero."""
    return {name: number for name, number in _read(hub, campaign_id)["funnel"].items() if number}


def _states(hub: ManualHub, campaign_id: str, query: str = "") -> dict[str, tuple[str, str | None]]:
    """By customer: the state and its reason."""
    listed = hub.get(f"/api/campaigns/{campaign_id}/recipients{query}")["recipients"]
    return {each["customerId"]: (each["state"], each["reason"]) for each in listed}


def _sent_texts(hub: ManualHub) -> list[str]:
    return [request.json["text"] for request in hub.provider.to("/sendMessage")]


def _profile(hub: ManualHub, customer_id: str, **changes: Any) -> None:
    hub.patch(f"/api/customers/{customer_id}", changes)


def _at(moment: datetime) -> str:
    return moment.isoformat()


def test_the_events_of_a_campaign_from_its_count_to_an_answer(
    manual_hub: ManualHub, bot: str, people: list[str]
) -> None:
    hub, (ann, bob, eve) = manual_hub, people
    hub.writes(bot, "STOP", chat=3)
    hub.work()
    body = {"channels": ["TELEGRAM_BOT"], "message": "Sale!", "audience": {"customerIds": people}}
    counted = hub.post("/api/campaigns/audience", body)
    figures = {name: number for name, number in counted.items() if number}
    assert figures == {"total": 3, "examined": 3, "reachable": 2, "optedOut": 1}

    send_at = hub.deps.now() + timedelta(hours=1)
    campaign_id = _launched(hub, people, sendAt=_at(send_at))
    hub.new_realtime_events()
    hub.tick()
    assert (_read(hub, campaign_id)["status"], _funnel(hub, campaign_id)) == ("scheduled", {})
    hub.wait(hours=1)
    hub.tick()
    events = [name for name in hub.new_realtime_events() if name == "campaign-updated"]
    assert events == ["campaign-updated"] * 2, "when it begins, and when it is sent"
    assert _read(hub, campaign_id)["status"] == "finished"
    [listed] = hub.get("/api/campaigns")["campaigns"]
    assert (listed["contacts"], listed["accepted"]) == (3, 2)
    assert _states(hub, campaign_id) == {
        ann: ("sent", None),
        bob: ("sent", None),
        eve: ("skipped", "opted_out"),
    }
    assert _funnel(hub, campaign_id) == {"sent": 2, "skipped": 1, "skippedBy": {"opted_out": 1}}

    hub.writes(bot, "how much?", chat=1)
    hub.writes(bot, "STOP", chat=2)
    assert (_states(hub, campaign_id)[ann][0], _states(hub, campaign_id)[bob][0]) == ("answered", "opted_out")
    reached = {"sent": 2, "delivered": 2, "read": 2, "answered": 1, "optedOut": 1}
    assert _funnel(hub, campaign_id) == reached | {"skipped": 1, "skippedBy": {"opted_out": 1}}


def test_a_message_that_fails_says_why(manual_hub: ManualHub, people: list[str]) -> None:
    blocked = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
    manual_hub.provider.on("POST", "/sendMessage", Reply(403, blocked), times=1)
    campaign_id = _launched(manual_hub, people[:2])
    manual_hub.tick()
    states = sorted(_states(manual_hub, campaign_id).values())
    assert states[0][0] == "failed"
    assert "bot was blocked by the user" in str(states[0][1])
    assert _funnel(manual_hub, campaign_id) == {"sent": 1, "failed": 1}


def test_recipients_are_listed_in_pages_by_state_and_as_csv(manual_hub: ManualHub, people: list[str]) -> None:
    _profile(manual_hub, people[2], tags=["opted_out"])
    for customer_id, name in zip(people, ("Ann", "Bob"), strict=False):
        _profile(manual_hub, customer_id, name=name)
    campaign_id = _launched(manual_hub, people)
    manual_hub.tick()
    path = f"/api/campaigns/{campaign_id}/recipients"
    first = manual_hub.get(f"{path}?limit=2")
    rest = manual_hub.get(f"{path}?limit=2&cursor={first['nextCursor']}")
    listed = [each for page in (first, rest) for each in page["recipients"]]
    assert [each["customerId"] for each in listed] == people
    assert [each["customerName"] for each in listed] == ["Ann", "Bob", "Customer 3"]
    assert list(_states(manual_hub, campaign_id, "?state=skipped")) == [people[2]]
    answer = manual_hub.client.get(f"{path}.csv?limit=2", headers=manual_hub.headers)
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [(row["customerId"], row["customerName"], row["state"]) for row in rows] == [
        (people[0], "Ann", "sent"),
        (people[1], "Bob", "sent"),
    ]
    more = manual_hub.client.get(
        f"{path}.csv", query_string={"cursor": answer.headers["X-Next-Cursor"]}, headers=manual_hub.headers
    )
    [row] = csv.DictReader(io.StringIO(more.get_data(as_text=True)))
    assert (row["state"], row["reason"]) == ("skipped", "opted_out")


def test_each_customer_is_told_their_own_and_who_lacks_a_value_is_skipped(
    manual_hub: ManualHub, people: list[str]
) -> None:
    ann, bob, eve = people
    _profile(manual_hub, ann, name="Ann Lee", customFields={"city": "Bonn"})
    _profile(manual_hub, bob, name="Bob", customFields={"city": "Rio"})
    text = "Hello {{first_name}} in {{custom.city}}, {{email|no mail}}"
    counted = manual_hub.post(
        "/api/campaigns/audience",
        {"channels": ["TELEGRAM_BOT"], "message": text, "audience": {"customerIds": people}},
    )
    assert (counted["reachable"], counted["missingValue"]) == (2, 1)
    campaign_id = _launched(manual_hub, people, message=text)
    manual_hub.tick()
    assert sorted(_sent_texts(manual_hub)) == ["Hello Ann in Bonn, no mail", "Hello Bob in Rio, no mail"]
    assert _states(manual_hub, campaign_id)[eve] == ("skipped", "missing_value: custom.city")


def test_marks_in_a_customers_value_are_no_marks_of_the_campaign(manual_hub: ManualHub, people: list[str]) -> None:
    _profile(manual_hub, people[0], name="*Ann*")
    _launched(manual_hub, people[:1], message="**Hello** {{name}}", isMarkdown=True)
    manual_hub.tick()
    [sent] = [request.json for request in manual_hub.provider.to("/sendMessage")]
    assert sent["text"] == "Hello *Ann*"
    assert [(each["type"], each["offset"], each["length"]) for each in sent["entities"]] == [("bold", 0, 5)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"message": "Hello {{nmae}}"}, "message"),
        ({"message": "Hello {{1}}"}, "message"),
        ({"texts": {"TELEGRAM_BOT": "Hello {{name"}}, "settings"),
        (
            {"templates": {"WHATSAPP": {"name": "a_b", "language": "en", "parameters": ["{{who}}"]}}},
            "settings",
        ),
        *(
            ({"templates": {"WHATSAPP": {"name": "a_b", "language": "en", "parameters": [empty]}}}, "settings")
            for empty in ("", "{{name|}}", " {{name| }} {{custom.city|}}")
        ),
    ],
)
def test_placeholders_that_nobody_could_fill_are_refused_when_they_are_written(
    manual_hub: ManualHub, people: list[str], fields: dict[str, Any], field: str
) -> None:
    body = SALE | {"audience": {"customerIds": people}} | fields
    assert list(manual_hub.post("/api/campaigns", body, 400)["fields"]) == [field]
    campaign_id = _campaign(manual_hub, people)
    assert list(manual_hub.patch(f"/api/campaigns/{campaign_id}", fields, 400)["fields"]) == [field]


def test_a_campaign_is_changed_until_it_begins_and_not_afterwards(manual_hub: ManualHub, people: list[str]) -> None:
    later = manual_hub.deps.now() + timedelta(days=1)
    campaign_id = _launched(manual_hub, people[:1], sendAt=_at(later))
    path = f"/api/campaigns/{campaign_id}"
    changed = manual_hub.patch(path, {"message": "Big sale!", "sendAt": _at(later - timedelta(hours=23))})
    assert (changed["status"], changed["message"]) == ("scheduled", "Big sale!")
    manual_hub.wait(hours=1, seconds=1)
    manual_hub.tick()
    assert _sent_texts(manual_hub) == ["Big sale!"]
    manual_hub.patch(path, {"message": "Too late"}, 409)


def test_a_scheduled_campaign_without_a_time_is_a_draft_again(manual_hub: ManualHub, people: list[str]) -> None:
    campaign_id = _launched(manual_hub, people[:1], sendAt=_at(manual_hub.deps.now() + timedelta(days=1)))
    assert manual_hub.patch(f"/api/campaigns/{campaign_id}", {"sendAt": None})["status"] == "draft"
    manual_hub.wait(days=2)
    manual_hub.tick()
    assert _sent_texts(manual_hub) == []


def test_a_cancelled_campaign_is_never_sent(manual_hub: ManualHub, people: list[str]) -> None:
    campaign_id = _launched(manual_hub, people, sendAt=_at(manual_hub.deps.now() + timedelta(hours=1)))
    assert manual_hub.post(f"/api/campaigns/{campaign_id}/cancel", {})["status"] == "cancelled"
    manual_hub.wait(hours=2)
    manual_hub.tick()
    assert _sent_texts(manual_hub) == []
    for operation in ("launch", "resume", "pause"):
        manual_hub.post(f"/api/campaigns/{campaign_id}/{operation}", {}, 409)


def test_a_campaign_that_is_paused_while_it_is_sent_goes_on_where_it_stood(
    manual_hub: ManualHub, people: list[str]
) -> None:
    campaign_id = _launched(manual_hub, people)

    def pause() -> None:
        assert manual_hub.post(f"/api/campaigns/{campaign_id}/pause", {})["status"] == "paused"

    manual_hub.overlaps.store.before_commit("outbox", pause)
    manual_hub.tick()
    manual_hub.tick()
    assert len(_sent_texts(manual_hub)) == 1
    assert _read(manual_hub, campaign_id)["pauseReason"] == "by a person"
    assert manual_hub.post(f"/api/campaigns/{campaign_id}/resume", {})["status"] == "running"
    manual_hub.tick()
    assert len(_sent_texts(manual_hub)) == 3
    assert (_read(manual_hub, campaign_id)["status"], _funnel(manual_hub, campaign_id)) == ("finished", {"sent": 3})


def test_who_had_as_many_messages_as_the_cap_allows_is_skipped_until_its_days_are_over(
    manual_hub: ManualHub, people: list[str]
) -> None:
    manual_hub.patch("/api/settings", {"campaignCap": {"messages": 2, "days": 7}})
    for _ in range(2):
        _launched(manual_hub, people[:1])
        manual_hub.tick()
        manual_hub.wait(hours=1)
    capped = _launched(manual_hub, people[:2])
    manual_hub.tick()
    assert _states(manual_hub, capped) == {people[0]: ("skipped", "frequency_cap"), people[1]: ("sent", None)}
    manual_hub.wait(days=7)
    allowed = _launched(manual_hub, people[:1])
    manual_hub.tick()
    assert _funnel(manual_hub, allowed) == {"sent": 1}


def _quiet(hub: ManualHub, *, by_customer: bool = False) -> None:
    """Have it be quiet for the next hour, in UTC or for customers in Sao Paulo."""
    start = hub.deps.now() - timedelta(hours=1 + (3 if by_customer else 0))
    end = start + timedelta(hours=2)
    hours = {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}", "zone": "UTC", "byCustomer": by_customer}
    assert hub.patch("/api/settings", {"quietHours": hours})["quietHours"] == hours


def test_in_quiet_hours_a_campaign_waits(manual_hub: ManualHub, people: list[str]) -> None:
    _quiet(manual_hub)
    campaign_id = _launched(manual_hub, people)
    manual_hub.tick()
    assert (_read(manual_hub, campaign_id)["status"], _sent_texts(manual_hub)) == ("running", [])
    manual_hub.wait(hours=1)
    manual_hub.tick()
    assert (_read(manual_hub, campaign_id)["status"], len(_sent_texts(manual_hub))) == ("finished", 3)


def test_a_customer_whose_country_sleeps_waits_while_the_others_are_written_to(
    manual_hub: ManualHub, people: list[str]
) -> None:
    ann, bob, eve = people
    _profile(manual_hub, ann, phone="+5511988887777")
    _profile(manual_hub, bob, phone="+4915112345678")
    _quiet(manual_hub, by_customer=True)
    campaign_id = _launched(manual_hub, people)
    manual_hub.tick()
    assert _states(manual_hub, campaign_id) == {
        ann: ("waiting", None),
        bob: ("sent", None),
        eve: ("sent", None),
    }
    assert _read(manual_hub, campaign_id)["status"] == "running"
    manual_hub.tick()
    assert len(_sent_texts(manual_hub)) == 2
    manual_hub.wait(hours=1)
    manual_hub.tick()
    assert _funnel(manual_hub, campaign_id) == {"sent": 3}
    assert (_read(manual_hub, campaign_id)["status"], len(_sent_texts(manual_hub))) == ("finished", 3)


@pytest.mark.parametrize("is_lost", [False, True])
def test_who_waits_when_a_campaign_is_cancelled_is_skipped(
    manual_hub: ManualHub, people: list[str], is_lost: bool
) -> None:
    ann, bob, _ = people
    for customer_id in (ann, bob):
        _profile(manual_hub, customer_id, phone="+5511988887777")
    _quiet(manual_hub, by_customer=True)
    campaign_id = _launched(manual_hub, people)
    manual_hub.tick()
    manual_hub.post(f"/api/campaigns/{campaign_id}/cancel", {})
    if is_lost:
        manual_hub.forget_owed()
        manual_hub.tick()
    manual_hub.work()
    assert _funnel(manual_hub, campaign_id) == {"sent": 1, "skipped": 2, "skippedBy": {"cancelled": 2}}
    assert _states(manual_hub, campaign_id, "?state=skipped") == dict.fromkeys((ann, bob), ("skipped", "cancelled"))
    manual_hub.wait(hours=1)
    manual_hub.tick()
    manual_hub.work()
    manual_hub.new_events(Topic.OUTBOUND)
    manual_hub.tick()
    assert (len(_sent_texts(manual_hub)), manual_hub.new_events(Topic.OUTBOUND)) == (1, [])


def test_who_begins_to_wait_while_the_campaign_is_cancelled_is_skipped_too(
    manual_hub: ManualHub, people: list[str]
) -> None:
    for customer_id in people:
        _profile(manual_hub, customer_id, phone="+5511988887777")
    _quiet(manual_hub, by_customer=True)
    campaign_id = _launched(manual_hub, people)
    store = manual_hub.overlaps.store
    store.before_commit("campaign_recipients", lambda: manual_hub.post(f"/api/campaigns/{campaign_id}/cancel", {}))
    manual_hub.tick()
    manual_hub.wait(minutes=1)
    manual_hub.tick()
    manual_hub.work()
    assert _funnel(manual_hub, campaign_id) == {"skipped": 1, "skippedBy": {"cancelled": 1}}
    assert store.all_happened


def test_very_many_that_are_due_in_one_tenant_hold_up_no_other_one(manual_hub: ManualHub, people: list[str]) -> None:
    now = manual_hub.deps.now()
    unit = UnitOfWork(manual_hub.deps.store)
    for number in range(2001):
        campaign = Campaign(
            id=f"overdue {number}",
            tenant_id="busy",
            name="Never",
            channels=[],
            status=CampaignStatus.SCHEDULED,
            send_at=now - timedelta(days=1, seconds=number),
            advanced_at=now,
            created_at=now,
            updated_at=now,
        )
        unit.campaigns.add(campaign)
    unit.commit()
    campaign_id = _launched(manual_hub, people, sendAt=_at(now + timedelta(minutes=1)))
    manual_hub.wait(minutes=1)
    manual_hub.tick()
    manual_hub.tick()
    assert (_read(manual_hub, campaign_id)["status"], len(_sent_texts(manual_hub))) == ("finished", 3)
    manual_hub.tick()
    looked_at = manual_hub.documents("campaigns", tenant_id="busy", status="paused")
    assert len(looked_at) > 10  # the next sweep has gone on with the oldest ones


def test_an_account_whose_id_looks_like_a_number_lives_in_no_country(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.writes(bot, "hello", chat=5511988887777)
    [conversation] = manual_hub.conversations()
    _quiet(manual_hub, by_customer=True)
    campaign_id = _launched(manual_hub, [conversation.customer_id])
    manual_hub.tick()
    assert _funnel(manual_hub, campaign_id) == {"sent": 1}


def test_who_becomes_part_of_another_recipient_while_they_wait_gets_one_message(
    manual_hub: ManualHub, people: list[str]
) -> None:
    ann, bob, _ = people
    for customer_id in (ann, bob):
        _profile(manual_hub, customer_id, phone="+5511988887777")
    _quiet(manual_hub, by_customer=True)
    campaign_id = _launched(manual_hub, [ann, bob])
    manual_hub.tick()
    assert _funnel(manual_hub, campaign_id) == {"waiting": 2}
    manual_hub.post(f"/customers/{ann}/merge", {"source_id": bob})
    manual_hub.wait(hours=1)
    manual_hub.tick()
    assert _funnel(manual_hub, campaign_id) == {"sent": 1, "skipped": 1, "skippedBy": {"merged": 1}}
    assert (_read(manual_hub, campaign_id)["status"], len(_sent_texts(manual_hub))) == ("finished", 1)


def test_a_customer_who_is_gone_while_they_wait_holds_up_nothing(manual_hub: ManualHub, people: list[str]) -> None:
    _profile(manual_hub, people[0], phone="+5511988887777")
    _quiet(manual_hub, by_customer=True)
    campaign_id = _launched(manual_hub, people[:1])
    manual_hub.tick()
    manual_hub.store.commit([Delete(refs.customer(people[0]))])
    manual_hub.wait(hours=1)
    manual_hub.tick()
    assert (_read(manual_hub, campaign_id)["status"], _sent_texts(manual_hub)) == ("finished", [])


def test_blocked_customers_and_those_without_an_address_are_skipped_and_counted_before(
    manual_hub: ManualHub, people: list[str]
) -> None:
    manual_hub.post("/api/access/rules", {"effect": "block", "kind": "address", "value": "1"}, 201)
    nowhere = manual_hub.post("/api/customers", {"name": "Joe"}, 201)["id"]
    everybody = [people[0], people[1], nowhere]
    body = {"channels": ["TELEGRAM_BOT"], "message": "Sale!", "audience": {"customerIds": everybody}}
    counted = manual_hub.post("/api/campaigns/audience", body)
    assert (counted["reachable"], counted["blocked"], counted["noAddress"]) == (1, 1, 1)
    campaign_id = _launched(manual_hub, everybody)
    manual_hub.tick()
    assert _states(manual_hub, campaign_id) == {
        people[0]: ("skipped", "blocked"),
        people[1]: ("sent", None),
        nowhere: ("skipped", "no_address"),
    }


def test_an_audience_counts_each_customer_once_among_the_examined(manual_hub: ManualHub, people: list[str]) -> None:
    _profile(manual_hub, people[0], tags=["vip", "new"])
    audience = {"tags": ["vip", "new"], "customerIds": [people[0], "nobody"]}
    body = {"channels": ["TELEGRAM_BOT"], "message": "Sale!", "audience": audience}
    counted = manual_hub.post("/api/campaigns/audience", body)
    assert (counted["total"], counted["examined"], counted["reachable"]) == (4, 1, 1)


def test_answers_are_those_to_the_campaign_also_after_a_merge(
    manual_hub: ManualHub, bot: str, people: list[str]
) -> None:
    campaign_id = _launched(manual_hub, people[:1])
    manual_hub.tick()
    manual_hub.post(f"/customers/{people[1]}/merge", {"source_id": people[0]})
    manual_hub.writes(bot, "how much?", chat=1)
    assert _funnel(manual_hub, campaign_id)["answered"] == 1


def test_a_customer_who_became_part_of_another_is_capped_as_one_person(
    manual_hub: ManualHub, people: list[str]
) -> None:
    manual_hub.patch("/api/settings", {"campaignCap": {"messages": 1, "days": 7}})
    _launched(manual_hub, people[:1])
    manual_hub.tick()
    manual_hub.post(f"/customers/{people[1]}/merge", {"source_id": people[0]})
    campaign_id = _launched(manual_hub, people[1:2])
    manual_hub.tick()
    assert _states(manual_hub, campaign_id) == {people[1]: ("skipped", "frequency_cap")}


def test_what_one_tenant_has_said_is_unknown_to_another(manual_hub: ManualHub, people: list[str]) -> None:
    campaign_id = _campaign(manual_hub, people)
    manual_hub.register("other@example.com")
    for path in (f"/api/campaigns/{campaign_id}", f"/api/campaigns/{campaign_id}/recipients"):
        assert manual_hub.client.get(path, headers=manual_hub.headers).status_code == 404
    body = {"channels": ["TELEGRAM_BOT"], "message": "Sale!", "audience": {"customerIds": people}}
    assert manual_hub.post("/api/campaigns/audience", body)["examined"] == 0


def test_figures_of_messages_from_before_are_still_shown(manual_hub: ManualHub, people: list[str]) -> None:
    """Campaigns of former versions have no recipients."""
    campaign_id = _campaign(manual_hub, people)
    manual_hub.store.commit([Merge(refs.campaign(campaign_id), {"status": "finished", "total_sent": 7})])
    assert manual_hub.get(f"/campaigns/{campaign_id}/omnichannel")["metrics"]["total_sent"] == 7


def test_a_customer_for_whom_nothing_is_left_to_say_is_skipped_and_keeps_nobody_else_waiting(
    manual_hub: ManualHub, people: list[str]
) -> None:
    _profile(manual_hub, people[1], customFields={"city": "Lisbon"})
    campaign_id = _launched(manual_hub, people[:2], message="{{custom.city|}}")
    another_id = _launched(manual_hub, people[2:])
    manual_hub.tick()
    assert _states(manual_hub, campaign_id) == {
        people[0]: ("skipped", "missing_value: message"),
        people[1]: ("sent", None),
    }
    assert sorted(_sent_texts(manual_hub)) == ["Lisbon", "Sale!"]
    assert _read(manual_hub, another_id)["status"] == "finished"


def test_a_campaign_that_cannot_be_read_keeps_no_other_one_from_being_sent(
    manual_hub: ManualHub, people: list[str]
) -> None:
    broken_id, campaign_id = _launched(manual_hub, people[:1]), _launched(manual_hub, people[1:])
    manual_hub.deps.store.commit([Merge(refs.campaign(broken_id), {"settings": "{"})])
    launched_at = manual_hub.deps.now()
    manual_hub.tick()
    assert _read(manual_hub, campaign_id)["status"] == "finished"
    [broken] = manual_hub.documents("campaigns", id=broken_id)
    assert broken["advanced_at"] > launched_at, "others go first the next time"


_STATES_OF_CAMPAIGNS = ("draft", "scheduled", "running", "paused", "finished", "cancelled")


@pytest.mark.parametrize(
    ("command", "done", "becomes"),
    [
        ("launch", 202, ("running", "scheduled", "running", None, None, None)),
        ("pause", 200, (None, "paused", "paused", "paused", None, None)),
        ("resume", 200, (None, None, "running", "running", None, None)),
        ("cancel", 200, ("cancelled", "cancelled", "cancelled", "cancelled", None, "cancelled")),
    ],
)
def test_what_a_command_makes_of_a_campaign_in_each_state(
    manual_hub: ManualHub, people: list[str], command: str, done: int, becomes: tuple[str | None, ...]
) -> None:
    for state, after in zip(_STATES_OF_CAMPAIGNS, becomes, strict=True):
        campaign_id = _campaign(manual_hub, people)
        stored = {"status": state, "pause_reason": "tired" if state == "paused" else None}
        manual_hub.store.commit([Merge(refs.campaign(campaign_id), stored)])
        answer = manual_hub.post(f"/api/campaigns/{campaign_id}/{command}", {}, done if after else 409)
        campaign = _read(manual_hub, campaign_id)
        assert campaign["status"] == (after or state), (state, answer)
        reason = {"cancel": stored["pause_reason"], "resume": None}.get(command, campaign["pauseReason"])
        assert campaign["pauseReason"] == reason, state
        if state == "paused" and command in ("launch", "pause"):
            assert campaign["pauseReason"] == "tired", "who paused it first is named"


def test_a_paused_campaign_whose_time_has_not_come_is_scheduled_again(manual_hub: ManualHub, people: list[str]) -> None:
    campaign_id = _launched(manual_hub, people, sendAt=_at(manual_hub.deps.now() + timedelta(hours=1)))
    manual_hub.post(f"/api/campaigns/{campaign_id}/pause", {})
    before = _read(manual_hub, campaign_id)
    manual_hub.wait(minutes=1)
    assert manual_hub.post(f"/api/campaigns/{campaign_id}/resume", {})["status"] == "scheduled"
    after = _read(manual_hub, campaign_id)
    assert (after["pauseReason"], after["updatedAt"] > before["updatedAt"]) == (None, True)
    manual_hub.wait(hours=1)
    manual_hub.tick()
    assert len(_sent_texts(manual_hub)) == 3
