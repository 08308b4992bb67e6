"""Trying an AI agent out: a chat with it that is kept nowhere and reaches nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.answering import hand_over
from shared.answering.ai import complete, described
from shared.deps import Deps
from shared.domain.agents import AgentKind
from shared.errors import Unprocessable
from shared.usecases.agents import agents, knowledge


@dataclass(frozen=True, slots=True)
class Line:
    """What was said in the chat, and by whom."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Trial:
    """The agent's next line.

    `calls` are the tools that it would call, by name and arguments; none is called. With `hand_over_reason` it would
    hand the conversation over to a person. `is_echo` says that no model is set up here.
    """

    text: str
    calls: list[tuple[str, Any]] = field(default_factory=list)
    hand_over_reason: str | None = None
    tokens: int = 0
    is_echo: bool = False


def try_agent(deps: Deps, tenant_id: str, agent_id: str, chat: Sequence[Line]) -> Trial:
    """Let the agent answer a chat, at the expense of the tenant's budget; an inactive one answers, too.

    Raises `NotFound`, `Unprocessable` for an agent that is no model, and as `complete` does.
    """
    agent = agents.get_agent(deps, tenant_id, agent_id)
    if agent.kind is not AgentKind.AI:
        raise Unprocessable("Only AI agents can be tried out here")
    if deps.settings.openai_api_key is None:
        return Trial(f"Echo: {chat[-1].text}", is_echo=True)
    instructions = "\n\n".join(part for part in (agent.prompt, knowledge.for_model(deps, agent)) if part)
    messages = [{"role": "system", "content": instructions}] if instructions else []
    messages += [{"role": line.role, "content": line.text} for line in chat]
    completion = complete(deps, agent, messages, [*map(described, agent.tools), *hand_over.functions(agent)])
    if hand := hand_over.requested(agent, completion.message):
        return Trial(hand.message, hand_over_reason=hand.reason, tokens=completion.tokens)
    functions = [call.get("function") for call in completion.calls]
    calls = [(str(each.get("name")), each.get("arguments")) for each in functions if isinstance(each, dict)]
    return Trial(completion.text, calls, tokens=completion.tokens)
