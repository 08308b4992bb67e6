"""OmniChat's wire forms of teams and of what they did."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from functions.omnichat.schemas import Request, Wire
from shared.domain.agents import AgentCollaboration, AgentTeam, AgentTeamMember, Assignment, SkillMatching
from shared.http.display_names import Name
from shared.http.times import Milliseconds

Description = Annotated[str, Field(max_length=2000)]
AgentId = Annotated[str, Field(min_length=1, max_length=64)]
People = Annotated[
    list[AgentId], Field(max_length=50, description="Users, to whom the team's conversations are given.", examples=[[]])
]

AnswerMinutes = Annotated[int, Field(ge=0, le=1440, strict=True, description="0: any time.", examples=[0])]


class TeamIn(Request, Wire):
    """A team. With a lead, which must be an AI agent, it can answer customers.

    The conversations of a team that has people wait until one of them is free, and are given to them in turn
    (`round_robin`), to whom has the fewest (`least_busy`), or by nobody (`off`). A conversation's tags that are a skill
    of somebody in the team are `ignored`, `preferred` (who has them comes first) or `required`. What a person does not
    answer within `reassignAfterMinutes` waits for the others again.
    """

    name: Name
    description: Description | None = None
    lead_agent_id: AgentId | None = None
    people_ids: People = Field(default_factory=list)
    assignment: Assignment = Assignment.ROUND_ROBIN
    skill_matching: SkillMatching = SkillMatching.PREFERRED
    reassign_after_minutes: AnswerMinutes = 0


class TeamPatch(Request, Wire):
    """Only what is given changes; null takes description or lead away."""

    takes_away = frozenset({"description", "lead_agent_id"})

    name: Name | None = None
    description: Description | None = None
    lead_agent_id: AgentId | None = None
    people_ids: People = Field(default_factory=list)
    assignment: Assignment = Assignment.ROUND_ROBIN
    skill_matching: SkillMatching = SkillMatching.PREFERRED
    reassign_after_minutes: AnswerMinutes = 0

    def changes(self) -> dict[str, Any]:
        """What to change, in the domain's words."""
        return self.model_dump(exclude_unset=True)


class MemberIn(Request, Wire):
    """`expertise` tells the team's lead what to ask this agent."""

    agent_id: AgentId
    expertise: Annotated[str, Field(max_length=1000)] = ""


class MemberOut(Wire):
    agent_id: str
    expertise: str
    added_at: Milliseconds

    @classmethod
    def of(cls, member: AgentTeamMember) -> MemberOut:
        return cls.model_validate(member.model_dump())


class MembersOut(Wire):
    """All members; there are at most 20."""

    members: list[MemberOut]


class TeamOut(Wire):
    id: str
    name: str
    description: str | None
    lead_agent_id: str | None
    members: list[MemberOut]
    people_ids: list[str]
    assignment: Assignment
    skill_matching: SkillMatching
    reassign_after_minutes: int
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, team: AgentTeam) -> TeamOut:
        return cls.model_validate(team.model_dump(include=set(cls.model_fields)))


class TeamsOut(Wire):
    teams: list[TeamOut]
    next_cursor: str | None


class TeamPath(Wire):
    id: str


class MemberPath(TeamPath):
    # Under its name in the path; the others of this dialect are in camel case.
    agent_id: str = Field(alias="agent_id")


class StepOut(Wire):
    """A question of the lead to a member; `failed` means that it gave no answer."""

    agent_id: str
    agent_name: str
    question: str
    answer: str
    failed: bool
    tokens: int
    milliseconds: int


class CollaborationOut(Wire):
    """How a team came to an answer, which begins with the message `messageId`."""

    id: str
    conversation_id: str
    message_id: str
    team_id: str
    team_name: str
    lead_agent_id: str
    question: str
    answer: str
    steps: list[StepOut]
    tokens: int
    milliseconds: int
    created_at: Milliseconds

    @classmethod
    def of(cls, collaboration: AgentCollaboration) -> CollaborationOut:
        return cls.model_validate(collaboration.model_dump(include=set(cls.model_fields)))


class CollaborationsQuery(Wire):
    conversation_id: str | None = Field(default=None, min_length=1, max_length=64)
    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=2048)


class CollaborationsOut(Wire):
    collaborations: list[CollaborationOut]
    next_cursor: str | None
