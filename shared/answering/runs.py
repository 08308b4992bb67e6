"""What an agent has asked its tools for until its answer is there: how much it may, and that nothing is done twice.

    agent_runs/{conversation, waiting since}     the model's messages and what their calls brought
    tool_usage/{customer, hour}                  how many tools were called for a customer

A message is kept before its calls are made, and each result as soon as it is there. When the model fails afterwards, or
the process dies, the next try goes on from there: what has a result is not called again, and neither is a tool that was
under way, for nobody knows whether it was done. A question to a colleague does nothing outside and is asked again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from shared.answering.turns import Turn, clean
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.agents import Agent, AgentRun, CollaborationStep, ToolUsage
from shared.domain.conversations import Conversation
from shared.domain.ids import stable_id
from shared.errors import ProviderUnavailable

Chat: TypeAlias = dict[str, Any]

MAX_CALLS = 10
"""How many tools are called for one answer to a customer, over all of the model's messages."""

MAX_CALLS_PER_HOUR = 60
"""How many are called for one customer in an hour, whatever they write."""

# Characters; a document has room for all of a run's.
_LONGEST_MESSAGE = 50_000
_LONGEST_RESULT = 16_000
_LIFE = timedelta(days=7)
_INTERRUPTED = "it is not known whether this was done, for the hub was interrupted: do not try it again"
_TOO_MANY = f"not called: at most {MAX_CALLS} calls are made for one answer"
_TOO_MANY_THIS_HOUR = "not called: too much was asked for this customer in this hour, answer with what you have"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for. `key` tells it from all others, and is the same when it is tried again."""

    id: str
    name: str
    arguments: object
    key: str

    @property
    def webhook_id(self) -> str:
        return f"msg_{self.key}"


class Run:
    """The run of one turn, as this process knows it; the calls of the agent's own tools are those that are limited."""

    def __init__(self, deps: Deps, turn: Turn, agent: Agent) -> None:
        self._deps = deps
        self._turn = turn
        self._tools = {tool.name for tool in agent.tools}
        waiting_since = turn.conversation.needs_reply_since or turn.conversation.updated_at
        self.id = ids.agent_run(turn.conversation.id, waiting_since)
        self._rounds: list[Chat] = []
        self._results: dict[str, str] = {}
        self._steps: dict[str, CollaborationStep] = {}
        self.hand_over_reason: str | None = None
        """Why a person is to answer from now on, where the agent says so."""

    @property
    def rounds(self) -> int:
        """How many of the model's messages have asked for calls."""
        return len(self._rounds)

    @property
    def called(self) -> tuple[str, ...]:
        """The names of what was called, in the order of the calls."""
        return tuple(call.name for call in self._all_calls())

    @property
    def steps(self) -> list[CollaborationStep]:
        """What colleagues were asked, in the order of the questions."""
        return [self._steps[call.key] for call in self._all_calls() if call.key in self._steps]

    def note_step(self, call: ToolCall, step: CollaborationStep) -> None:
        """Have the step of a call kept together with the call's result."""
        self._steps[call.key] = step

    def resume(self, make: Callable[[ToolCall], str]) -> list[Chat]:
        """Take up what a former try has left: the model's messages so far, each with what its calls brought."""
        stored = UnitOfWork(self._deps.store).agent_runs.get(self.id) or AgentRun()
        self._rounds = [json.loads(message) for message in stored.rounds]
        self._results, self._steps = dict(stored.results), dict(stored.steps)
        for call in self._all_calls():
            if call.name not in self._tools and call.key not in self._results:
                self._keep(call, make(call))
        return [chat for number, message in enumerate(self._rounds) for chat in self._with_results(number, message)]

    def carry_out(self, message: Chat, make: Callable[[ToolCall], str]) -> list[Chat]:
        """Make the calls of one of the model's messages; returns the message and what the model is told about each.

        Raises `ProviderUnavailable` when another process is at the same answer, or somebody has given one.
        """
        number = self.rounds
        message = _without_excess(message)
        calls = self._calls(number, message)
        new_calls = {call.key: call for call in calls if call.key not in self._results}
        refused = self._begin(message, [call for call in new_calls.values() if call.name in self._tools])
        self._rounds.append(message)
        self._results |= refused
        for call in new_calls.values():
            if call.key not in refused:
                self._keep(call, make(call))
        return self._with_results(number, message)

    def _begin(self, message: Chat, limited_calls: list[ToolCall]) -> dict[str, str]:
        """Keep the message and count its calls; returns the results of those that are not to be made."""
        conversation, now = self._turn.conversation, self._deps.now()
        usage_id = ids.tool_usage(conversation.tenant_id, conversation.customer_id, now)
        text = json.dumps(message)
        if len(text) > _LONGEST_MESSAGE:
            raise ProviderUnavailable("the language model", "asked for calls that are too long")

        def attempt(unit: UnitOfWork) -> dict[str, str]:
            conversation_key = unit.conversations.key(conversation.id)
            unit.fetch(conversation_key, unit.agent_runs.key(self.id), unit.tool_usage.key(usage_id))
            self._check_still_ours(unit.conversations.owned(conversation.tenant_id, conversation.id))
            run = unit.agent_runs.get(self.id) or unit.agent_runs.add(
                AgentRun(conversation_id=conversation.id), self.id
            )
            usage = unit.tool_usage.get(usage_id) or unit.tool_usage.add(ToolUsage(), usage_id)
            if len(run.rounds) != self.rounds:
                raise ProviderUnavailable("the agent", "is at this answer in another process")
            left = {_TOO_MANY: MAX_CALLS - self._calls_made(), _TOO_MANY_THIS_HOUR: MAX_CALLS_PER_HOUR - usage.calls}
            reason, remaining = min(left.items(), key=lambda item: item[1])
            allowed, excess = limited_calls[: max(0, remaining)], limited_calls[max(0, remaining) :]
            refused = {call.key: reason for call in excess}
            run.rounds = [*run.rounds, text]
            run.results = run.results | refused
            run.expires_at = now + _LIFE
            usage.calls += len(allowed)
            usage.expires_at = now + timedelta(hours=2)
            return refused

        return run_with_retry(self._deps, attempt)

    def _check_still_ours(self, conversation: Conversation) -> None:
        """Call nothing for a customer whom somebody has answered, or taken over, meanwhile."""
        waiting_since = self._turn.conversation.needs_reply_since
        if conversation.is_left_to_people or conversation.needs_reply_since != waiting_since:
            raise ProviderUnavailable("the agent", "is not to answer any more")

    def _keep(self, call: ToolCall, result: str) -> None:
        result = self._results[call.key] = clean(result)[:_LONGEST_RESULT]
        unit = UnitOfWork(self._deps.store)
        step = self._steps.get(call.key)
        steps = {call.key: step.model_dump()} if step else {}
        expires_at = self._deps.now() + _LIFE
        conversation_id = self._turn.conversation.id
        unit.agent_runs.patch(
            self.id, conversation_id=conversation_id, results={call.key: result}, steps=steps, expires_at=expires_at
        )
        unit.commit()

    def _calls_made(self) -> int:
        refusals = (_TOO_MANY, _TOO_MANY_THIS_HOUR)
        limited = (call for call in self._all_calls() if call.name in self._tools)
        return len({call.key for call in limited if self._results.get(call.key) not in refusals})

    def _with_results(self, number: int, message: Chat) -> list[Chat]:
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": self._results.get(call.key, _INTERRUPTED)}
            for call in self._calls(number, message)
        ]
        return [message, *results]

    def _all_calls(self) -> list[ToolCall]:
        return [call for number, message in enumerate(self._rounds) for call in self._calls(number, message)]

    def _calls(self, number: int, message: Chat) -> list[ToolCall]:
        return [self._call(number, position, call) for position, call in enumerate(message["tool_calls"])]

    def _call(self, number: int, position: int, call: Chat) -> ToolCall:
        """A tool's call is identified by its id; one without, and a question to a colleague, by its position."""
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        name, arguments = str(function.get("name")), function.get("arguments")
        own_position = f"{number}-{position}"
        call_id = str(call.get("id") or own_position)
        told_by = call_id if name in self._tools else own_position
        return ToolCall(call_id, name, arguments, stable_id(self.id, told_by, name, json.dumps(arguments)))


def calls_in(message: Chat) -> list[Chat]:
    """The calls that one of the model's messages asks for."""
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _without_excess(message: Chat) -> Chat:
    """The message with its first calls, and one more, for the model to learn that there is a limit."""
    return message | {"tool_calls": calls_in(message)[: MAX_CALLS + 1]}
