"""A team answers: the lead consults its members within limits, and what they did can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from shared.answering import team
from shared.config import Settings
from shared.domain.messages import Direction
from shared.ports.store import Merge
from tests import refs
from tests.eventually import eventually
from tests.index_check import recorded
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.stubs import Received, Reply, Stub

CHAT = "/v1/chat/completions"


@pytest.fixture
def ai_hub(settings: Settings, provider: Stub) -> Iterator[Hub]:
    telegram_rules(provider)
    keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-test")})
    with recorded(keyed) as deps, running_hub(deps, provider) as hub:
        hub.register()
        yield hub


def _says(content: str | None, tokens: int = 10, **more: Any) -> Reply:
    message = {"role": "assistant", "content": content} | more
    return Reply(json={"choices": [{"message": message}], "usage": {"total_tokens": tokens}})


def _calls(request: Received) -> list[dict[str, Any]]:
    """One call of every colleague that the lead may ask."""
    arguments = '{"question": "Where is order 7?"}'
    names = [tool["function"]["name"] for tool in request.json.get("tools", [])]
    return [
        {
            "id": f"c-{name}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for name in names
        if name.startswith("consult_")
    ]


def _tool_answers(request: Received) -> list[str]:
    return [message["content"] for message in request.json["messages"] if message["role"] == "tool"]


def _is_lead(request: Received) -> bool:
    return bool(request.json["messages"][0]["content"] == "You lead.")


def _make_team(hub: Hub, members: int = 2, name: str = "Support") -> tuple[str, str, list[str]]:
    """A team whose lead is the tenant's oldest agent."""
    lead = hub.echo_agent(name="Lead", prompt="You lead.")
    team_id = hub.post("/api/teams", {"name": name, "leadAgentId": lead}, 201)["id"]
    others = []
    for n in range(members):
        agent = hub.echo_agent(name=f"Expert {n}", prompt=f"You know {n}.", model=f"model-{n}")
        hub.post(f"/api/teams/{team_id}/members", {"agentId": agent, "expertise": f"topic {n}"}, 201)
        others.append(agent)
    return str(team_id), lead, others


def _consulting(request: Received) -> Reply:
    if not _is_lead(request):
        return _says(f"{request.json['model']} says so", 5)
    tool_answers = _tool_answers(request)
    return _says(" and ".join(tool_answers), 20) if tool_answers else _says(None, 30, tool_calls=_calls(request))


def test_the_lead_consults_its_members_and_answers(ai_hub: Hub) -> None:
    ai_hub.provider.on("POST", CHAT, _consulting)
    team_id, lead, experts = _make_team(ai_hub)
    ai_hub.customer_writes(ai_hub.telegram(), "Where is it?")
    ai_hub.provider.wait_for("/sendMessage")
    assert ai_hub.sent_texts() == ["model-0 says so and model-1 says so"]
    conversation = ai_hub.conversation()
    page = ai_hub.get(f"/api/collaborations?conversationId={conversation.id}")
    (collaboration,) = page["collaborations"]
    assert (collaboration["teamId"], collaboration["teamName"], collaboration["leadAgentId"]) == (
        team_id,
        "Support",
        lead,
    )
    assert (collaboration["question"], collaboration["answer"], collaboration["tokens"]) == (
        "Where is it?",
        ai_hub.sent_texts()[0],
        60,
    )
    assert [step["agentId"] for step in collaboration["steps"]] == experts
    for n, step in enumerate(collaboration["steps"]):
        assert set(step) == {"agentId", "agentName", "question", "answer", "failed", "tokens", "milliseconds"}
        assert (step["question"], step["answer"], step["tokens"]) == ("Where is order 7?", f"model-{n} says so", 5)
    assert collaboration["messageId"] in {message.id for message in ai_hub.messages()}
    assert ai_hub.get("/api/collaborations") == page
    assert "sk-test" not in str(ai_hub.documents("collaborations"))


def test_a_member_gets_its_own_prompt_and_the_question_alone(ai_hub: Hub) -> None:
    ai_hub.provider.on("POST", CHAT, _consulting)
    _make_team(ai_hub, members=1)
    ai_hub.customer_writes(ai_hub.telegram(), "Where is it?")
    ai_hub.provider.wait_for("/sendMessage")
    lead, member, _ = ai_hub.provider.to(CHAT)
    assert "topic 0" in lead.json["tools"][0]["function"]["description"]
    assert member.json["model"] == "model-0"
    assert "tools" not in member.json
    assert member.json["messages"] == [
        {"role": "system", "content": "You know 0."},
        {"role": "user", "content": "Where is order 7?"},
    ]


def test_questions_have_an_end(ai_hub: Hub) -> None:
    def endless(request: Received) -> Reply:
        if not _is_lead(request):
            return _says("hm")
        calls = _calls(request)
        return _says(None, tool_calls=calls * 4) if calls else _says("I do not know.")

    ai_hub.provider.on("POST", CHAT, endless)
    _make_team(ai_hub)
    ai_hub.customer_writes(ai_hub.telegram(), "hm?")
    ai_hub.provider.wait_for("/sendMessage")
    assert ai_hub.sent_texts() == ["I do not know."]
    (collaboration,) = ai_hub.get("/api/collaborations")["collaborations"]
    assert len(collaboration["steps"]) == team.MAX_QUESTIONS


