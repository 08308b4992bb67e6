"""OmniChat's own front end: its pages of agents, and who answers on a channel, request by request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.domain.accounts import Role
from shared.domain.messages import Direction
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub

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
    _bind(manual_hub, channel, agentId=None)
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
