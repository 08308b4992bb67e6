"""Asking an AI persona through the OpenAI chat-completions API, tools included; an echo without a key."""

from __future__ import annotations

import json
import logging
from typing import Any

from shared.answering.turns import Turn
from shared.deps import Deps
from shared.domain.agents import Agent, Tool
from shared.domain.messages import Direction, Message
from shared.errors import HubError, OutcomeUnknown, ProviderUnavailable

log = logging.getLogger(__name__)

_NAME = "the language model"
_TIMEOUT = 60.0
_TOOL_TIMEOUT = 15.0
_TOOL_ANSWER = 8_000
# An agent that still wants tools after this many rounds is made to answer without.
_MAX_ROUNDS = 5


def ask_ai(deps: Deps, turn: Turn, agent: Agent) -> str:
    """Return the persona's answer. Raises `ProviderUnavailable` when the model gives none."""
    key = deps.settings.openai_api_key
    if key is None:
        return f"Echo: {turn.text}" if turn.text else ""
    messages = _prompt(turn, agent)
    for round_number in range(_MAX_ROUNDS + 1):
        tools = agent.tools if round_number < _MAX_ROUNDS else []
        said = _complete(deps, agent, messages, tools, key.get_secret_value())
        calls = said.get("tool_calls") or []
        if not calls:
            return str(said.get("content") or "").strip()
        messages.append(said)
        messages += [_call(deps, agent, turn, call) for call in calls]
    raise ProviderUnavailable(_NAME, "asked for tools without end")


def _prompt(turn: Turn, agent: Agent) -> list[dict[str, Any]]:
    system = [{"role": "system", "content": agent.prompt}] if agent.prompt else []
    return system + [_as_chat(message) for message in turn.history if _said(message)]


def _as_chat(message: Message) -> dict[str, Any]:
    role = "assistant" if message.direction is Direction.OUTBOUND else "user"
    return {"role": role, "content": _said(message)}


def _said(message: Message) -> str:
    if message.direction is Direction.SYSTEM or message.deleted_at:
        return ""
    files = [f"[{a.type.value}{': ' + a.file_name if a.file_name else ''}]" for a in message.attachments]
    return "\n".join(filter(None, [message.text, *files]))


def _complete(deps: Deps, agent: Agent, messages: list[dict[str, Any]], tools: list[Tool], key: str) -> dict[str, Any]:
    request: dict[str, Any] = {"model": agent.model or deps.settings.openai_model, "messages": messages}
    if agent.temperature is not None:
        request["temperature"] = agent.temperature
    if tools:
        request["tools"] = [{"type": "function", "function": _described(tool)} for tool in tools]
    try:
        answer = deps.http.request(
            "POST",
            f"{deps.settings.openai_base_url}/chat/completions",
            provider=_NAME,
            json=request,
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            guarded=False,
        )
    except OutcomeUnknown as error:
        raise ProviderUnavailable(_NAME, error.reason) from error
    if not answer.ok:
        raise ProviderUnavailable(_NAME, f"answered with status {answer.status}", answer.retry_after)
    return _choice(answer.json())


def _choice(body: object) -> dict[str, Any]:
    choices = body.get("choices") if isinstance(body, dict) else None
    message = (
        choices[0].get("message") if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    )
    if not isinstance(message, dict):
        raise ProviderUnavailable(_NAME, "answered without a choice")
    return message


def _described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def _call(deps: Deps, agent: Agent, turn: Turn, call: Any) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    tool = next((tool for tool in agent.tools if tool.name == name), None)
    content = _run(deps, tool, turn, function.get("arguments")) if tool and function else f"there is no tool {name!r}"
    call_id = call.get("id") if isinstance(call, dict) else None
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _run(deps: Deps, tool: Tool, turn: Turn, arguments: object) -> str:
    """Call the tool's endpoint; what goes wrong is told to the model, which may find another way."""
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
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
