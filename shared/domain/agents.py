"""Who may answer: people, AI agents, and external agent services."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

DEFAULT_COOLDOWN = 30


class AgentKind(StrEnum):
    HUMAN = "human"
    AI = "ai"
    EXTERNAL = "external"


class Tool(BaseModel):
    """An HTTP endpoint that an AI agent may call: `parameters` is a JSON schema of the arguments it is posted."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    url: str


class KnowledgeFile(BaseModel):
    """A text that an AI agent may rely on; its content lies apart, under the same id. `size` is in bytes."""

    id: str
    name: str
    size: int
    created_at: datetime


class KnowledgeText(BaseModel):
    """The content of a `KnowledgeFile`."""

    id: str
    tenant_id: str
    text: str


class Agent(BaseModel):
    """Somebody or something that answers customers.

    `tools_secret` names the secret that holds what calls of each tool are signed with; None without tools.
    `cooldown_seconds` is how long it rests in a conversation after each of its answers.
    `tool_config` is a record of a client's own, which means nothing here.
    """

    id: str
    tenant_id: str
    kind: AgentKind = AgentKind.AI
    name: str
    active: bool = True
    prompt: str = ""
    model: str | None = None
    temperature: float | None = None
    tools: list[Tool] = Field(default_factory=list)
    tools_secret: str | None = None
    cooldown_seconds: int = DEFAULT_COOLDOWN
    tool_config: dict[str, Any] | None = None
    knowledge: list[KnowledgeFile] = Field(default_factory=list)
    created_at: datetime
    updated_at: datetime


class AgentBinding(BaseModel):
    """Who answers on a channel by itself: the AI agent, else whoever else would, and nobody without `auto_reply`.

    `behavior` is a word of a client's own, which means nothing here.
    """

    agent_id: str | None = None
    behavior: str | None = None
    auto_reply: bool = True


class CollaborationStep(BaseModel):
    """A question of the lead to a member. `failed` means that the member gave no answer."""

    agent_id: str
    agent_name: str
    question: str
    answer: str
    failed: bool = False
    tokens: int = 0
    milliseconds: int = 0


class AgentRun(BaseModel):
    """How far an agent has come with an answer that is not there yet, so that trying again repeats no call of a tool.

    `rounds` are the model's messages that asked for tools, as JSON; `results` is what their calls brought, by the
    call's key. A call without a result was interrupted. `steps` are the questions to members of a team, by the same
    key.
    """

    conversation_id: str = ""
    rounds: list[str] = Field(default_factory=list)
    results: dict[str, str] = Field(default_factory=dict)
    steps: dict[str, CollaborationStep] = Field(default_factory=dict)
    expires_at: datetime | None = None


class ToolUsage(BaseModel):
    """How many tools were called for a customer in an hour."""

    calls: int = 0
    expires_at: datetime | None = None


class AiUsage(BaseModel):
    """One shard of what language models have cost a tenant in a day; `micros` are millionths of the currency."""

    tokens: int = 0
    micros: int = 0
    expires_at: datetime | None = None


class AgentTeamMember(BaseModel):
    """An agent of a team; `expertise` tells the lead what to ask it."""

    agent_id: str
    expertise: str = ""
    added_at: datetime


class Assignment(StrEnum):
    """How a team's conversations are given to its people."""

    OFF = "off"
    ROUND_ROBIN = "round_robin"
    LEAST_BUSY = "least_busy"


class SkillMatching(StrEnum):
    """What tags mean for whom a conversation is given to, those that are a skill of somebody in the team."""

    IGNORED = "ignored"
    PREFERRED = "preferred"
    REQUIRED = "required"


class AgentTeam(BaseModel):
    """A group of agents and people. With a lead it answers customers: the lead does, and consults the other agents.

    Its conversations are given to its people by `assignment`. Who does not answer one within `reassign_after_minutes`
    loses it to the others; 0: never.
    """

    id: str
    tenant_id: str
    name: str
    description: str | None = None
    lead_agent_id: str | None = None
    members: list[AgentTeamMember] = Field(default_factory=list)
    people_ids: list[str] = Field(default_factory=list)
    assignment: Assignment = Assignment.ROUND_ROBIN
    skill_matching: SkillMatching = SkillMatching.PREFERRED
    reassign_after_minutes: int = 0
    created_at: datetime
    updated_at: datetime

    @property
    def assigns_people(self) -> bool:
        return bool(self.people_ids) and self.assignment is not Assignment.OFF


class AgentCollaboration(BaseModel):
    """How a team came to an answer. `tokens` and `milliseconds` are those of the lead and of all steps."""

    id: str
    tenant_id: str
    conversation_id: str
    message_id: str
    team_id: str
    team_name: str
    lead_agent_id: str
    question: str
    answer: str
    steps: list[CollaborationStep] = Field(default_factory=list)
    tokens: int = 0
    milliseconds: int = 0
    created_at: datetime


class TeamNameReservation(AgentTeam):
    """A copy of a team under its name: keeps names unique, and makes a team readable by its name."""
