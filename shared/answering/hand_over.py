"""The tool that every AI agent has: it hands the conversation over to a person. With it the agent's turn is over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.answering.runs import Chat, calls_in
from shared.answering.turns import clean
from shared.domain.agents import Agent

NAME = "hand_over"

FUNCTION: Chat = {
    "name": NAME,
    "description": "Hand over to a person: the customer asks for one, or you cannot help. It ends your turn.",
    "parameters": {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "For the person"},
            "message": {"type": "string", "description": "For the customer, in their language"},
        },
        "required": ["reason"],
    },
}

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class HandOver:
    """Why a person is to answer, and what the customer is told."""

    reason: str
    message: str


def functions(agent: Agent) -> list[Chat]:
    """The tool as a model is told about it; none for an agent that has one of its own by that name."""
    return [] if any(tool.name == NAME for tool in agent.tools) else [FUNCTION]


def requested(agent: Agent, message: Chat) -> HandOver | None:
    """What one of the model's messages hands over, whatever else it asks for; None where it does not."""
    if not functions(agent):
        return None
    for call in calls_in(message):
        function = call.get("function")
        if isinstance(function, Mapping) and function.get("name") == NAME:
            return _read(function.get("arguments"), str(message.get("content") or ""))
    return None


def _read(arguments: object, text: str) -> HandOver:
    fields = _fields(arguments)
    reason = clean(str(fields.get("reason") or "")).strip()[:_LONGEST_REASON]
    message = clean(text).strip() or clean(str(fields.get("message") or "")).strip()
    return HandOver(reason or "the agent asks for a person", message)


def _fields(arguments: object) -> Mapping[str, Any]:
    try:
        fields = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return {}
    return fields if isinstance(fields, Mapping) else {}
