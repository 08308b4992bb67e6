"""Asking an AI agent through the OpenAI chat-completions API, tools included; an echo without a key."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.answering import hand_over
from shared.answering.budget import CHARACTERS_PER_TOKEN, NAME, PICTURE, Tokens, prompt_tokens, reserve
from shared.answering.model_calls import ask
from shared.answering.runs import Chat, Run, ToolCall, calls_in
from shared.answering.streaming import Listen, StreamedAnswer
from shared.answering.tool_requests import request_tool
from shared.answering.turns import Picture, Turn, clean, in_words, lines
from shared.deps import Deps
from shared.domain.agents import Agent, Tool
from shared.domain.messages import Attachment, Direction, Message
from shared.errors import ProviderRejected, ProviderUnavailable

_TIMEOUT = 60.0
# An agent that still wants tools after this many rounds is made to answer without.
_MAX_ROUNDS = 5

MOST_HISTORY = 60_000
"""Characters of the conversation that a model is shown for one answer."""
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said, and how many tokens it took."""

    message: Chat
    tokens: int

    @property
    def calls(self) -> list[Chat]:
        """The tools that it wants called."""
        return calls_in(self.message)

    @property
    def text(self) -> str:
        return clean(str(self.message.get("content") or "")).strip()


def ask_ai(deps: Deps, turn: Turn, agent: Agent, run: Run, listen: Listen | None = None) -> str:
    """Return the agent's answer; `listen` gets it while it grows. Raises `ProviderUnavailable` without one."""
    if deps.settings.openai_api_key is None:
        return echo(turn)
    messages, make = prompt(turn, agent), partial(call_tool, deps, agent, turn)
    if agent.tools:
        messages += run.resume(make)
    while True:
        may_ask = run.rounds < _MAX_ROUNDS
        functions = [*map(described, agent.tools), *hand_over.functions(agent)] if may_ask else []
        completion = complete(deps, agent, messages, functions, listen=listen)
        if not completion.calls:
            return completion.text
        if hand := hand_over.requested(agent, completion.message):
            run.hand_over_reason = hand.reason
            return hand.message
        if not agent.tools or not may_ask:
            raise ProviderUnavailable(NAME, "asked for tools without end")
        messages += run.carry_out(completion.message, make)


def echo(turn: Turn) -> str:
    """What stands in for a model where none is configured."""
    return f"Echo: {turn.text}" if turn.text else ""


def prompt(turn: Turn, agent: Agent) -> list[Chat]:
    """The agent's own prompt, what it knows from files, and the conversation so far."""
    instructions = "\n\n".join(part for part in (agent.prompt, turn.knowledge) if part)
    system = [{"role": "system", "content": instructions}] if instructions else []
    return system + _history(turn)


def _history(turn: Turn) -> list[Chat]:
    """What was said, the latest for certain: each answer is paid for by the length of what strangers wrote."""
    chats: list[Chat] = []
    room = MOST_HISTORY
    for message in reversed(turn.history):
        text = _content(message)
        if text and room > 0:
            excerpt = text if len(text) <= room else f"{text[:room]} […]"
            chats.append(_as_chat(message, excerpt, turn.pictures.get(message.id, ())))
            room -= len(text)
    return chats[::-1]


def _as_chat(message: Message, text: str, pictures: Sequence[Picture]) -> Chat:
    role = "assistant" if message.direction is Direction.OUTBOUND else "user"
    if not pictures:
        return {"role": role, "content": text}
    return {"role": role, "content": [{"type": "text", "text": text}, *map(_picture_part, pictures)]}


def _picture_part(picture: Picture) -> Chat:
    data = base64.b64encode(picture.content).decode()
    return {"type": PICTURE, "image_url": {"url": f"data:{picture.mime_type};base64,{data}"}}


def _without_pictures(message: Chat) -> Chat:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return message | {"content": "\n".join(part["text"] for part in content if part["type"] != PICTURE)}


