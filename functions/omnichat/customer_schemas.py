"""OmniChat's forms of customers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from functions.omnichat.channel_schemas import canonical_type
from functions.omnichat.conversation_schemas import TagName
from functions.omnichat.schemas import Request, Wire
from shared.domain.customers import Customer, Identity, OptOut
from shared.domain.instances import ChannelType, Instance
from shared.domain.merges import CustomerMerge
from shared.errors import BadRequest
from shared.http.times import Milliseconds
from shared.usecases.customers.customer_merges import MergePreview
from shared.usecases.customers.customers import MOST, MOST_CUSTOM_FIELDS
from shared.usecases.customers.importing import Imported

Id = Annotated[str, Field(max_length=64)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^(\+?[0-9][0-9 ()./-]*)?$")]
CustomName = Annotated[str, StringConstraints(pattern=r"^[\w][\w .-]{0,63}$")]
_LONGEST_TEXT = 1000


def _custom_value(value: object) -> object:
    """One sentence instead of one for each type that it is not."""
    if isinstance(value, str):
        if len(value) > _LONGEST_TEXT:
            raise ValueError(f"must have at most {_LONGEST_TEXT} characters")
    elif value is not None and not isinstance(value, bool | int | float):
        raise ValueError("must be a text, a number, a boolean, or null")
    return value


def _storable_names(fields: dict[str, Any]) -> dict[str, Any]:
    if any(name.startswith("__") and name.endswith("__") for name in fields):
        raise ValueError("must not have names like __this__")
    return fields


CustomFields = Annotated[
    dict[CustomName, Annotated[str | bool | int | float | None, BeforeValidator(_custom_value)]],
    Field(max_length=MOST_CUSTOM_FIELDS, examples=[{"plan": "gold"}]),
    AfterValidator(_storable_names),
]


class CustomerPreferencesIn(Request, Wire):
    language: str | None = Field(default=None, max_length=35)


class CustomerChange(Request, Wire):
    """What to change; what is left out stays. Empty text takes a value away, and so does null in `customFields`.

    `tags` replace the former ones.
    """

    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    preferences: CustomerPreferencesIn | None = None
    tags: list[TagName] | None = Field(default=None, max_length=50)
    custom_fields: CustomFields | None = None

    def changes(self) -> dict[str, Any]:
        """What is given, in the domain's form."""
        changes = self.model_dump(exclude_unset=True, by_alias=False)
        changes |= {name: changes[name] or None for name in ("name", "email", "phone") if name in changes}
        return changes | ({"tags": list(dict.fromkeys(changes["tags"]))} if "tags" in changes else {})


class OptOutIn(Request, Wire):
    """On which channel a customer wants no automatic messages; left out: on any."""

    channel_type: Annotated[ChannelType | None, BeforeValidator(canonical_type)] = Field(
        default=None, description="WHATSAPP, TELEGRAM_BOT, …"
    )
    reason: str | None = Field(default=None, max_length=200)


class ProfileChange(CustomerChange):
    """As for a new customer, and the opt-outs: `optOuts` replace the former ones."""

    opt_outs: list[OptOutIn] | None = Field(
        default=None, max_length=20, description="All channels on which they want no automatic messages; empty: none."
    )

    def changes(self) -> dict[str, Any]:
        changes = super().changes()
        changes.pop("opt_outs", None)
        if self.opt_outs is None:
            return changes
        now = datetime.now(UTC)
        return changes | {
            "opt_outs": [OptOut(channel=each.channel_type, reason=each.reason, at=now) for each in self.opt_outs]
        }


class NewCustomer(CustomerChange):
    """A customer who has not written yet; one of `name`, `email` and `phone` must be there."""

    @model_validator(mode="after")
    def _is_somebody(self) -> NewCustomer:
        if not any((self.name, self.email, self.phone)):
            raise ValueError("must have a name, an email or a phone")
        return self

    def changes(self) -> dict[str, Any]:
        """As for a change; a custom field of null is one that they do not have."""
        changes = super().changes()
        if "custom_fields" in changes:
            fields = changes["custom_fields"]
            changes["custom_fields"] = {name: value for name, value in fields.items() if value is not None}
        return changes


class ImportRow(NewCustomer):
    """A customer of a file, whom their `phone` or `email` tells from the others."""

    @model_validator(mode="after")
    def _has_address(self) -> ImportRow:
        if not (self.email or self.phone):
            raise ValueError("must have an email or a phone")
        return self


