"""OmniChat's forms of templates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from functions.omnichat.schemas import Request, Wire
from shared.domain.kinds import TemplateStatus
from shared.domain.message_templates import (
    ButtonContent,
    HeaderContent,
    MessageTemplate,
    TemplateContent,
)
from shared.http.times import Milliseconds
from shared.usecases.instances.templates import MAX_PAGE, NewTemplate, Synced


class TemplateHeaderText(Request, Wire):
    """A line above the text. What has a file there has to be made at the provider."""

    type: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=60, examples=["Your order"])


class TemplateButtonIn(Request, Wire):
    """A button: a quick reply, an address that may end with the place `{{1}}`, or a telephone number."""

    type: Literal["quick_reply", "url", "phone_number"]
    text: str = Field(min_length=1, max_length=25)
    url: str | None = Field(default=None, max_length=2000)
    phone_number: str | None = Field(default=None, max_length=20)


class NewTemplateIn(Request, Wire):
    """A template to have reviewed. Places are `{{1}}`, `{{2}}`, … or all have names, as in `{{first_name}}`."""

    name: str = Field(min_length=1, max_length=512, examples=["order_shipped"])
    language: str = Field(min_length=2, max_length=16, examples=["en_US"])
    category: Literal["marketing", "utility", "authentication"] = "utility"
    header: TemplateHeaderText | None = None
    body: str = Field(min_length=1, max_length=1024, examples=["Hello {{1}}, your order is on its way."])
    footer: str | None = Field(default=None, min_length=1, max_length=60, examples=["Reply STOP to opt out"])
    buttons: list[TemplateButtonIn] = Field(default_factory=list, max_length=10)
    examples: dict[str, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=dict,
        max_length=100,
        description="What may stand in each place of header and text, for whoever reviews it.",
        examples=[{"1": "Ann"}],
    )

    def to_domain(self) -> NewTemplate:
        content = TemplateContent(
            header=HeaderContent(type="text", text=self.header.text) if self.header else None,
            body=self.body,
            footer=self.footer,
            buttons=[ButtonContent(**button.model_dump()) for button in self.buttons],
            examples=self.examples,
        )
        return NewTemplate(name=self.name, language=self.language, category=self.category, content=content)


class ChannelTemplatesPath(BaseModel):
    id: str = Field(max_length=255)


class ChannelTemplatePath(ChannelTemplatesPath):
    template_id: str = Field(max_length=64)


class TemplatesQuery(Wire):
    status: TemplateStatus | None = None
    limit: int = Field(default=100, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class TemplateSyncIn(Request, Wire):
    """`after`: where a sync goes on that could not read all templates."""

    after: str | None = Field(default=None, max_length=2048)


class TemplateHeaderOut(Wire):
    type: str
    text: str | None


class TemplateButtonOut(Wire):
    type: str
    text: str
    url: str | None
    phone_number: str | None


class MessageTemplateOut(Wire):
    """A template; only an `approved` one can be sent. `reason`: why it is not. `quality`: what customers think of it.

    `places` are those of the text; `parameterFormat` says whether they have numbers or names.
    """

    id: str
    channel_id: str
    name: str
    language: str
    category: str
    status: TemplateStatus
    reason: str | None
    quality: str | None
    parameter_format: Literal["positional", "named"]
    header: TemplateHeaderOut | None
    body: str
    footer: str | None
    buttons: list[TemplateButtonOut]
    places: list[str]
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, template: MessageTemplate) -> MessageTemplateOut:
        content = template.content.model_dump(exclude={"examples"})
        about = template.model_dump(exclude={"tenant_id", "instance_id", "external_id", "content"})
        more = {"channel_id": template.instance_id, "places": template.content.body_places}
        return cls.model_validate(about | content | more)


class MessageTemplatesOut(Wire):
    """In the order of their names."""

    templates: list[MessageTemplateOut]
    next_cursor: str | None


class TemplatesSynced(Wire):
    """`after`: where to go on, null when all templates were read; then those that the provider has no more are gone."""

    read: int
    removed: int
    after: str | None

    @classmethod
    def of(cls, synced: Synced) -> TemplatesSynced:
        return cls(read=synced.read, removed=synced.removed, after=synced.after)
