"""Tenants, their users, and the credentials that speak for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field, model_validator

from shared.domain.agents import Agent
from shared.domain.campaign_rules import CampaignCap, QuietHours


class Role(StrEnum):
    """What a principal may do, most first."""

    OWNER = "owner"
    ADMIN = "admin"
    AGENT = "agent"
    VIEWER = "viewer"

    def covers(self, other: Role) -> bool:
        """Whether this role may do all that the other may."""
        order = list(Role)
        return order.index(self) <= order.index(other)

    def may_manage(self, other: Role) -> bool:
        """Whether this role makes, changes and removes users of the other."""
        return self is Role.OWNER or (self is Role.ADMIN and other in (Role.AGENT, Role.VIEWER))

    def within(self, limit: Role) -> Role:
        """The lesser one of the two."""
        return self if limit.covers(self) else limit


class AgentHours(StrEnum):
    """When agents answer by themselves: always, or only inside or only outside the business hours."""

    ALWAYS = "always"
    INSIDE = "inside"
    OUTSIDE = "outside"


DEFAULT_HUMAN_PAUSE = 30
"""Minutes."""


class Tenant(BaseModel):
    """A business.

    `responder` is a copy of its oldest active AI agent, and `responder_team_id`
    the team that this one leads, so that deciding who answers costs no query.

    `human_pause_minutes` is how long machines pause after the last sign of the person who has a conversation, 0 for
    until they release it; a channel may say otherwise. `hand_over_words` are those by which customers ask for a person,
    None for the hub's own list. With `opt_out_everywhere` who opts out on one channel has done so on all.
    `external_agents` says that conversations may be given to people of another system, whose ids mean nothing here.
    No campaign is sent in the `quiet_hours`, nor to who had as many of their messages as the `campaign_cap` says.
    `agent_hours` is when agents answer by themselves. Who has been offline for `unassign_offline_minutes` loses their
    conversations to others; 0: never. `reassign_after_minutes` has by team when others get what somebody does not
    answer, a copy of the teams' own settings.
    `files_kept_days` is for how long files are kept, where that is not up to the deployment. `time_zone` (IANA) is
    where the business is, as far as it has said so.

    `revision` is written anew by every decision that depends on a query over the
    tenant's users, agents, teams or campaigns, so that of two such decisions at once one is made again.
    """

    id: str
    name: str
    time_zone: str | None = None
    responder: Agent | None = None
    responder_team_id: str | None = None
    external_agents: bool = False
    files_kept_days: int | None = None
    human_pause_minutes: int = DEFAULT_HUMAN_PAUSE
    hand_over_words: list[str] | None = None
    opt_out_everywhere: bool = False
    quiet_hours: QuietHours | None = None
    campaign_cap: CampaignCap | None = None
    agent_hours: AgentHours = AgentHours.ALWAYS
    unassign_offline_minutes: int = 0
    reassign_after_minutes: dict[str, int] = Field(default_factory=dict)
    revision: str = ""
    created_at: datetime


class User(BaseModel):
    """A person in a tenant.

    Tokens name the `generation` that they were issued in; raising it ends all of them. `ended_sign_ins` are single
    sign-ins that were ended, each until the last of its access tokens has expired. `language` (BCP 47), `time_zone`
    (IANA) and `sounds` are how they want pages to be; None leaves it to the browser.
    """

    id: str
    tenant_id: str
    email: str
    name: str | None = None
    language: str | None = None
    time_zone: str | None = None
    sounds: bool = False
    role: Role
    password_hash: str
    generation: int = 0
    ended_sign_ins: dict[str, datetime] = Field(default_factory=dict)
    created_at: datetime


class Membership(BaseModel):
    """A user of a tenant; `registered` says that the person made the tenant, and was not invited to it."""

    tenant_id: str
    user_id: str
    registered: bool = False


class EmailUsers(BaseModel):
    """The users with one e-mail address, at most one in a tenant; the document's id is made of the address.

    Each has a password of its own. Nothing proves whose an address is, so what one
    tenant does with it must not matter to another: its owner may reset the password there.
    """

    memberships: list[Membership]
    created_at: datetime

    def user_in(self, tenant_id: str) -> str | None:
        """The user that the address has in a tenant."""
        return next((each.user_id for each in self.memberships if each.tenant_id == tenant_id), None)

    def foremost(self, tenant_id: str | None, count: int) -> list[Membership]:
        """At most `count`, oldest first: the one in `tenant_id`, the one who registered, the oldest of the others."""
        ranked = sorted(self.memberships, key=lambda each: (each.tenant_id != tenant_id, not each.registered))[:count]
        return [each for each in self.memberships if each in ranked]

    @model_validator(mode="before")
    @classmethod
    def _of_a_single_user(cls, fields: Any) -> Any:
        """The former form named the one user that an address had."""
        if isinstance(fields, Mapping) and "memberships" not in fields:
            only = Membership(tenant_id=fields["tenant_id"], user_id=fields["user_id"], registered=True)
            return {"memberships": [only], "created_at": fields["created_at"]}
        return fields


class LoginFailures(BaseModel):
    """When wrong passwords were entered lately, for an account or for an account from one address."""

    failed_at: list[datetime] = Field(default_factory=list)
    expires_at: datetime


class LinkPurpose(StrEnum):
    """What whoever opens an account link may do."""

    SETUP = "setup"
    """Become the first owner of the deployment's own tenant."""
    INVITATION = "invitation"
    """Become a user of a tenant, as it was offered by one who may make such users."""
    RESET = "reset"
    """Choose a new password for one user."""


