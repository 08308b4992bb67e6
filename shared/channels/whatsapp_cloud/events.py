"""The part of the Cloud API's webhooks that is read.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/reference/messages
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.domain.kinds import TemplateStatus


def _unix_time(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("give a time in seconds")
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError("the time is out of range") from None


Time = Annotated[datetime, BeforeValidator(_unix_time)]
Id = Annotated[str, Field(min_length=1, max_length=512)]


class _Part(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)


class Profile(_Part):
    name: str | None = None
    username: str | None = None


class Contact(_Part):
    """`wa_id` is empty for a hidden number; `user_id` then stands for the customer."""

    profile: Profile = Profile()
    wa_id: str | None = None
    user_id: str | None = None


class Error(_Part):
    class Data(_Part):
        details: str | None = None

    code: int = 0
    title: str | None = None
    message: str | None = None
    error_data: Data | None = None


class Text(_Part):
    body: str = ""


class File(_Part):
    id: Id | None = None
    url: str | None = None
    mime_type: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool = False
    animated: bool = False


class Location(_Part):
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class SharedContact(_Part):
    class Name(_Part):
        formatted_name: str | None = None

    class Phone(_Part):
        phone: str | None = None
        wa_id: str | None = None

    class Email(_Part):
        email: str | None = None

    name: Name = Name()
    phones: list[Phone] = []
    emails: list[Email] = []


class Reaction(_Part):
    message_id: Id
    emoji: str | None = None


class Choice(_Part):
    id: str | None = None
    title: str | None = None
    description: str | None = None


class FlowReply(_Part):
    name: str | None = None
    body: str | None = None
    response_json: str | None = None


class CallPermission(_Part):
    response: str | None = None


class Interactive(_Part):
    type: str
    call_permission_reply: CallPermission | None = None
    button_reply: Choice | None = None
    list_reply: Choice | None = None
    nfm_reply: FlowReply | None = None


class Button(_Part):
    text: str | None = None
    payload: str | None = None


class Item(_Part):
    product_retailer_id: str = ""
    quantity: int | float = 1
    item_price: float | None = None
    currency: str | None = None


class Order(_Part):
    catalog_id: str | None = None
    text: str | None = None
    product_items: list[Item] = []


class System(_Part):
    """What WhatsApp tells of a customer: a new number, or a new business-scoped id."""

    type: str | None = None
    body: str | None = None
    wa_id: str | None = None
    new_wa_id: str | None = None
    user_id: str | None = None
    previous_user_id: str | None = None


class Edited(_Part):
    """The new content of a message; it lies in the field that `type` names, as in a message."""

    type: str
    text: Text | None = None
    image: File | None = None
    video: File | None = None
    document: File | None = None


class Edit(_Part):
    original_message_id: Id
    message: Edited


class Revoke(_Part):
    original_message_id: Id


class Unsupported(_Part):
    type: str | None = None


class Product(_Part):
    catalog_id: str | None = None
    product_retailer_id: str | None = None


class Referral(_Part):
    """The advertisement or post that the customer came from."""

    source_url: str | None = None
    source_id: str | None = None
    source_type: str | None = None
    headline: str | None = None
    body: str | None = None
    ctwa_clid: str | None = None


class Context(_Part):
    """`id` is the message that is answered; `forwarded` and `referred_product` stand alone."""

    id: str | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False
    referred_product: Product | None = None


class Message(_Part):
    """A message; the field that its `type` names holds the content."""

    id: Id
    timestamp: Time
    type: str
    sender: str | None = Field(default=None, alias="from")
    from_user_id: str | None = None
    to: str | None = None
    to_user_id: str | None = None
    group_id: str | None = None
    text: Text | None = None
    image: File | None = None
    audio: File | None = None
    voice: File | None = None
    video: File | None = None
    document: File | None = None
    sticker: File | None = None
    location: Location | None = None
    contacts: list[SharedContact] | None = None
    reaction: Reaction | None = None
    interactive: Interactive | None = None
    button: Button | None = None
    order: Order | None = None
    system: System | None = None
    context: Context | None = None
    referral: Referral | None = None
    edit: Edit | None = None
    revoke: Revoke | None = None
    unsupported: Unsupported | None = None
    errors: list[Error] = []


class BanInfo(_Part):
    waba_ban_state: str | None = None


class Restriction(_Part):
    restriction_type: str | None = None


class Violation(_Part):
    violation_type: str | None = None


class AccountUpdate(_Part):
    """What became of the business's account at Meta."""

    event: str | None = None
    ban_info: BanInfo | None = None
    restriction_info: list[Restriction] = []
    violation_info: Violation | None = None


class Status(_Part):
    id: Id
    status: str
    errors: list[Error] = []
    recipient_id: str | None = None
    biz_opaque_callback_data: str | None = None


class Preference(_Part):
    wa_id: str | None = None
    user_id: str | None = None
    category: str | None = None
    value: str
    detail: str | None = None


STATUSES_OF_TEMPLATES = {
    "APPROVED": TemplateStatus.APPROVED,
    "REINSTATED": TemplateStatus.APPROVED,
    # It can still be sent; Meta pauses it if its quality does not get better.
    "FLAGGED": TemplateStatus.APPROVED,
    "PENDING": TemplateStatus.PENDING,
    "IN_APPEAL": TemplateStatus.PENDING,
    "REJECTED": TemplateStatus.REJECTED,
    "PAUSED": TemplateStatus.PAUSED,
    "DISABLED": TemplateStatus.DISABLED,
    "LIMIT_EXCEEDED": TemplateStatus.DISABLED,
    "ARCHIVED": TemplateStatus.DISABLED,
    "LOCKED": TemplateStatus.DISABLED,
    "DELETED": TemplateStatus.DELETED,
    "PENDING_DELETION": TemplateStatus.DELETED,
}
"""What Meta's words for where a template stands mean."""

_NO_REASON = frozenset({"", "NONE"})


class TemplateButton(_Part):
    type: str
    text: str | None = None
    url: str | None = None
    phone_number: str | None = None


class TemplateComponent(_Part):
    type: str
    format: str | None = None
    text: str | None = None
    buttons: list[TemplateButton] = []


class Quality(_Part):
    score: str | None = None


class ListedTemplate(_Part):
    """A template as the API lists it."""

    id: Id | None = None
    name: Id
    language: Id
    category: str = "UNKNOWN"
    status: str
    rejected_reason: str | None = None
    quality_score: Quality | None = None
    parameter_format: str = "POSITIONAL"
    components: list[TemplateComponent] = []

    @property
    def reason(self) -> str | None:
        return reason_of(self.rejected_reason)


class TemplateUpdate(_Part):
    """What a webhook tells of a template: its status (`event`), its quality or its category."""

    class OtherInfo(_Part):
        title: str | None = None
        description: str | None = None

    message_template_name: Id
    message_template_language: Id
    event: str | None = None
    reason: str | None = None
    other_info: OtherInfo | None = None
    new_quality_score: str | None = None
    new_category: str | None = None


def reason_of(word: str | None, details: str | None = None) -> str | None:
    """Meta's word for why a template is not approved, in small letters, with what it says beside it."""
    why = [] if (word or "").upper() in _NO_REASON else [str(word).lower().replace("_", " ")]
    return ": ".join([*why, *([details] if details else [])])[:300] or None
