"""Templates as a provider keeps them: what they say, where their places are, and whether they may be sent now."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from shared.domain.kinds import TemplateStatus
from shared.domain.outbox import Template

PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
"""A place in a template's text, by its number or its name."""

_NAME = re.compile(r"[a-z0-9_]{1,512}")
_PLACE_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_LANGUAGES = """
af sq ar ar_EG ar_AE ar_LB ar_MA ar_QA az be_BY bn bn_IN bg ca zh_CN zh_HK zh_TW hr cs da prs_AF nl nl_BE en en_GB en_US
en_AE en_AU en_CA en_GH en_IE en_IN en_JM en_MY en_NZ en_QA en_SG en_UG en_ZA et fil fi fr fr_BE fr_CA fr_CH fr_CI fr_MA
ka de de_AT de_CH el gu ha he hi hu id ga it ja kn kk rw_RW ko ky_KG lo lv lt mk ms ml mr nb ps_AF fa pl pt_BR pt_PT pa
ro ru sr si_LK sk sl es es_AR es_CL es_CO es_CR es_DO es_EC es_HN es_MX es_PA es_PE es_ES es_UY sw sv ta te th tr uk ur
uz vi zu
"""
"""https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/supported-languages"""


TemplateCategory = Literal["marketing", "utility", "authentication"]
ParameterFormat = Literal["positional", "named"]


class HeaderContent(BaseModel):
    """What stands above a template's text: a line of text, or a file that is named when it is sent."""

    type: Literal["text", "image", "video", "document", "location"]
    text: str | None = None


class ButtonContent(BaseModel):
    """A button below a template's text; `type` is the provider's word where the hub cannot make such."""

    type: str
    text: str = ""
    url: str | None = None
    phone_number: str | None = None


class TemplateContent(BaseModel):
    """What a template says. `examples` are what stands in the places of header and body while it is reviewed."""

    header: HeaderContent | None = None
    body: str = ""
    footer: str | None = None
    buttons: list[ButtonContent] = Field(default_factory=list)
    examples: dict[str, str] = Field(default_factory=dict)

    @property
    def body_places(self) -> list[str]:
        """The places of the text, each once, in their order."""
        return places(self.body)

    @property
    def header_places(self) -> list[str]:
        return places(self.header.text or "") if self.header else []

    @property
    def filled_buttons(self) -> list[int]:
        """Which buttons have an address with a place."""
        return [number for number, button in enumerate(self.buttons) if button.url and places(button.url)]


class MessageTemplate(BaseModel):
    """A template of one channel in one language.

    `reason` tells why it is not approved, `quality` what customers think of it, as the provider says. `external_id` is
    the provider's id. `parameter_format` says whether its places have numbers or names.
    """

    id: str
    tenant_id: str
    instance_id: str
    external_id: str | None = None
    name: str
    language: str
    category: str
    status: TemplateStatus
    reason: str | None = None
    quality: str | None = None
    parameter_format: ParameterFormat = "positional"
    content: TemplateContent
    created_at: datetime
    updated_at: datetime

    @property
    def refusal(self) -> str | None:
        """Why it cannot be sent now; None where it can."""
        if self.status is TemplateStatus.APPROVED:
            return None
        why = f": {self.reason}" if self.reason else ""
        return f"the template {self.name} ({self.language}) is {self.status.value}{why}"


def places(text: str) -> list[str]:
    """The names or numbers of the places in a text, each once."""
    return list(dict.fromkeys(PLACE.findall(text)))


def faults(name: str, language: str, category: str, content: TemplateContent) -> dict[str, str]:
    """What the provider would refuse in a new template, by field.

    https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/components
    """
    checks = (
        ("name", _fault_of_name(name)),
        (
            "language",
            None if language in _LANGUAGES.split() else "is no language that templates have, such as en_US or pt_BR",
        ),
        ("category", _fault_of_category(category)),
        ("body", _fault_of_body(content)),
        ("header", _fault_of_header(content)),
        ("footer", _fault_of_footer(content)),
        ("buttons", _fault_of_buttons(content)),
    )
    return {field: fault for field, fault in checks if fault is not None}


def _fault_of_name(name: str) -> str | None:
    return None if _NAME.fullmatch(name) else "may only have small letters, digits and underscores"


def _fault_of_category(category: str) -> str | None:
    if category == "authentication":
        return "cannot be authentication here: its text is the provider's own, so make such a template at the provider"
    return None if category in ("marketing", "utility") else "is neither marketing nor utility"


