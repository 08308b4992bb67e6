"""Asking a team: its lead answers the customer, and may consult the members as tools."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from shared.answering import hand_over
from shared.answering.ai import Completion, call_tool, complete, described, echo, prompt
from shared.answering.runs import Chat, Run, ToolCall
from shared.answering.turns import Turn, clean
from shared.deps import Deps
from shared.domain.agents import Agent, CollaborationStep
from shared.errors import ProviderRejected, ProviderUnavailable

MAX_QUESTIONS = 6
"""How often members are asked for one answer. A member asks nobody, so the depth is one."""

MAX_TOKENS = 30_000
"""After this many, of the lead and of members together, the lead has to answer with what it has."""

MAX_SECONDS = 90.0
"""After this long, too."""

_MAX_ROUNDS = 8
_LONGEST_CALL = 60.0
# What the lead has for its answer when the time is up.
_LAST_CALL = 20.0
_KEPT = 4_000


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member that the lead may ask."""

    agent: Agent
    expertise: str


@dataclass(frozen=True, slots=True)
class Crew:
    """A team that is ready to answer."""

    team_id: str
    name: str
    lead: Agent
    colleagues: Sequence[Colleague]


@dataclass(frozen=True, slots=True)
class TeamAnswer:
    """The answer and how it came about; `tokens` and `milliseconds` are of all of it."""

    text: str
    steps: list[CollaborationStep]
    tokens: int
    milliseconds: int


def ask_team(deps: Deps, turn: Turn, crew: Crew, run: Run) -> TeamAnswer:
    """Return the team's answer. Raises `ProviderUnavailable` when the lead gives none; a member's failure is no more
    than an answer that the lead has to do without.
    """
    work = _Work(deps, turn, crew, run)
    text = echo(turn) if deps.settings.openai_api_key is None else work.answer()
    return TeamAnswer(text, run.steps, work.tokens, work.milliseconds())


class _Work:
    """One answer in the making, and what it has cost so far."""

    def __init__(self, deps: Deps, turn: Turn, crew: Crew, run: Run) -> None:
        self._deps = deps
        self._turn = turn
        self._run = run
        self._lead = crew.lead
        self._colleagues = {_function_name(n, c.agent.name): c for n, c in enumerate(crew.colleagues, 1)}
        self._started = time.monotonic()
        self.tokens = 0

    def milliseconds(self) -> int:
        return round((time.monotonic() - self._started) * 1000)

    def answer(self) -> str:
        messages = prompt(self._turn, self._lead) + self._run.resume(self._do)
        while True:
            functions = self._functions() if self._run.rounds < _MAX_ROUNDS and self._may_go_on() else []
            completion = self._complete(self._lead, messages, functions)
            if not completion.calls:
                return completion.text
            if hand := hand_over.requested(self._lead, completion.message):
                self._run.hand_over_reason = hand.reason
                return hand.message
            if not functions:
                raise ProviderUnavailable("the team's lead", "asked without end and gave no answer")
            messages += self._run.carry_out(completion.message, self._do)

    def _may_go_on(self) -> bool:
        return self.tokens < MAX_TOKENS and self._left() > 0

    def _left(self) -> float:
        return MAX_SECONDS - (time.monotonic() - self._started)

    def _functions(self) -> list[Chat]:
        may_consult = len(self._run.steps) < MAX_QUESTIONS
        consultations = [_consult(name, each) for name, each in self._colleagues.items()] if may_consult else []
        return [*map(described, self._lead.tools), *consultations, *hand_over.functions(self._lead)]

    def _complete(self, agent: Agent, messages: list[Chat], functions: list[Chat]) -> Completion:
        completion = complete(self._deps, agent, messages, functions, min(_LONGEST_CALL, max(self._left(), _LAST_CALL)))
        self.tokens += completion.tokens
        return completion

    def _do(self, call: ToolCall) -> str:
        colleague = self._colleagues.get(call.name)
        if not self._may_go_on() or (colleague and len(self._run.steps) >= MAX_QUESTIONS):
            return "there is no more time for this: answer now with what you have"
        if colleague is None:
            return call_tool(self._deps, self._lead, self._turn, call)
        return self._ask(colleague, call)

    def _ask(self, colleague: Colleague, call: ToolCall) -> str:
        agent, began, before = colleague.agent, self.milliseconds(), self.tokens
        question = _question(call.arguments)
        system = [{"role": "system", "content": agent.prompt}] if agent.prompt else []
        try:
            answer = self._complete(agent, [*system, {"role": "user", "content": question}], []).text
            failed = not answer
        except (ProviderRejected, ProviderUnavailable):
            answer, failed = "", True
        self._run.note_step(
            call,
            CollaborationStep(
                agent_id=agent.id,
                agent_name=agent.name,
                question=question[:_KEPT],
                answer=answer[:_KEPT],
                failed=failed,
                tokens=self.tokens - before,
                milliseconds=self.milliseconds() - began,
            ),
        )
        return answer or f"{agent.name} could not answer"


def _function_name(number: int, name: str) -> str:
    """A name that a model may use, different for every member."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "_", name).strip("_")[:40]
    return f"consult_{number}_{plain}".rstrip("_")


def _consult(name: str, colleague: Colleague) -> Chat:
    known_for = f" Expertise: {colleague.expertise}" if colleague.expertise else ""
    return {
        "name": name,
        "description": f"Ask your colleague {colleague.agent.name}. They see nothing but your question.{known_for}",
        "parameters": {
            "type": "object",
            "properties": {"question": {"type": "string", "description": "The question, with all it takes to answer."}},
            "required": ["question"],
        },
    }


def _question(arguments: object) -> str:
    """What the lead asks; a model that does not keep to the schema is taken at its word."""
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        parsed = arguments
    question = parsed.get("question") if isinstance(parsed, dict) else parsed
    return clean(question if isinstance(question, str) else json.dumps(parsed))