class CustomerPath(BaseModel):
    id: str = Field(max_length=64)


class CustomersQuery(Wire):
    """All customers, or those with a telephone number, an e-mail address, or an address on a channel."""

    phone: Phone | None = None
    email: Email | None = None
    address: str | None = Field(default=None, max_length=256, description="Goes with `channelId`.")
    channel_id: Id | None = None
    limit: int = Field(default=50, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=2048)

    def check(self) -> None:
        """Raise `BadRequest` for an address without its channel, and a channel without an address."""
        if (self.address is None) != (self.channel_id is None):
            raise BadRequest.of_field("channel_id", "goes with address, and address with it")


class PageQuery(Wire):
    limit: int = Field(default=50, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=2048)


class CustomerPreferencesOut(Wire):
    language: str | None
    preferred_channel: str | None


class OptOutOut(Wire):
    """That a customer wants no automatic messages on a channel, or on any (null), since when and why."""

    channel_type: str | None
    reason: str | None
    at: Milliseconds

    @classmethod
    def of(cls, opt_out: OptOut) -> OptOutOut:
        channel_type = opt_out.channel.upper() if opt_out.channel else None
        return cls(channel_type=channel_type, reason=opt_out.reason, at=opt_out.at)


class CustomerOut(Wire):
    """A person across all channels."""

    id: str
    name: str | None
    email: str | None
    phone: str | None
    preferences: CustomerPreferencesOut
    tags: list[str]
    custom_fields: dict[str, str | bool | int | float]
    opt_outs: list[OptOutOut]
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, customer: Customer) -> CustomerOut:
        same = customer.model_dump(include=set(cls.model_fields) - {"opt_outs"})
        return cls.model_validate(same | {"opt_outs": [OptOutOut.of(each) for each in customer.shown_opt_outs()]})


class IdentityOut(Wire):
    """An address of a customer on a channel, and the conversation that is open there."""

    channel_id: str
    channel_type: str | None
    external_id: str
    name: str | None
    conversation_id: str | None
    created_at: Milliseconds

    @classmethod
    def of(cls, identity: Identity, instance: Instance | None) -> IdentityOut:
        return cls(
            channel_id=identity.instance_id,
            channel_type=instance.type.upper() if instance else None,
            external_id=identity.external_user_id,
            name=identity.name,
            conversation_id=identity.conversation_id,
            created_at=identity.created_at,
        )


class WholeCustomerOut(CustomerOut):
    """A customer with their addresses, the oldest first, 200 at most."""

    identities: list[IdentityOut]


class CustomersOut(Wire):
    customers: list[CustomerOut]
    next_cursor: str | None


class CustomerMergeIn(Request, Wire):
    """Whom to fold into the customer of the path; with `dryRun` only what would come of it is told."""

    source_id: Id
    dry_run: bool = False


class CustomerUnmergeIn(Request, Wire):
    merge_id: Id


class MergedOut(Wire):
    """A merge. `customer` is the customer afterwards, and what was moved is counted, where it is only a preview."""

    merge_id: str
    customer_id: str
    source_id: str
    state: Literal["preview", "merging", "merged", "unmerging", "unmerged"]
    created_at: Milliseconds
    customer: CustomerOut | None = None
    identity_count: int | None = None
    conversation_count: int | None = None

    @classmethod
    def of(cls, merge: CustomerMerge) -> MergedOut:
        return cls(
            merge_id=merge.id,
            customer_id=merge.customer_id,
            source_id=merge.source_id,
            state=merge.state.value,
            created_at=merge.created_at,
        )

    @classmethod
    def of_preview(cls, preview: MergePreview) -> MergedOut:
        merged = cls.of(preview.merge)
        merged.state, merged.customer = "preview", CustomerOut.of(preview.customer)
        merged.identity_count, merged.conversation_count = preview.identity_count, preview.conversation_count
        return merged


class MergesOut(Wire):
    """The latest first."""

    merges: list[MergedOut]
    next_cursor: str | None


class ImportedOut(Wire):
    """How many customers an import made, changed, and left as they were."""

    created: int
    changed: int
    unchanged: int

    @classmethod
    def of(cls, imported: Imported) -> ImportedOut:
        return cls(created=imported.created, changed=imported.changed, unchanged=imported.unchanged)
