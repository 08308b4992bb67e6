"""What fills a template beside its text. Checked at the doors, and no part of what every process loads."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class TemplateHeader(BaseModel):
    """What fills a template's header: the text of its place, or a file by its address."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "document", "link": "https://shop.example/42.pdf"}]}
    )

    type: Literal["text", "image", "video", "document"]
    text: str | None = Field(default=None, min_length=1, max_length=1024, description="for type `text`")
    link: str | None = Field(default=None, max_length=4096, pattern="^https?://", description="for the other types")
    filename: str | None = Field(default=None, max_length=255, description="what a document is called")

    @model_validator(mode="after")
    def _is_filled(self) -> TemplateHeader:
        needed, other = ("text", "link") if self.type == "text" else ("link", "text")
        if getattr(self, needed) is None or getattr(self, other) is not None:
            raise ValueError(f"a template's header of type {self.type} wants {needed}, and no {other}")
        if self.filename is not None and self.type != "document":
            raise ValueError("only a document in a template's header has a filename")
        return self


class TemplateButton(BaseModel):
    """What fills the button at place `index`: the payload of a quick reply, or the end of an address."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "url", "index": 0, "text": "orders/42"}]})

    type: Literal["quick_reply", "url"]
    index: int = Field(ge=0, le=9, description="the button's place in the template, from 0")
    payload: str | None = Field(
        default=None, min_length=1, max_length=1024, description="for a quick reply: comes back when it is chosen"
    )
    text: str | None = Field(
        default=None, min_length=1, max_length=2048, description="for a url: what the address ends with"
    )

    @model_validator(mode="after")
    def _is_filled(self) -> TemplateButton:
        needed, other = ("payload", "text") if self.type == "quick_reply" else ("text", "payload")
        if getattr(self, needed) is None or getattr(self, other) is not None:
            raise ValueError(f"a template's button of type {self.type} wants {needed}, and no {other}")
        return self


def _each_once(buttons: list[TemplateButton]) -> list[TemplateButton]:
    if len({button.index for button in buttons}) < len(buttons):
        raise ValueError("two of the template's buttons have the same index")
    return buttons


TemplateButtons: TypeAlias = Annotated[list[TemplateButton], Field(max_length=10), AfterValidator(_each_once)]


class Filling(BaseModel):
    """A template's header and buttons, as a dialect or a campaign gives them."""

    header: TemplateHeader | None = None
    buttons: TemplateButtons | None = None

    def stored(self) -> dict[str, Any]:
        """The two fields of a `Template`."""
        return self.model_dump(include={"header", "buttons"}, exclude_none=True)
