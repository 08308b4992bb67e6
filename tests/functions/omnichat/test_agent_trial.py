"""Trying an AI agent out before customers meet it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnichat import agents, auth
from shared.deps import Deps
from tests.apps import create_app
from tests.functions.omnichat.accounts import Account, sign_up
from tests.stubs import Reply, Stub

COMPLETIONS = "/v1/chat/completions"
CHAT = {"messages": [{"text": "Hi"}, {"role": "assistant", "text": "Hello!"}, {"text": "Where is my order?"}]}


@pytest.fixture
def client(deps: Deps, provider: Stub) -> FlaskClient:
    """A hub with a language model."""
    changes = {"openai_api_key": SecretStr("sk-test"), "openai_base_url": f"{provider.url}/v1"}
    settings = deps.settings.model_copy(update=changes)
    return create_app(replace(deps, settings=settings), [auth.api, agents.api]).test_client()


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client)


def _agent(client: FlaskClient, owner: Account, **fields: Any) -> str:
    answer: Any = client.post("/api/agents", json={"name": "Ada", "prompt": "Be kind."} | fields, headers=owner.headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def _try(client: FlaskClient, owner: Account, agent_id: str, body: Any = None) -> Any:
    return client.post(f"/api/agents/{agent_id}/try", json=body or CHAT, headers=owner.headers)


def _says(provider: Stub, message: dict[str, Any]) -> None:
    provider.on("POST", COMPLETIONS, Reply(json={"choices": [{"message": message}], "usage": {"total_tokens": 12}}))


def test_the_agent_answers_the_whole_chat_and_nothing_of_it_is_kept(
    client: FlaskClient, deps: Deps, owner: Account, provider: Stub
) -> None:
    _says(provider, {"content": "On its way."})
    answer = _try(client, owner, _agent(client, owner))
    assert answer.status_code == 200, answer.text
    assert (answer.json["text"], answer.json["tokens"], answer.json["isEcho"]) == ("On its way.", 12, False)
    [request] = provider.to(COMPLETIONS)
    assert [(each["role"], each["content"]) for each in request.json["messages"]] == [
        ("system", "Be kind."),
        ("user", "Hi"),
        ("assistant", "Hello!"),
        ("user", "Where is my order?"),
    ]
    assert deps.store.count("conversations") == deps.store.count("messages") == deps.store.count("agent_runs") == 0
    assert deps.store.count("ai_usage") == 1


def test_tools_are_told_and_not_called(client: FlaskClient, owner: Account, provider: Stub) -> None:
    tool = {"name": "order", "url": f"{provider.url}/order"}
    call = {"id": "1", "type": "function", "function": {"name": "order", "arguments": '{"id": 7}'}}
    _says(provider, {"content": None, "tool_calls": [call]})
    answer = _try(client, owner, _agent(client, owner, tools=[tool]))
    assert answer.json["toolCalls"] == [{"name": "order", "arguments": '{"id": 7}'}]
    assert provider.to("/order") == []


def test_without_a_model_the_echo_says_that_it_is_one(deps: Deps) -> None:
    client = create_app(deps, [auth.api, agents.api]).test_client()
    owner = sign_up(client)
    answer = _try(client, owner, _agent(client, owner))
    assert (answer.json["text"], answer.json["isEcho"]) == ("Echo: Where is my order?", True)


@pytest.mark.parametrize(
    "body", [{"messages": []}, {"messages": [{"role": "assistant", "text": "Hi"}]}, {"messages": [{"text": ""}]}]
)
def test_what_is_no_chat_is_refused(client: FlaskClient, owner: Account, body: Any) -> None:
    assert _try(client, owner, _agent(client, owner), body).status_code == 400


def test_only_models_and_only_ones_own_are_tried(client: FlaskClient, owner: Account) -> None:
    assert _try(client, owner, _agent(client, owner, kind="human")).status_code == 422
    stranger = sign_up(client, "eve@example.com")
    assert _try(client, stranger, _agent(client, owner)).status_code == 404