def _content(message: Message) -> str:
    if message.direction is Direction.SYSTEM or message.deleted_at:
        return ""
    doubt = ["[verified: false - the sender's address may be forged]"] if message.may_be_forged else []
    return "\n".join([*doubt, *lines(message), *map(_mentioned, message.attachments)])


def _mentioned(attachment: Attachment) -> str:
    label = attachment.file_name or in_words(attachment)
    return f"[{attachment.type.value}{': ' + label if label else ''}]"


def complete(
    deps: Deps,
    agent: Agent,
    messages: list[Chat],
    functions: list[Chat],
    timeout: float = _TIMEOUT,
    listen: Listen | None = None,
) -> Completion:
    """Ask the model once, as this agent; `listen` gets the text while it is being written, where the service streams.

    Raises `ProviderUnavailable`, and `ProviderRejected` for a model that agents may not use here and where the
    tenant's budget is used up.
    """
    if not deps.settings.allows_model(agent.model):
        raise ProviderRejected(NAME, f"{agent.model} may not be used here (OPENAI_MODELS): give {agent.name} another")
    request = _request(deps, agent, messages, functions)
    reservation = reserve(deps, agent.tenant_id, request["model"], prompt_tokens(messages, functions))
    streamed = StreamedAnswer(listen) if listen is not None else None
    if streamed is not None:
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    answer = ask(deps, reservation, "/chat/completions", request, timeout, listen=streamed.feed if streamed else None)
    if not answer.ok:
        if answer.status == _BAD_REQUEST and listen is not None:  # Some services do not stream.
            return complete(deps, agent, messages, functions, timeout)
        plain = [_without_pictures(message) for message in messages]
        if answer.status == _BAD_REQUEST and plain != messages:
            # One picture that the model cannot read must not keep the customer from an answer.
            return complete(deps, agent, plain, functions, timeout)
        if answer.status == _BAD_REQUEST and functions == [hand_over.FUNCTION]:
            return complete(deps, agent, messages, [], timeout)  # Some models take no tools.
        raise ProviderUnavailable(NAME, f"answered with status {answer.status}", answer.retry_after)
    whole = streamed.body() if streamed is not None else None
    body = whole or answer.json()
    # Around each piece of a stream there is far more than the piece.
    tokens = _tokens(body, reservation.tokens.prompt, len(json.dumps(whole)) if whole else len(answer.body))
    reservation.settle(tokens)
    return Completion(_choice(body), tokens.total)


def _request(deps: Deps, agent: Agent, messages: list[Chat], functions: list[Chat]) -> dict[str, Any]:
    request: dict[str, Any] = {
        "model": agent.model or deps.settings.openai_model,
        "messages": messages,
        "max_tokens": deps.settings.openai_max_tokens,
    }
    if agent.temperature is not None:
        request["temperature"] = agent.temperature
    if functions:
        request["tools"] = [{"type": "function", "function": function} for function in functions]
    return request


def _tokens(body: object, prompt: int, answer_length: int) -> Tokens:
    """What the service says that it counted; where it says nothing, as many as the texts may have."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict) or not (total := _count(usage.get("total_tokens"))):
        return Tokens(prompt, answer_length // CHARACTERS_PER_TOKEN)
    prompt = min(_count(usage.get("prompt_tokens")), total)
    return Tokens(prompt, total - prompt)


def _count(number: object) -> int:
    return min(number, 1_000_000_000) if isinstance(number, int) and number > 0 else 0


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


def call_tool(deps: Deps, agent: Agent, turn: Turn, call: ToolCall) -> str:
    """Do what the model asked for; returns what it is told."""
    tool = next((tool for tool in agent.tools if tool.name == call.name), None)
    if tool is None:
        return f"there is no tool {call.name!r}"
    return request_tool(deps, agent, tool, turn, call.arguments, call.webhook_id)
