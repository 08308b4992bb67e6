"""OmniChat's wire forms of accounts and agents: camel case, times with milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from flask_openapi import FileStorage
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, RootModel, model_validator
from pydantic.alias_generators import to_camel

from shared.domain.accounts import Role, Tenant, User
from shared.domain.agents import DEFAULT_COOLDOWN, Agent, AgentKind, KnowledgeFile, Tool
from shared.domain.storable import check_storable
from shared.http.display_names import NOT_BLANK, Name
from shared.http.times import Milliseconds
from shared.usecases.accounts.links import Choices
from shared.usecases.accounts.sign_ins import Session
from shared.usecases.agents.trial import Line, Trial


class Wire(BaseModel):
    """Names are ours inside and camel case outside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, defer_build=True)


class Done(Wire):
    """It is done."""

    ok: Literal[True] = True


class Request(BaseModel):
    """What a client sends. A null counts as left out, but for the fields from which it takes something away."""

    takes_away: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, body: object) -> object:
        if not isinstance(body, Mapping):
            return body
        removable = cls.takes_away | {to_camel(name) for name in cls.takes_away}
        return {name: value for name, value in body.items() if value is not None or name in removable}


def _blank_is_none(name: str | None) -> str | None:
    return name if name and name.strip() else None


NameIfAny = Annotated[str | None, Field(max_length=200), AfterValidator(_blank_is_none)]


class RegisterIn(Request, Wire):
    email: str = Field(max_length=254, examples=["ann@example.com"])
    password: str = Field(min_length=8, max_length=1024)
    name: NameIfAny = None
    tenant_name: NameIfAny = None


class LoginIn(Request, Wire):
    email: str = Field(max_length=254)
    password: str = Field(max_length=1024)
    tenant_id: str | None = Field(default=None, max_length=64)


class RefreshIn(Request, Wire):
    """`refreshToken` is left out where the browser's cookie has it."""

    refresh_token: str | None = Field(default=None, min_length=1)


class LinkQuery(Wire):
    token: str = Field(default="", max_length=200)


class SetupIn(Request, Wire):
    """The first owner's account; `token` is what the set-up link ends with."""

    token: str = Field(min_length=1, max_length=200)
    email: str = Field(max_length=254, examples=["ann@example.com"])
    password: str = Field(min_length=8, max_length=1024)
    name: NameIfAny = None
    tenant_name: NameIfAny = None

    def choices(self) -> Choices:
        return Choices(self.password, self.name, self.email, self.tenant_name)


class LinkIn(Request, Wire):
    """What the holder of a link chooses; `token` is what its address ends with.

    A set-up link needs `email`, and may have `tenantName`.
    """

    token: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=8, max_length=1024)
    name: NameIfAny = None
    email: str | None = Field(default=None, max_length=254, examples=["ann@example.com"])
    tenant_name: NameIfAny = None

    def choices(self) -> Choices:
        return Choices(self.password, self.name, self.email, self.tenant_name)


class UserOut(Wire):
    id: str
    email: str
    name: str | None
    role: Role
    tenant_id: str
    created_at: Milliseconds

    @classmethod
    def of(cls, user: User) -> UserOut:
        return cls.model_validate(user.model_dump(include=set(cls.model_fields)))


class TenantOut(Wire):
    id: str
    name: str

    @classmethod
    def of(cls, tenant: Tenant) -> TenantOut:
        return cls(id=tenant.id, name=tenant.name)


class SessionOut(Wire):
    """A session's tokens; `refreshToken` is empty where the browser keeps it in a cookie."""

    access_token: str
    refresh_token: str
    user: UserOut
    tenant: TenantOut

    @classmethod
    def of(cls, session: Session) -> SessionOut:
        return cls(
            access_token=session.access_token,
            refresh_token=session.refresh_token,
            user=UserOut.of(session.user),
            tenant=TenantOut.of(session.tenant),
        )