def test_tokens_have_an_end(ai_hub: Hub) -> None:
    def dear(request: Received) -> Reply:
        if not _is_lead(request):
            return _says("hm", team.MAX_TOKENS)
        return _says(None, tool_calls=_calls(request)) if "tools" in request.json else _says("Enough.")

    ai_hub.provider.on("POST", CHAT, dear)
    _make_team(ai_hub)
    ai_hub.customer_writes(ai_hub.telegram(), "hm?")
    ai_hub.provider.wait_for("/sendMessage")
    assert ai_hub.sent_texts() == ["Enough."]
    (collaboration,) = ai_hub.get("/api/collaborations")["collaborations"]
    assert len(collaboration["steps"]) == 1


def test_a_member_that_fails_is_done_without(ai_hub: Hub) -> None:
    def flaky(request: Received) -> Reply:
        return _consulting(request) if _is_lead(request) else Reply(500)

    ai_hub.provider.on("POST", CHAT, flaky)
    _make_team(ai_hub, members=1)
    ai_hub.customer_writes(ai_hub.telegram(), "hm?")
    ai_hub.provider.wait_for("/sendMessage")
    assert ai_hub.sent_texts() == ["Expert 0 could not answer"]
    (collaboration,) = ai_hub.get("/api/collaborations")["collaborations"]
    assert (collaboration["steps"][0]["failed"], collaboration["steps"][0]["answer"]) == (True, "")


@pytest.mark.parametrize(
    "arguments",
    ["not json", '"just text"', "[1]", "", "[" * 5000, '{"question": "\\ud800\\u0000"}'],
    ids=["no JSON", "text", "list", "empty", "nested", "odd characters"],
)
def test_a_question_that_breaks_the_schema_is_asked_anyhow(ai_hub: Hub, arguments: str) -> None:
    def careless(request: Received) -> Reply:
        if not _is_lead(request):
            return _says("fine")
        calls = [call | {"function": call["function"] | {"arguments": arguments}} for call in _calls(request)]
        return _says("Done.") if _tool_answers(request) else _says(None, tool_calls=calls)

    ai_hub.provider.on("POST", CHAT, careless)
    _make_team(ai_hub, members=1)
    ai_hub.customer_writes(ai_hub.telegram(), "hm?")
    ai_hub.provider.wait_for("/sendMessage")
    assert ai_hub.sent_texts() == ["Done."]
    assert len(ai_hub.get("/api/collaborations")["collaborations"][0]["steps"]) == 1


def test_a_lead_that_fails_is_a_failure(ai_hub: Hub) -> None:
    ai_hub.provider.on("POST", CHAT, Reply(500))
    _make_team(ai_hub)
    ai_hub.customer_writes(ai_hub.telegram(), "hm?")
    eventually(lambda: ai_hub.documents("notifications", type="agent_failed"), timeout=30)
    assert ai_hub.get("/api/collaborations") == {"collaborations": [], "nextCursor": None}


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_conversation_given_to_a_team_is_answered_by_it(hub: Hub, by: str) -> None:
    channel_id, conversation_id = _held_conversation(hub)
    hub.echo_agent(name="Oldest")
    team_id, lead, _ = _make_team(hub, name="VIP Care")
    named = team_id if by == "id" else "vip care"
    hub.store.commit(
        [Merge(refs.conversation(conversation_id), {"team_id": named, "assignee_id": None, "owner": "bot"})]
    )
    hub.customer_writes(channel_id, "second")
    hub.provider.wait_for("/sendMessage")
    assert [message.author_id for message in hub.messages(Direction.OUTBOUND)] == [lead]
    (collaboration,) = hub.get("/api/collaborations")["collaborations"]
    assert (collaboration["teamId"], collaboration["steps"]) == (team_id, [])


@pytest.mark.parametrize("why", ["no such team", "no lead", "lead asleep", "another tenant's"])
def test_a_team_that_cannot_answer_leaves_it_to_the_oldest_agent(hub: Hub, why: str) -> None:
    channel_id, conversation_id = _held_conversation(hub)
    oldest = hub.echo_agent(name="Oldest")
    team_id, lead, _ = _make_team(hub)
    headers = hub.headers
    if why == "no such team":
        team_id = "somebody's inbox"
    elif why == "no lead":
        hub.patch(f"/api/teams/{team_id}", {"leadAgentId": None})
    elif why == "lead asleep":
        hub.patch(f"/api/agents/{lead}", {"active": False})
    else:
        tenant_id = hub.tenant_id
        hub.register("eve@example.com")
        team_id, *_ = _make_team(hub)
        hub.headers, hub.tenant_id = headers, tenant_id
    hub.store.commit(
        [Merge(refs.conversation(conversation_id), {"team_id": team_id, "assignee_id": None, "owner": "bot"})]
    )
    hub.customer_writes(channel_id, "second")
    hub.provider.wait_for("/sendMessage")
    assert [message.author_id for message in hub.messages(Direction.OUTBOUND)] == [oldest]
    assert hub.documents("collaborations") == []


def _held_conversation(hub: Hub) -> tuple[str, str]:
    """A channel, and a conversation on it that a human holds back."""
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "first")
    conversation = hub.conversation()
    hub.patch(f"/api/conversations/{conversation.id}", {"assigneeId": "human"})
    return channel_id, conversation.id


def test_a_conversation_that_is_not_there_has_no_collaborations(hub: Hub) -> None:
    hub.get("/api/collaborations?conversationId=unknown", 404)
    hub.customer_writes(hub.telegram(), "hello")
    conversation = hub.conversation()
    hub.register("eve@example.com")
    hub.get(f"/api/collaborations?conversationId={conversation.id}", 404)