class AccountLink(BaseModel):
    """A link that lets whoever holds it choose a password, once; stored by its token's hash (`id`).

    A reset is for `user_id` while their password is the one that `password_mark` tells; an invitation offers `role` to
    `email`. Both are in the name of `created_by`, where a user made the link.
    """

    id: str
    tenant_id: str
    purpose: LinkPurpose
    user_id: str | None = None
    email: str | None = None
    name: str | None = None
    role: Role | None = None
    created_by: str | None = None
    password_mark: str | None = None
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Device:
    """What somebody recognises a sign-in by: the IP address that it came from, and what the client calls itself."""

    address: str = ""
    user_agent: str = ""


class RateUsage(BaseModel):
    """What all processes together gave out to one caller in one minute."""

    spent: int = 0
    expires_at: datetime


class RefreshToken(BaseModel):
    """A refresh token, stored by its hash.

    Tokens that descend from one sign-in share `family`; reuse of a spent one ends them all. The document named by the
    family is the sign-in itself (`is_sign_in`): it has the fields from `generation` on, which is that of the user.
    """

    id: str
    tenant_id: str
    user_id: str
    family: str
    replaced_at: datetime | None = None
    revoked: bool = False
    is_sign_in: bool = False
    generation: int = 0
    address: str = ""
    user_agent: str = ""
    last_used_at: datetime | None = None
    expires_at: datetime
    created_at: datetime


class ApiKey(BaseModel):
    """A key, stored by its hash (`id`); `prefix` is what a person may recognise it by.

    `scopes` are of `read`, `write` and `secrets:read`; without the first two a
    key may do both. `last_used_at` is up to a minute old. `created_by` is the user
    for whom it was created, perhaps by another key of theirs: it may do no more than they may
    now, and ends with them; without one it depends on nobody.
    """

    id: str
    tenant_id: str
    name: str
    prefix: str
    role: Role = Role.ADMIN
    scopes: list[str] = Field(default_factory=list)
    expires_at: datetime | None = None
    revoked: bool = False
    last_used_at: datetime | None = None
    created_at: datetime
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. The tenant comes from here and from nowhere else.

    `answerable` is the user who calls, or for whom the key was created; `sign_in_id` is the sign-in that the user's
    token comes from, where it says so. `credential_id` tells the tenant's keys and users apart; None without any.
    `name` is what colleagues and clients call the user.
    """

    tenant_id: str
    role: Role
    user_id: str | None = None
    email: str | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)
    answerable: str | None = None
    sign_in_id: str | None = None
    credential_id: str | None = None
    name: str | None = None

    @property
    def actor_id(self) -> str | None:
        """Who acts: the user, also behind a key of theirs, else the key; None for a caller without a credential."""
        return self.answerable or self.credential_id

    @property
    def may_read_secrets(self) -> bool:
        return "secrets:read" in self.scopes

    @property
    def may_read(self) -> bool:
        """Whether scopes allow reading; what they do not restrict is up to the role."""
        return "read" in self.scopes or "write" not in self.scopes

    @property
    def may_write(self) -> bool:
        """Whether scopes allow changing things."""
        return "write" in self.scopes or "read" not in self.scopes
