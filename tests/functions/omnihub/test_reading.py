"""What the tools for Omni servers read: chats, contacts, and what became of messages, in the words of their models."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel, TypeAdapter

from shared.domain.accounts import Role
from shared.usecases.overview import traces
from shared.usecases.overview.traces import TraceFilter
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply

CHANNEL = "support"


class ToolChat(BaseModel):
    id: str
    name: str
    chat_type: Literal["direct", "group", "channel", "thread"]
    channel_type: str
    instance_name: str
    is_archived: bool
    channel_data: dict[str, Any]


class ToolContact(BaseModel):
    id: str
    name: str
    channel_type: str
    instance_name: str
    status: Literal["online", "offline", "away", "dnd", "unknown"]
    channel_data: dict[str, Any]


class ToolTrace(BaseModel):
    trace_id: str
    instance_name: str
    sender_phone: str
    status: Literal["received", "processing", "agent_called", "completed", "failed"]
    received_at: datetime
    message_type: str | None = None
    has_media: bool = False
    error_message: str | None = None
    total_processing_time_ms: int | None = None
    evolution_success: bool | None = None


class ToolPayload(BaseModel):
    id: int
    trace_id: str
    stage: Literal["webhook_received", "agent_request", "agent_response", "evolution_send"]
    payload_type: Literal["webhook", "request", "response"]
    timestamp: datetime
    payload: dict[str, Any] | None = None


class ToolSummary(BaseModel):
    total_messages: int
    successful_messages: int
    failed_messages: int
    success_rate: float
    message_types: dict[str, int]
    error_stages: dict[str, int]
    instances: dict[str, int]
    avg_processing_time_ms: float | None = None


@pytest.fixture
def support(manual_hub: ManualHub) -> ManualHub:
    """A hub to whose bot five customers have written, one minute after the other; the first one was answered."""
    channel = manual_hub.telegram(CHANNEL)
    for chat in range(1, 6):
        manual_hub.customer_writes(channel, f"hello {chat}", chat=chat)
        manual_hub.work()
    first = next(each for each in manual_hub.conversations() if each.external_user_id == "1")
    manual_hub.say(first.id, "Hi")
    manual_hub.work()
    return manual_hub


def _chats(hub: ManualHub, query: str = "") -> Any:
    return hub.get(f"/api/v1/instances/{CHANNEL}/chats{query}")


def _contacts(hub: ManualHub, query: str = "") -> Any:
    return hub.get(f"/api/v1/instances/{CHANNEL}/contacts{query}")


def _traces(hub: ManualHub, query: str = "") -> list[ToolTrace]:
    return TypeAdapter(list[ToolTrace]).validate_python(hub.get(f"/api/v1/traces{query}"))


def test_chats_are_listed_the_latest_message_first(support: ManualHub) -> None:
    listed = _chats(support)
    chats = TypeAdapter(list[ToolChat]).validate_python(listed["chats"])
    assert [chat.name for chat in chats] == [f"Customer {number}" for number in (1, 5, 4, 3, 2)]
    assert [chat.channel_data["address"] for chat in chats] == ["1", "5", "4", "3", "2"]
    assert (listed["total_count"], listed["has_more"], listed["instance_name"]) == (5, False, CHANNEL)
    assert (listed["channel_type"], listed["partial_errors"]) == ("telegram_bot", [])


@pytest.mark.parametrize(("path", "kind"), [(_chats, "chats"), (_contacts, "contacts")], ids=["chats", "contacts"])
def test_pages_have_numbers(support: ManualHub, path: Any, kind: str) -> None:
    pages = [path(support, f"?page={page}&page_size=2") for page in (1, 2, 3, 4)]
    assert [len(page[kind]) for page in pages] == [2, 2, 1, 0]
    assert [page["has_more"] for page in pages] == [True, True, False, False]
    assert {page["total_count"] for page in pages} == {5}
    assert [page["page"] for page in pages] == [1, 2, 3, 4]
    assert len({item["id"] for page in pages for item in page[kind]}) == 5
    assert not path(support, "?page_size=5")["has_more"]


def test_a_closed_conversation_is_an_archived_chat(support: ManualHub) -> None:
    support.set_status(support.conversations()[0].id, "resolved")
    archived, others = _chats(support, "?archived=true"), _chats(support, "?archived=false")
    assert [chat["is_archived"] for chat in archived["chats"]] == [True]
    assert (archived["total_count"], others["total_count"]) == (1, 4)
    assert not any(chat["is_archived"] for chat in others["chats"])


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?chat_type_filter=direct", 5),
        ("?chat_type_filter=group", 0),
        ("?chat_type_filter=thread", 0),
        ("?channel_type=telegram-bot", 5),
        ("?channel_type=whatsapp", 0),
    ],
)
def test_chats_of_a_kind_are_listed_alone(support: ManualHub, query: str, count: int) -> None:
    listed = _chats(support, query)
    assert (len(listed["chats"]), listed["total_count"]) == (count, count)


def test_a_group_is_a_chat_of_its_kind(support: ManualHub) -> None:
    update = support.update(-100, "/start@the_bot")
    update["message"]["chat"] = {"id": -100, "type": "supergroup", "title": "Team"}
    channel = support.get("/api/channels")[0]["id"]
    support.deliver_update(channel, update)
    support.work()
    (chat,) = _chats(support, "?chat_type_filter=GROUP&archived=false")["chats"]
    assert (chat["name"], chat["chat_type"]) == ("Team", "group")


def test_one_chat_is_read_by_its_id(support: ManualHub) -> None:
    listed = _chats(support)["chats"][0]
    assert support.get(f"/api/v1/instances/{CHANNEL}/chats/{listed['id']}") == listed
    support.get(f"/api/v1/instances/{CHANNEL}/chats/nothing", 404)
    support.telegram("other")
    support.get(f"/api/v1/instances/other/chats/{listed['id']}", 404)


def test_contacts_are_listed_and_read_by_the_address_that_one_sends_to(support: ManualHub) -> None:
    contacts = TypeAdapter(list[ToolContact]).validate_python(_contacts(support)["contacts"])
    assert [contact.id for contact in contacts] == ["5", "4", "3", "2", "1"]
    assert {contact.status for contact in contacts} == {"unknown"}
    one = contacts[0]
    for key in (one.id, one.channel_data["customer_id"]):
        assert support.get(f"/api/v1/instances/{CHANNEL}/contacts/{key}")["name"] == "Customer 5"
    for nobody in ("4711", "no address at all"):
        support.get(f"/api/v1/instances/{CHANNEL}/contacts/{nobody}", 404)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?search_query=CUSTOMER 3", ["Customer 3"]),
        ("?search_query=nobody", []),
        ("?status_filter=online", []),
        ("?status_filter=unknown&page_size=1", ["Customer 5"]),
        ("?channel_type=slack", []),
    ],
)
def test_contacts_are_searched(support: ManualHub, query: str, names: list[str]) -> None:
    assert [contact["name"] for contact in _contacts(support, query)["contacts"]] == names


def test_traces_tell_what_became_of_each_message_newest_first(support: ManualHub) -> None:
    traces = _traces(support)
    assert [trace.sender_phone for trace in traces] == ["5", "4", "3", "2", "1"]
    assert {trace.instance_name for trace in traces} == {CHANNEL}
    assert [trace.status for trace in traces] == ["processing"] * 4 + ["completed"]
    answered = traces[-1]
    assert answered.evolution_success
    assert answered.total_processing_time_ms is not None


def test_a_trace_whose_answer_could_not_be_sent_has_failed(support: ManualHub) -> None:
    support.provider.on("POST", "/sendMessage", Reply(403, {"ok": False, "error_code": 403, "description": "blocked"}))
    session = next(each for each in support.conversations() if each.external_user_id == "2")
    support.say(session.id, "Hi")
    support.work()
    (failed,) = _traces(support, "?trace_status=FAILED")
    assert (failed.sender_phone, "blocked" in str(failed.error_message)) == ("2", True)
    summary = ToolSummary.model_validate(support.get("/api/v1/traces/analytics/summary"))
    assert (summary.total_messages, summary.successful_messages, summary.failed_messages) == (5, 1, 1)
    assert (summary.success_rate, summary.error_stages) == (50.0, {"evolution_send": 1})
    assert (summary.message_types, summary.instances) == ({"text": 5}, {CHANNEL: 5})


@pytest.mark.parametrize(
    ("query", "phones"),
    [
        ("?phone=3", ["3"]),
        ("?sender_phone=%2B3", ["3"]),
        ("?status=completed", ["1"]),
        ("?trace_status=processing&limit=2", ["5", "4"]),
        ("?limit=2&offset=2", ["3", "2"]),
        ("?has_media=true", []),
        ("?message_type=text&limit=1", ["5"]),
        ("?session_name=support-4", ["4"]),
        ("?start_date=2020-01-01T00:00:00&end_date=2020-01-02T00:00:00", []),
        ("?end_date=2020-01-02T00:00:00", []),
        ("?all_time=true&limit=1", ["5"]),
        (f"?instance_name={CHANNEL}&limit=1", ["5"]),
    ],
)
def test_traces_are_narrowed(support: ManualHub, query: str, phones: list[str]) -> None:
    assert [trace.sender_phone for trace in _traces(support, query)] == phones


@pytest.mark.parametrize("query", ["end_date=9999-12-31T23:59:59-12:00", "start_date=0001-01-01T00:00:00%2B12:00"])
def test_a_time_that_is_in_no_year_of_utc_is_refused(support: ManualHub, query: str) -> None:
    for path in ("/api/v1/traces", "/api/v1/traces/analytics/summary"):
        assert "years 1 to 9999" in str(support.get(f"{path}?{query}", 400))


def test_traces_of_the_last_day_are_listed_unless_more_is_asked_for(support: ManualHub) -> None:
    support.wait(hours=30)
    assert _traces(support) == []
    assert len(_traces(support, "?all_time=true")) == 5
    assert [trace.sender_phone for trace in _traces(support, "/phone/3")] == ["3"]


def test_the_newest_traces_are_those_of_all_conversations_together(support: ManualHub) -> None:
    channel = support.get("/api/channels")[0]["id"]
    support.wait(hours=23)
    update = support.update(1, "again")
    update["message"]["date"] += 23 * 3600
    support.deliver_update(channel, update)
    support.work()
    traces = support.get("/api/v1/traces?limit=3")
    assert [trace["sender_phone"] for trace in traces] == ["1", "5", "4"]
    support.wait(hours=2)
    assert [trace["trace_id"] for trace in support.get("/api/v1/traces")] == [traces[0]["trace_id"]]


def test_a_look_for_traces_that_do_not_fit_comes_to_an_end(support: ManualHub) -> None:
    def phones(most_messages: int, phone: str | None = None) -> list[str]:
        fitting = traces.newest(
            support.deps, support.tenant_id, TraceFilter(phone=phone), 10, most_messages=most_messages
        )
        return [trace.sender_phone for trace in fitting]

    assert phones(3) == ["5", "1"], "a question and its answer, then the next conversation"
    assert (phones(3, "4"), phones(4, "4")) == ([], ["4"])


def test_traces_of_another_instance_are_not_among_them(support: ManualHub) -> None:
    other = support.telegram("other")
    support.customer_writes(other, "hello", chat=9)
    support.work()
    assert [trace.sender_phone for trace in _traces(support, "?instance_name=other")] == ["9"]
    support.get("/api/v1/traces?instance_name=nothing", 404)


def test_a_conversation_is_traced_by_the_session_that_a_trace_names(support: ManualHub) -> None:
    session = support.get("/api/v1/traces?limit=1")[0]["agent_session_id"]
    assert [trace.sender_phone for trace in _traces(support, f"?agent_session_id={session}")] == ["5"]


def test_one_trace_is_read_with_its_steps_and_the_first_answer(support: ManualHub) -> None:
    session = next(each for each in support.conversations() if each.external_user_id == "1")
    support.say(session.id, "Anything else?")
    support.work()
    listed = support.get("/api/v1/traces")[-1]
    assert support.get(f"/api/v1/traces/{listed['trace_id']}") == listed
    for include, texts in (("false", [None, None]), ("true", ["hello 1", "Hi"])):
        steps = support.get(f"/api/v1/traces/{listed['trace_id']}/payloads?include_payload={include}")
        payloads = TypeAdapter(list[ToolPayload]).validate_python(steps)
        assert [payload.stage for payload in payloads] == ["webhook_received", "evolution_send"]
        assert [payload.payload and payload.payload["text"] for payload in payloads] == texts
    support.get("/api/v1/traces/nothing", 404)


def test_cleaning_up_deletes_no_message(support: ManualHub) -> None:
    dry = support.client.delete("/api/v1/traces/cleanup?days_old=30&dry_run=true", headers=support.headers).json
    done = support.client.delete("/api/v1/traces/cleanup?days_old=1&dry_run=false", headers=support.headers).json
    assert (dry["status"], dry["traces_to_delete"]) == ("dry_run", 0)  # type: ignore[index]
    assert (done["status"], done["traces_deleted"]) == ("completed", 0)  # type: ignore[index]
    assert len(support.messages()) == 6


PATHS = [
    f"/api/v1/instances/{CHANNEL}/chats",
    f"/api/v1/instances/{CHANNEL}/contacts",
    "/api/v1/traces",
    "/api/v1/traces/analytics/summary",
    "/api/v1/traces/phone/1",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_viewer_reads_and_another_tenant_sees_nothing(support: ManualHub, path: str) -> None:
    support.headers = key_for(support.deps, support.tenant_id, Role.VIEWER)
    support.get(path)
    chat = support.conversations()[0].id
    trace = support.messages()[0].id
    support.headers = key_for(support.deps, "other")
    if "instances" in path:
        support.get(path, 404)
    else:
        assert support.get(path) == [] or support.get(path)["total_messages"] == 0
    support.get(f"/api/v1/instances/{CHANNEL}/chats/{chat}", 404)
    support.get(f"/api/v1/traces/{trace}", 404)