class ChoiceOut(SessionOut):
    """A session; `tenants` are those that the same e-mail address and password lead to, where there are several."""

    tenants: list[TenantOut] = Field(default_factory=list)

    @classmethod
    def of_all(cls, session: Session, tenants: list[Tenant]) -> ChoiceOut:
        fields = SessionOut.of(session).model_dump()
        return cls.model_validate(fields | {"tenants": [TenantOut.of(tenant) for tenant in tenants]})


class MeOut(Wire):
    """`user` is null when an API key is calling."""

    user: UserOut | None
    tenant_id: str


def _usable(parameters: dict[str, Any]) -> dict[str, Any]:
    # Who serves a model refuses every request of an agent with a tool of any other schema.
    if parameters.get("type") != "object":
        raise ValueError('must be a JSON schema with "type": "object"')
    check_storable(parameters, kilobytes=16)
    return parameters


class ToolIn(Request, Tool):
    """An HTTP endpoint the agent may call; `parameters` is a JSON schema of the object that it is posted."""

    description: str = Field(default="", max_length=1024)
    parameters: Annotated[dict[str, Any], AfterValidator(_usable)] = Field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )
    url: str = Field(max_length=2048)


def _different_names(tools: list[ToolIn]) -> list[ToolIn]:
    if len({tool.name for tool in tools}) < len(tools):
        raise ValueError("every tool needs a name of its own")
    return tools