def _fault_of_body(content: TemplateContent) -> str | None:
    body = content.body.strip()
    if not body:
        return "is empty"
    if len(body) > 1024:
        return "has more than 1024 characters"
    if PLACE.match(body) or re.search(PLACE.pattern + r"$", body):
        return "may not begin or end with a place: put words around it"
    return _fault_of_places(body, content)


def _fault_of_header(content: TemplateContent) -> str | None:
    header = content.header
    if header is None:
        return None
    if header.type != "text":
        return "with a file has to be made at the provider, which asks for an example file"
    text = (header.text or "").strip()
    if not 1 <= len(text) <= 60:
        return "needs a text of 1 to 60 characters"
    if len(places(text)) > 1:
        return "may have one place"
    return _fault_of_places(text, content)


def _fault_of_footer(content: TemplateContent) -> str | None:
    if content.footer is None:
        return None
    if not 1 <= len(content.footer.strip()) <= 60:
        return "has to have 1 to 60 characters"
    return "may have no places" if places(content.footer) else None


def _fault_of_buttons(content: TemplateContent) -> str | None:
    if len(content.buttons) > 10:
        return "are more than 10"
    return next((fault for button in content.buttons if (fault := _fault_of_button(button))), None)


def _fault_of_button(button: ButtonContent) -> str | None:
    if not 1 <= len(button.text.strip()) <= 25 or places(button.text):
        return "need a text of 1 to 25 characters without places"
    match button.type:
        case "quick_reply":
            return None
        case "url":
            url = button.url or ""
            if not re.match(r"https?://[^\s{]+", url) or len(url) > 2000:
                return "of type url need an address that begins with https://"
            is_at_end = not places(url) or (places(url) == ["1"] and url.endswith("{{1}}"))
            return None if is_at_end else "of type url may have one place, {{1}}, at the end of the address"
        case "phone_number":
            is_number = re.fullmatch(r"\+?[0-9]{5,19}", button.phone_number or "")
            return None if is_number else "of type phone_number need a phoneNumber such as +5511999998888"
    return "have a type that is none of quick_reply, url, phone_number"


def _fault_of_places(text: str, content: TemplateContent) -> str | None:
    names = places(text)
    without_example = [name for name in names if not content.examples.get(name, "").strip()]
    if re.sub(PLACE, "", text).count("{{"):
        return "has a {{ that begins no place: write {{1}} or {{name}}"
    if all(name.isdecimal() for name in names):
        if sorted(names, key=int) != [str(number) for number in range(1, len(names) + 1)]:
            return "has places that are not {{1}}, {{2}}, … without a gap"
    elif not all(_PLACE_NAME.fullmatch(name) for name in names):
        return "has places of which some have numbers, or names with other than small letters, digits and underscores"
    return f"needs an example for {', '.join(without_example)}" if without_example else None


def parameter_format(content: TemplateContent) -> ParameterFormat:
    """Whether the places of a template have numbers or names."""
    names = content.body_places + content.header_places
    return "named" if any(not name.isdecimal() for name in names) else "positional"


def mismatch(template: MessageTemplate, filling: Template) -> str | None:
    """What keeps a filling from fitting a template; None where every place is filled, and nothing else."""
    content = template.content
    body_places = content.body_places
    if template.parameter_format == "named":
        missing = [name for name in body_places if name not in (filling.named_parameters or {})]
        unknown = [name for name in filling.named_parameters or {} if name not in body_places]
        if missing or unknown or filling.parameters:
            return _of_names(template, body_places)
    elif filling.named_parameters or len(filling.parameters) != len(body_places):
        count = _count(len(body_places), "place")
        return f"{_called(template)} has {count} in its text, and parameters has {len(filling.parameters)}"
    return _mismatch_of_header(template, filling) or _mismatch_of_buttons(template, filling)


def _of_names(template: MessageTemplate, names: Iterable[str]) -> str:
    return f"{_called(template)} has places with names: fill namedParameters with exactly {', '.join(names)}"


def _mismatch_of_header(template: MessageTemplate, filling: Template) -> str | None:
    header, content = filling.header, template.content
    kind = content.header.type if content.header else None
    wants_header = bool(content.header_places) if kind == "text" else kind is not None and kind != "location"
    if wants_header and (header is None or header["type"] != kind):
        return f"{_called(template)} needs a header of type {kind}"
    return f"{_called(template)} has no place in its header" if header and not wants_header else None


def _mismatch_of_buttons(template: MessageTemplate, filling: Template) -> str | None:
    filled = {button["index"] for button in filling.buttons or () if button["type"] == "url"}
    missing = [number for number in template.content.filled_buttons if number not in filled]
    return f"{_called(template)} needs the end of the address of button {missing[0]}" if missing else None


def _called(template: MessageTemplate) -> str:
    return f"the template {template.name} ({template.language})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
