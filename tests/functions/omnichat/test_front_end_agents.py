"""OmniChat's own front end: its pages of agents, and who answers on a channel, request by request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from pydantic import SecretStr

from shared.domain.accounts import Role
from shared.domain.messages import Direction
from shared.ports.store import Delete, Ref
from shared.usecases.agents.knowledge import LARGEST, MOST_CHARACTERS, MOST_FILES
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub, seen_from
from tests.stubs import Reply

PORTRAIT = {
    "agentDef": {"slug": "ada", "avatar": "/ada.png", "role": "Sales", "expertise": ["cats"], "bias": {"a": [1]}}
}
BUILT_IN = {"name": "Ada", "prompt": "You sell cats.", "toolConfig": PORTRAIT, "status": "ACTIVE"}


def _new_agent(hub: ManualHub, **fields: Any) -> Any:
    return hub.post("/api/agents", BUILT_IN | fields, 201)


def test_an_agent_that_is_saved_comes_back_with_its_portrait(manual_hub: ManualHub) -> None:
    answer = _new_agent(manual_hub)
    assert answer["ok"] is True
    assert answer["agent"]["toolConfig"] == PORTRAIT
    assert {name: answer[name] for name in answer["agent"]} == answer["agent"]
    page = manual_hub.get("/api/agents")
    assert (page["ok"], page["agents"]) == (True, [answer["agent"]])


def test_an_agent_that_is_changed_keeps_what_was_not_sent(manual_hub: ManualHub) -> None:
    agent = _new_agent(manual_hub)["id"]
    new = {"agentDef": {"slug": "ada", "avatar": "/other.png"}}
    answer = manual_hub.patch(f"/api/agents/{agent}", {"name": "Ada", "prompt": "Sell dogs.", "toolConfig": new})
    assert (answer["ok"], answer["agent"]["toolConfig"], answer["agent"]["prompt"]) == (True, new, "Sell dogs.")
    assert manual_hub.patch(f"/api/agents/{agent}", {"name": "Eve"})["toolConfig"] == new
    assert manual_hub.patch(f"/api/agents/{agent}", {"toolConfig": None})["toolConfig"] is None


def test_all_built_in_agents_are_saved_at_once_and_shown_in_one_list(manual_hub: ManualHub) -> None:
    oldest = _new_agent(manual_hub, name="First")["id"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: _new_agent(manual_hub, name=f"Agent {number}"), range(59)))
    agents = manual_hub.get("/api/agents")["agents"]
    assert len(agents) == 60
    manual_hub.writes(manual_hub.telegram(), "hello")
    manual_hub.work()
    assert [message.author_id for message in manual_hub.messages(Direction.OUTBOUND)] == [oldest]


@pytest.mark.parametrize(
    ("fields", "active", "status"),
    [
        ({"status": "ACTIVE"}, True, "ACTIVE"),
        ({"status": "inactive"}, False, "INACTIVE"),
        ({"status": None, "active": False}, False, "INACTIVE"),
        ({"status": None}, True, "ACTIVE"),
    ],
)
def test_an_agents_status_is_whether_it_is_active(
    manual_hub: ManualHub, fields: dict[str, Any], active: bool, status: str
) -> None:
    agent = _new_agent(manual_hub, **fields)
    assert (agent["active"], agent["status"]) == (active, status)
    changed = manual_hub.patch(f"/api/agents/{agent['id']}", {"status": "INACTIVE"})
    assert (changed["active"], changed["status"]) == (False, "INACTIVE")


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "ACTIVE", "active": True},
        {"status": "PAUSED"},
        {"toolConfig": "text"},
        {"toolConfig": {"text": "x" * 70_000}},
        {"apiKey": "sk-1"},
    ],
)
def test_what_an_agent_cannot_have_is_refused(manual_hub: ManualHub, fields: dict[str, Any]) -> None:
    manual_hub.post("/api/agents", BUILT_IN | fields, 400)


def test_a_deleted_agent_answers_in_json(manual_hub: ManualHub) -> None:
    agent = _new_agent(manual_hub)["id"]
    assert manual_hub.client.delete(f"/api/agents/{agent}", headers=manual_hub.headers).json == {"ok": True}


def _binding(hub: ManualHub, channel: str) -> Any:
    answer = hub.get(f"/api/channels/{channel}/agent-binding")
    assert answer["ok"] is True
    return answer["binding"]


def _bind(hub: ManualHub, channel: str, status: int = 200, **body: Any) -> Any:
    return hub.patch(f"/api/channels/{channel}/agent-binding", body, status)


def test_the_binding_of_a_channel_is_remembered(manual_hub: ManualHub) -> None:
    channel, agent = manual_hub.telegram(), _new_agent(manual_hub)["id"]
    assert _binding(manual_hub, channel) is None
    _bind(manual_hub, channel, agentId=agent, behavior="faq", autoReply=True)
    assert _binding(manual_hub, channel) == {"agentId": agent, "behavior": "faq", "autoReply": True}
    _bind(manual_hub, channel, autoReply=False)
    assert _binding(manual_hub, channel) == {"agentId": agent, "behavior": "faq", "autoReply": False}
    for nobody in (None, ""):
        _bind(manual_hub, channel, agentId=agent)
        _bind(manual_hub, channel, agentId=nobody)
        assert _binding(manual_hub, channel)["agentId"] is None


def _answers(hub: ManualHub, channel: str) -> list[str | None]:
    hub.writes(channel, "hello")
    hub.work()
    return [message.author_id for message in hub.messages(Direction.OUTBOUND)]


def test_the_agent_that_a_channel_is_bound_to_answers_there_and_nowhere_else(manual_hub: ManualHub) -> None:
    usual, bound = _new_agent(manual_hub)["id"], _new_agent(manual_hub, name="Eve")["id"]
    channel, other = manual_hub.telegram(), manual_hub.telegram("Other")
    _bind(manual_hub, channel, agentId=bound)
    assert _answers(manual_hub, channel) == [bound]
    manual_hub.writes(other, "hello", chat=6)
    manual_hub.work()
    assert {message.author_id for message in manual_hub.messages(Direction.OUTBOUND)} == {usual, bound}


def test_a_channel_that_is_switched_off_is_silent(manual_hub: ManualHub) -> None:
    agent, channel = _new_agent(manual_hub)["id"], manual_hub.telegram()
    _bind(manual_hub, channel, agentId=agent, autoReply=False)
    assert _answers(manual_hub, channel) == []
    _bind(manual_hub, channel, autoReply=True)
    assert _answers(manual_hub, channel) == [agent]


def test_an_agent_that_was_chosen_for_one_conversation_answers_there_all_the_same(manual_hub: ManualHub) -> None:
    bound, chosen = _new_agent(manual_hub)["id"], _new_agent(manual_hub, name="Eve")["id"]
    channel = manual_hub.telegram()
    _bind(manual_hub, channel, agentId=bound, autoReply=False)
    manual_hub.writes(channel, "hello")
    conversation = manual_hub.conversation()
    manual_hub.patch(f"/api/conversations/{conversation.id}/auto-reply", {"enabled": True, "agentId": chosen})
    assert _answers(manual_hub, channel) == [chosen]


@pytest.mark.parametrize("kind", ["human", None])
def test_a_channel_is_bound_to_an_ai_agent_of_the_tenant_only(manual_hub: ManualHub, kind: str | None) -> None:
    agent = _new_agent(manual_hub, kind=kind)["id"] if kind else "nobody"
    assert list(_bind(manual_hub, manual_hub.telegram(), 400, agentId=agent)["fields"]) == ["agentId"]


def test_another_tenants_channel_is_not_bound(manual_hub: ManualHub) -> None:
    path = f"/api/channels/{manual_hub.telegram()}/agent-binding"
    stranger = key_for(manual_hub.deps, "globex", Role.OWNER)
    assert manual_hub.client.get(path, headers=stranger).status_code == 404
    assert manual_hub.client.patch(path, json={"autoReply": False}, headers=stranger).status_code == 404


def _upload(hub: ManualHub, agent: str, content: bytes, name: str = "prices.txt", status: int = 201) -> Any:
    sent = {"file": (BytesIO(content), name)}
    answer = hub.client.post(f"/api/agents/{agent}/knowledge/files", data=sent, headers=hub.headers)
    assert answer.status_code == status, answer.text
    return answer.json


def test_files_of_an_agent_are_uploaded_listed_and_deleted(manual_hub: ManualHub) -> None:
    agent = _new_agent(manual_hub)["id"]
    path = f"/api/agents/{agent}/knowledge/files"
    assert manual_hub.get(path) == []
    first = _upload(manual_hub, agent, "A cat costs 5 €.".encode())
    second = _upload(manual_hub, agent, b"Closed on Mondays.", "hours.md")
    assert (first["fileName"], first["fileSize"]) == ("prices.txt", 18)
    assert manual_hub.get(path) == [first, second]
    for expected in (200, 404):
        answer = manual_hub.client.delete(f"{path}/{first['id']}", headers=manual_hub.headers)
        assert answer.status_code == expected
    assert manual_hub.get(path) == [second]
    assert [text["text"] for text in manual_hub.documents("knowledge_texts")] == ["Closed on Mondays."]
    manual_hub.client.delete(f"/api/agents/{agent}", headers=manual_hub.headers)
    assert manual_hub.documents("knowledge_texts") == []


@pytest.mark.parametrize("content", [b"", b" \n", b"%PDF-1.7 \xff\xfe", b"a\0b", b"x" * (LARGEST + 1)])
def test_what_no_agent_can_read_is_refused(manual_hub: ManualHub, content: bytes) -> None:
    agent = _new_agent(manual_hub)["id"]
    assert list(_upload(manual_hub, agent, content, status=400)["fields"]) == ["file"]
    assert manual_hub.get(f"/api/agents/{agent}/knowledge/files") == []


def test_an_upload_without_a_file_says_so(manual_hub: ManualHub) -> None:
    path = f"/api/agents/{_new_agent(manual_hub)['id']}/knowledge/files"
    answer = manual_hub.client.post(path, data={}, content_type="multipart/form-data", headers=manual_hub.headers)
    assert (answer.status_code, "No file uploaded" in answer.text) == (400, True)


def test_an_agent_has_so_many_files_and_no_more(manual_hub: ManualHub) -> None:
    agent = _new_agent(manual_hub)["id"]
    for _ in range(MOST_FILES):
        _upload(manual_hub, agent, b"text")
    _upload(manual_hub, agent, b"text", status=409)


def test_a_file_that_an_agent_has_not_got_is_not_deleted(manual_hub: ManualHub) -> None:
    agent = _new_agent(manual_hub)["id"]
    _upload(manual_hub, agent, b"text")
    path = f"/api/agents/{agent}/knowledge/files"
    assert manual_hub.client.delete(f"{path}/unknown", headers=manual_hub.headers).status_code == 404
    assert len(manual_hub.get(path)) == len(manual_hub.documents("knowledge_texts")) == 1


def test_another_tenants_agent_takes_no_file(manual_hub: ManualHub) -> None:
    agent = _new_agent(manual_hub)["id"]
    stranger = key_for(manual_hub.deps, "globex", Role.OWNER)
    sent = {"file": (BytesIO(b"text"), "a.txt")}
    answer = manual_hub.client.post(f"/api/agents/{agent}/knowledge/files", data=sent, headers=stranger)
    assert answer.status_code == 404
    assert manual_hub.client.get(f"/api/agents/{agent}/knowledge/files", headers=stranger).status_code == 404


@pytest.fixture
def model_hub(manual_hub: ManualHub) -> ManualHub:
    """The same hub with a language model."""
    settings = manual_hub.deps.settings.model_copy(update={"openai_api_key": SecretStr("sk-test")})
    choice = {"message": {"role": "assistant", "content": "Five euros."}, "finish_reason": "stop"}
    manual_hub.provider.on("POST", "/chat/completions", Reply(json={"choices": [choice], "usage": {"total_tokens": 9}}))
    return seen_from(manual_hub, replace(manual_hub.deps, settings=settings))


def _instructions(hub: ManualHub) -> str:
    """What the model is told before the customer's question."""
    hub.writes(hub.telegram(), "What is a cat?")
    hub.work()
    [request] = hub.provider.to("/chat/completions")
    assert request.json["messages"][0]["role"] == "system"
    return str(request.json["messages"][0]["content"])


def test_the_model_is_shown_what_the_files_say_with_the_prompt(model_hub: ManualHub) -> None:
    _upload(model_hub, _new_agent(model_hub)["id"], "A cat costs 5 €.".encode())
    instructions = _instructions(model_hub)
    assert instructions == "You sell cats.\n\nWhat you know from files:\n\n# prices.txt\nA cat costs 5 €."
    assert model_hub.sent_texts() == ["Five euros."]


def test_the_model_is_told_of_no_files_that_have_just_been_deleted(model_hub: ManualHub) -> None:
    file = _upload(model_hub, _new_agent(model_hub)["id"], b"text")
    model_hub.store.commit([Delete(Ref("knowledge_texts", file["id"]))])
    assert _instructions(model_hub) == "You sell cats."


def test_the_model_is_shown_so_much_of_the_files_and_no_more(model_hub: ManualHub) -> None:
    _upload(model_hub, _new_agent(model_hub)["id"], b"a" * (MOST_CHARACTERS + 100))
    assert len(_instructions(model_hub)) == len("You sell cats.\n\n") + MOST_CHARACTERS