Tools = Annotated[list[ToolIn], Field(max_length=20), AfterValidator(_different_names)]
Prompt = Annotated[str, Field(max_length=32_768)]
Model = Annotated[str, Field(min_length=1, max_length=200)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Cooldown = Annotated[int, Field(ge=0, le=3600)]


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    check_storable(value, kilobytes=64)
    return value


def _upper(word: object) -> object:
    return word.upper() if isinstance(word, str) else word


def _none_if_empty(agent_id: object) -> object:
    return None if agent_id == "" else agent_id


AgentChoice = Annotated[Annotated[str, Field(max_length=64)] | None, BeforeValidator(_none_if_empty)]
"""An agent that was chosen in a list; where a form chose none it says so with an empty text."""

ToolConfig = Annotated[dict[str, Any], AfterValidator(_storable), Field(description="A record of the client's own.")]
AgentStatus = Annotated[Literal["ACTIVE", "INACTIVE"], BeforeValidator(_upper)]


class _AgentFields(Request, Wire):
    """An agent's `status` says the same as `active`."""

    tool_config: ToolConfig | None = None
    status: AgentStatus | None = None

    @model_validator(mode="after")
    def _says_once(self) -> Self:
        if self.status is not None and "active" in self.model_fields_set:
            raise ValueError("status says the same as active: give one of them")
        return self

    def _with_active(self, fields: dict[str, Any]) -> dict[str, Any]:
        status = fields.pop("status", None)
        return fields if status is None else fields | {"active": status == "ACTIVE"}


class AgentIn(_AgentFields):
    kind: AgentKind = AgentKind.AI
    name: Name
    active: bool = True
    prompt: Prompt = ""
    model: Model | None = None
    temperature: Temperature | None = None
    tools: Tools = Field(default_factory=list)
    cooldown_seconds: Cooldown = DEFAULT_COOLDOWN

    def to_domain(self) -> dict[str, Any]:
        """The agent's fields, in the domain's words."""
        return self._with_active(self.model_dump())


class AgentPatch(_AgentFields):
    """Only what is given changes; null empties `prompt`, `model`, `temperature`, `tools` and `toolConfig`."""

    takes_away = frozenset({"prompt", "model", "temperature", "tools", "tool_config"})

    kind: AgentKind | None = None
    name: Name | None = None
    active: bool | None = None
    prompt: Prompt | None = None
    model: Model | None = None
    temperature: Temperature | None = None
    tools: Tools | None = None
    cooldown_seconds: Cooldown | None = None

    def changes(self) -> dict[str, Any]:
        """What to change, in the domain's words."""
        empty: dict[str, Any] = {"prompt": "", "tools": []}
        fields = self._with_active(self.model_dump(exclude_unset=True))
        return {name: empty.get(name) if value is None else value for name, value in fields.items()}


class ToolOut(Wire):
    """A tool; its `url` is null for who may not change agents."""

    name: str
    description: str
    parameters: dict[str, Any]
    url: str | None


class AgentOut(Wire):
    id: str
    kind: AgentKind
    name: str
    active: bool
    prompt: str
    model: str | None
    temperature: float | None
    tools: list[ToolOut]
    cooldown_seconds: int
    created_at: Milliseconds
    updated_at: Milliseconds
    status: AgentStatus
    tool_config: dict[str, Any] | None

    @classmethod
    def of(cls, agent: Agent, reader: Role) -> AgentOut:
        """The agent as somebody of that role may see it."""
        visible = cls.model_validate(agent.model_dump() | {"status": "ACTIVE" if agent.active else "INACTIVE"})
        if not reader.covers(Role.ADMIN):
            for tool in visible.tools:
                tool.url = None
        return visible


class WrittenAgentOut(AgentOut):
    """The agent as it is stored now; beside its own fields also as `agent`."""

    ok: Literal[True] = True
    agent: AgentOut

    @classmethod
    def written(cls, agent: AgentOut) -> WrittenAgentOut:
        return cls(**dict(agent), agent=agent)


class AgentsOut(Done):
    agents: list[AgentOut]
    next_cursor: str | None


class KnowledgeIn(BaseModel):
    """A text in UTF-8."""

    file: FileStorage | None = None


class KnowledgeFileOut(Wire):
    """A file that an agent may rely on; `fileSize` is in bytes."""

    id: str
    file_name: str
    file_size: int
    created_at: Milliseconds

    @classmethod
    def of(cls, file: KnowledgeFile) -> KnowledgeFileOut:
        return cls(id=file.id, file_name=file.name, file_size=file.size, created_at=file.created_at)


class KnowledgeFilesOut(RootModel[list[KnowledgeFileOut]]):
    """A bare list, oldest first; there are at most 20."""


class KnowledgePath(Wire):
    id: str
    # Under its name in the path; the others of this dialect are in camel case.
    file_id: str = Field(alias="file_id")


class AgentPath(Wire):
    id: str


class TrialLine(Request, Wire):
    """What was said in a trial, by `user` or by the agent itself (`assistant`)."""

    role: Literal["user", "assistant"] = "user"
    text: Annotated[str, NOT_BLANK] = Field(min_length=1, max_length=4000, examples=["Where is my order?"])


def _asks(chat: list[TrialLine]) -> list[TrialLine]:
    if chat[-1].role != "user":
        raise ValueError("the last line must be the user's")
    return chat


class TrialIn(Request, Wire):
    """The chat so far, the oldest line first; the last one is what the agent answers."""

    messages: Annotated[list[TrialLine], Field(min_length=1, max_length=40), AfterValidator(_asks)] = Field(
        json_schema_extra={"example": [{"role": "user", "text": "Where is my order?"}]}
    )

    def lines(self) -> list[Line]:
        return [Line(each.role, each.text) for each in self.messages]


class TrialCall(Wire):
    name: str = Field(examples=["order_status"])
    arguments: Any = Field(examples=['{"order": "42"}'])


class TrialOut(Wire):
    """The agent's answer. `toolCalls` are those that it would make: none is made.

    With `handOverReason` it would hand the conversation over to a person. `isEcho` says that no model is set up.
    """

    text: str
    tool_calls: list[TrialCall]
    hand_over_reason: str | None = Field(examples=["the customer asks for a person"])
    tokens: int
    is_echo: bool

    @classmethod
    def of(cls, trial: Trial) -> TrialOut:
        calls = [TrialCall(name=name, arguments=arguments) for name, arguments in trial.calls]
        return cls(
            text=trial.text,
            tool_calls=calls,
            hand_over_reason=trial.hand_over_reason,
            tokens=trial.tokens,
            is_echo=trial.is_echo,
        )


class ToolPath(Wire):
    id: str
    name: str


class ToolSecretOut(Wire):
    """What a tool's calls are signed with from now on (https://www.standardwebhooks.com); told this once."""

    secret: str


class AgentsQuery(Wire):
    limit: int = Field(default=200, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2048)
