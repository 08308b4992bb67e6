"""OmniChat's forms of the shared inbox."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from functions.omnichat.conversation_schemas import ConversationChange, ConversationRow, TagName
from shared.domain.accounts import Principal
from shared.errors import BadRequest
from shared.http.example_words import ID
from shared.http.times import AwareMoment, Milliseconds
from shared.usecases.conversations.bulk import MOST_AT_ONCE
from shared.usecases.conversations.conversations import Changes
from shared.usecases.conversations.inbox import MOST, MOST_COUNTED, Counts, Selection, Sort, View


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, defer_build=True
    )


def _lower(word: object) -> object:
    return word.lower().replace("_", "-") if isinstance(word, str) else word


def _stripped(text: str | None) -> str | None:
    return text.strip() or None if text else None


Id = Annotated[str | None, Field(max_length=64)]
Text = Annotated[str | None, Field(max_length=200), AfterValidator(_stripped)]


class InboxQuery(_Wire):
    """Which conversations. `since` goes with `limit` and `cursor` alone."""

    _LISTS: ClassVar = frozenset({"since", "limit", "cursor"})

    view: Annotated[View, BeforeValidator(_lower)] = View.OPEN
    team: Id = Field(default=None, description="A team's id, or its name as a routing rule gives it.")
    channel_id: Id = None
    tag: Text = Field(default=None, description="The conversation that was tagged last comes first.")
    unread: bool | None = None
    needs_human: bool | None = None
    q: Text = Field(
        default=None,
        description="Part of the customer's name, number or address, or of what the conversation began with.",
    )
    sort: Annotated[Sort, BeforeValidator(_lower)] | None = Field(
        default=None, description="`newest`, `longest-wait`, which `waiting` has anyway, or `sla`: what is due first."
    )
    since: AwareMoment | None = Field(
        default=None, description="What has changed since, in any view, the latest change last."
    )
    limit: int = Field(default=50, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=2048)

    def check_alone(self) -> None:
        """Raise `BadRequest` for what does not go with `since`."""
        others = self.model_fields_set - self._LISTS
        if others:
            raise BadRequest.of_field(sorted(others)[0], "does not go with since, which asks for every view")

    def selection(self, caller: Principal) -> Selection:
        return Selection(
            view=self.view,
            person_id=person_id(caller),
            team_id=self.team,
            instance_id=self.channel_id,
            tag=self.tag,
            unread=self.unread,
            needs_human=self.needs_human,
            text=self.q,
        )

    @property
    def order(self) -> Sort:
        return self.sort or (Sort.LONGEST_WAIT if self.view is View.WAITING else Sort.NEWEST)


def person_id(caller: Principal) -> str:
    """Who is calling as a person: the user, or who made the key; a key that nobody made stands for itself."""
    return caller.user_id or caller.answerable or caller.credential_id or ""


class InboxPage(_Wire):
    """`asOf` is what `since` takes later on, to learn what has changed after this page."""

    conversations: list[ConversationRow]
    next_cursor: str | None
    as_of: Milliseconds


class CountsOut(_Wire):
    """How many conversations each view has, and how many open ones are unread. `most` means that many or more."""

    of_caller: int = Field(alias="mine")
    unassigned: int
    needs_human: int
    waiting: int
    open: int
    snoozed: int
    unread: int
    most: int = MOST_COUNTED

    @classmethod
    def of(cls, counts: Counts) -> CountsOut:
        return cls(
            of_caller=counts.of_person,
            unassigned=counts.unassigned,
            needs_human=counts.needs_human,
            waiting=counts.waiting,
            open=counts.open,
            snoozed=counts.snoozed,
            unread=counts.unread,
        )


class BulkIn(ConversationChange):
    """What to change in several conversations; `tags` replace those of each, `addTags` and `removeTags` do not."""

    ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=MOST_AT_ONCE, examples=[[ID]])
    add_tags: list[TagName] = Field(default_factory=list, max_length=50)
    remove_tags: list[TagName] = Field(default_factory=list, max_length=50)

    def to_domain(self) -> Changes:
        return replace(super().to_domain(), added_tags=tuple(self.add_tags), removed_tags=frozenset(self.remove_tags))


class BulkResult(_Wire):
    """What became of one: `conversation` as it is now, or why it was not changed, as an error would say it."""

    id: str
    ok: bool
    conversation: ConversationRow | None
    code: str | None
    detail: str | None


class BulkOut(_Wire):
    """One result for each conversation, in the order of the request."""

    results: list[BulkResult]
