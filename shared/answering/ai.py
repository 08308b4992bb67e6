"""Asking an AI persona through the OpenAI chat-completions API, tools included; an echo without a key."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from shared.answering.turns import Turn, in_words
from shared.deps import Deps
from shared.domain.agents import Agent, Tool
from shared.domain.messages import Attachment, Direction, Message
from shared.errors import HubError, OutcomeUnknown, ProviderRejected, ProviderUnavailable

log = logging.getLogger(__name__)

NAME = "the language model"
_TIMEOUT = 60.0
_TOOL_TIMEOUT = 15.0
_TOOL_ANSWER = 8_000
# An agent that still wants tools after this many rounds is made to answer without.
_MAX_ROUNDS = 5

Chat = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said, and how many tokens it took."""

    message: Chat
    tokens: int

    @property
    def calls(self) -> list[Chat]:
        """The tools that it wants called."""
        calls = self.message.get("tool_calls")
        return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []

    @property
    def text(self) -> str:
        return clean(str(self.message.get("content") or "")).strip()


def ask_ai(deps: Deps, turn: Turn, agent: Agent) -> str:
    """Return the persona's answer. Raises `ProviderUnavailable` when the model gives none."""
    if deps.settings.openai_api_key is None:
        return echo(turn)
    messages = prompt(turn, agent)
    for round_number in range(_MAX_ROUNDS + 1):
        tools = agent.tools if round_number < _MAX_ROUNDS else []
        completion = complete(deps, agent, messages, [described(tool) for tool in tools])
        if not completion.calls:
            return completion.text
        messages.append(completion.message)
        messages += [call_tool(deps, agent, turn, call) for call in completion.calls]
    raise ProviderUnavailable(NAME, "asked for tools without end")


def echo(turn: Turn) -> str:
    """What stands in for a model where none is configured."""
    return f"Echo: {turn.text}" if turn.text else ""


def clean(text: str) -> str:
    """Without what no store keeps: NUL characters and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def prompt(turn: Turn, agent: Agent) -> list[Chat]:
    """The agent's own prompt and the conversation so far."""
    system = [{"role": "system", "content": agent.prompt}] if agent.prompt else []
    return system + [_as_chat(message) for message in turn.history if _content(message)]


def _as_chat(message: Message) -> dict[str, Any]:
    role = "assistant" if message.direction is Direction.OUTBOUND else "user"
    return {"role": role, "content": _content(message)}


def _content(message: Message) -> str:
    if message.direction is Direction.SYSTEM or message.deleted_at:
        return ""
    doubt = "[verified: false - the sender's address may be forged]" if message.may_be_forged else None
    return "\n".join(filter(None, [doubt, message.text, *map(_mentioned, message.attachments)]))


def _mentioned(attachment: Attachment) -> str:
    label = attachment.file_name or in_words(attachment)
    return f"[{attachment.type.value}{': ' + label if label else ''}]"


def complete(
    deps: Deps, agent: Agent, messages: list[Chat], functions: list[Chat], timeout: float = _TIMEOUT
) -> Completion:
    """Ask the model once, as this agent.

    Raises `ProviderUnavailable`, and `ProviderRejected` for a model that agents may not use here.
    """
    if not deps.settings.allows_model(agent.model):
        raise ProviderRejected(NAME, f"{agent.model} may not be used here (OPENAI_MODELS): give {agent.name} another")
    key = deps.settings.openai_api_key
    try:
        answer = deps.http.request(
            "POST",
            f"{deps.settings.openai_base_url}/chat/completions",
            provider=NAME,
            json=_request(deps, agent, messages, functions),
            headers={"Authorization": f"Bearer {key.get_secret_value() if key else ''}"},
            timeout=timeout,
            guarded=False,
        )
    except OutcomeUnknown as error:
        raise ProviderUnavailable(NAME, error.reason) from error
    if not answer.ok:
        raise ProviderUnavailable(NAME, f"answered with status {answer.status}", answer.retry_after)
    body = answer.json()
    return Completion(_choice(body), _tokens(body))


def _request(deps: Deps, agent: Agent, messages: list[Chat], functions: list[Chat]) -> dict[str, Any]:
    request: dict[str, Any] = {"model": agent.model or deps.settings.openai_model, "messages": messages}
    if agent.temperature is not None:
        request["temperature"] = agent.temperature
    if functions:
        request["tools"] = [{"type": "function", "function": function} for function in functions]
    return request


def _tokens(body: object) -> int:
    usage = body.get("usage") if isinstance(body, dict) else None
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return min(total, 1_000_000_000) if isinstance(total, int) and total > 0 else 0


def _choice(body: object) -> dict[str, Any]:
    choices = body.get("choices") if isinstance(body, dict) else None
    message = (
        choices[0].get("message") if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    )
    if not isinstance(message, dict):
        raise ProviderUnavailable(NAME, "answered without a choice")
    return message


def described(tool: Tool) -> Chat:
    """A tool as the model is told about it."""
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def call_tool(deps: Deps, agent: Agent, turn: Turn, call: Chat) -> Chat:
    """Do what the model asked for; returns what it is told."""
    function = call.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    tool = next((tool for tool in agent.tools if tool.name == name), None)
    content = _run(deps, tool, turn, function.get("arguments")) if tool and function else f"there is no tool {name!r}"
    return {"role": "tool", "tool_call_id": call.get("id"), "content": content}


def _run(deps: Deps, tool: Tool, turn: Turn, arguments: object) -> str:
    """Call the tool's endpoint; what goes wrong is told to the model, which may find another way."""
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return "the arguments were not JSON"
    payload = {
        "arguments": parsed,
        "conversation_id": turn.conversation.id,
        "customer_id": turn.conversation.customer_id,
    }
    try:
        answer = deps.http.request("POST", tool.url, provider=f"tool {tool.name}", json=payload, timeout=_TOOL_TIMEOUT)
    except HubError as error:
        log.warning("a tool failed", extra={"tool": tool.name, "why": error.detail})
        return f"the tool failed: {error.detail}"
    return answer.text[:_TOOL_ANSWER] if answer.ok else f"the tool answered with status {answer.status}"
