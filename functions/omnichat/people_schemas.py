"""OmniChat's wire forms of users and API keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer

from functions.omnichat.schemas import Request, UserOut, Wire
from shared.domain.accounts import DEFAULT_HUMAN_PAUSE, AccountLink, AgentHours, ApiKey, Role, Tenant
from shared.domain.availability import Availability, Presence
from shared.domain.campaign_rules import CampaignCap, QuietHours
from shared.domain.instance_options import MOST_HUMAN_PAUSE
from shared.http.described import DescribedByFields
from shared.http.display_names import Name
from shared.http.times import AwareMoment, Milliseconds
from shared.setting_forms import KeptDays
from shared.usecases.accounts.availabilities import MAX_PAGE, Person
from shared.usecases.accounts.sign_ins import SignIn
from shared.usecases.instances.instance_config import MASK

Scope = Literal["read", "write", "secrets:read"]


class UserIn(Request, Wire):
    """Whom to invite, and to what; they choose their password when they accept."""

    email: str = Field(max_length=254, examples=["bob@example.com"])
    name: Name | None = None
    role: Role

    refused: ClassVar = {"password": "is chosen by the person, who accepts the invitation"}


class InvitationOut(Wire):
    """An invitation that was not accepted yet."""

    id: str
    email: str
    name: str | None
    role: Role
    created_at: Milliseconds
    expires_at: Milliseconds

    @classmethod
    def of(cls, link: AccountLink) -> InvitationOut:
        return cls.model_validate(link.model_dump(include=set(cls.model_fields)))


class InvitationCreated(InvitationOut):
    """A new invitation; `link` is where the person accepts it, told this once."""

    link: str

    @classmethod
    def of_link(cls, invitation: AccountLink, link: str) -> InvitationCreated:
        return cls.model_validate(InvitationOut.of(invitation).model_dump() | {"link": link})


class InvitationsOut(Wire):
    invitations: list[InvitationOut]
    next_cursor: str | None


class UserPatch(Request, Wire):
    """Only what is given changes; null takes the name away."""

    takes_away = frozenset({"name"})
    refused: ClassVar = {"password": "cannot be changed here: use /api/auth/password, or a reset link"}

    role: Role | None = None
    name: Name | None = None

    def changes(self) -> dict[str, Any]:
        """What to change, as it is stored."""
        return self.model_dump(mode="json", by_alias=False, exclude_unset=True)


Skill = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class AvailabilityIn(Request, Wire):
    """What to change. A `status` of null is up to the person's own pages again, a `capacity` of null is any number."""

    takes_away = frozenset({"status", "capacity"})

    status: Presence | None = None
    capacity: int | None = Field(
        default=None, ge=0, le=1000, strict=True, description="Open conversations that are given to the person at most."
    )
    skills: list[Skill] = Field(
        default_factory=list,
        max_length=50,
        description="Compared with the tags of conversations.",
        examples=[["billing"]],
    )


class AvailabilityOut(Wire):
    """Whether a user is given conversations; `isChosen`: somebody has set the status, and no page changes it."""

    user_id: str
    status: Presence
    is_chosen: bool
    capacity: int | None
    skills: list[str]
    team_ids: list[str]
    seen_at: Milliseconds | None

    @classmethod
    def of(cls, availability: Availability) -> AvailabilityOut:
        return cls(user_id=availability.id, **availability.model_dump(include=set(cls.model_fields)))


class PersonOut(AvailabilityOut):
    """The same of somebody in a list; `openConversations` are those that they have now, up to a thousand."""

    name: str | None
    role: Role
    open_conversations: int

    @classmethod
    def of_person(cls, person: Person) -> PersonOut:
        user, availability = person.user, person.availability
        return cls(
            user_id=user.id,
            name=user.name,
            role=user.role,
            open_conversations=person.open_conversations,
            **availability.model_dump(include=set(AvailabilityOut.model_fields)),
        )


class PeopleOut(Wire):
    people: list[PersonOut]
    next_cursor: str | None


class PeopleQuery(Wire):
    limit: int = Field(default=25, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class UserPath(Wire):
    id: str


class LinkOut(Wire):
    """A link for one person, told this once: it works once, and for a day."""

    link: str


class LogoutIn(Request, Wire):
    everywhere: bool = False


class PasswordIn(Request, Wire):
    current_password: str = Field(max_length=1024)
    new_password: str = Field(min_length=8, max_length=1024)


class SignInPath(Wire):
    id: str


class SignInOut(Wire):
    """A session: where it began, and whether it is the one that is asking."""

    id: str
    address: str
    user_agent: str
    created_at: Milliseconds
    last_used_at: Milliseconds
    is_current: bool

    @classmethod
    def of(cls, sign_in: SignIn) -> SignInOut:
        return cls.model_validate(asdict(sign_in))


class SignInsOut(Wire):
    sessions: list[SignInOut]
    next_cursor: str | None


class UsersOut(Wire):
    users: list[UserOut]
    next_cursor: str | None


class PageQuery(Wire):
    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=2048)


class KeyIn(Request, Wire):
    """A new key. Where `scopes` are left out it may read and write; `secrets:read` shows credentials in clear."""

    name: Name
    role: Role = Role.ADMIN
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)] | None = None
    expires_at: AwareMoment | None = None


class KeyOut(Wire):
    """A key as it can be told from others. `lastUsedAt` is up to a minute old."""

    id: str
    name: str
    prefix: str
    role: Role
    scopes: list[str]
    expires_at: Milliseconds | None
    last_used_at: Milliseconds | None
    created_at: Milliseconds

    @classmethod
    def of(cls, key: ApiKey) -> KeyOut:
        fields = key.model_dump(include=set(cls.model_fields))
        return cls.model_validate(fields | {"prefix": key.prefix + MASK})


class KeyCreated(KeyOut):
    """A new key; `key` is the credential itself, told this once."""

    key: str

    @classmethod
    def of_credential(cls, key: ApiKey, credential: str) -> KeyCreated:
        return cls.model_validate(KeyOut.of(key).model_dump() | {"key": credential})


class KeysOut(Wire):
    keys: list[KeyOut]
    next_cursor: str | None


class QuietHoursIn(Request, Wire, QuietHours):
    """Hours of each day, up to twelve, from `start` to before `end`: those of `zone`, or with `byCustomer` those of the
    country of each customer's telephone number, and of `zone` for who has none.
    """


class QuietHoursOut(Wire):
    start: str = Field(examples=["21:00"])
    end: str = Field(examples=["08:00"])
    zone: str = Field(examples=["America/Sao_Paulo"])
    by_customer: bool


class CampaignCapIn(Request, Wire, CampaignCap):
    """At most so many messages of campaigns to one customer within so many days, over all campaigns."""


class CampaignCapOut(Wire):
    messages: int
    days: int


class SettingsOut(Wire, DescribedByFields):
    """`humanPauseMinutes`: for how long agents pause after the last sign of the person who has a conversation, 0: until
    it is released; a channel's `humanPauseMinutes` overrules it.

    `handOverWords`: the words by which customers ask for a person; left out where the hub's own list holds.

    `optOutEverywhere`: who opts out on one channel has done so on all.

    `agentHours`: when agents answer by themselves: `always`, or only `inside` or `outside` the business hours.

    `unassignOfflineMinutes`: for how long a person may be offline until others are given their conversations, 0: for
    ever.

    `externalAgents`: conversations may be given to people of another system, by ids that mean nothing here.

    `quietHours`: when no campaign is sent; its messages wait. `campaignCap`: how many messages of campaigns a customer
    gets; who has had as many is skipped. Both are left out where they are not set.

    `filesKeptDays`: after how many days files are deleted; left out where the deployment's `FILES_KEPT_DAYS` holds.
    """

    quiet_hours: QuietHoursOut | None = None
    campaign_cap: CampaignCapOut | None = None
    external_agents: bool
    human_pause_minutes: int
    hand_over_words: list[str] | None = None
    opt_out_everywhere: bool
    agent_hours: AgentHours
    unassign_offline_minutes: int
    files_kept_days: int | None = None

    @classmethod
    def of(cls, tenant: Tenant) -> SettingsOut:
        return cls.model_validate(tenant.model_dump(include=set(cls.model_fields)))

    @model_serializer(mode="wrap")
    def _without_unset(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


Keywords = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=200)]
"""Words or phrases; case, accents and punctuation do not count."""


class SettingsPatch(Request, Wire):
    """Only what is given changes."""

    takes_away = frozenset({"files_kept_days", "hand_over_words", "quiet_hours", "campaign_cap"})

    external_agents: bool = False
    opt_out_everywhere: bool = False
    agent_hours: AgentHours = AgentHours.ALWAYS
    unassign_offline_minutes: int = Field(default=0, ge=0, le=10_080, strict=True)
    human_pause_minutes: int = Field(default=DEFAULT_HUMAN_PAUSE, ge=0, le=MOST_HUMAN_PAUSE, strict=True)
    hand_over_words: Keywords | None = Field(
        default=None, description="Null: the hub's own list, in 16 languages. An empty one: none."
    )
    quiet_hours: QuietHoursIn | None = Field(default=None, description="Null: none.")
    campaign_cap: CampaignCapIn | None = Field(default=None, description="Null: none.")
    files_kept_days: KeptDays | None = Field(default=None, description="Null: as the deployment says.")
