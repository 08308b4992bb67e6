"""Placeholders in what a campaign says: `{{name}}`, or `{{name|there}}` with what stands there for who has no name.

A customer's own fields are written `{{custom.city}}`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from shared.domain.customers import Customer
from shared.domain.outbox import Template

FIELDS = ("name", "first_name", "email", "phone", "language")
"""What placeholders may name beside `custom.` and the name of a custom field."""

_PLACEHOLDER = re.compile(r"\{\{([^{}|]*)(?:\|([^{}]*))?\}\}")
_CUSTOM = "custom."


class ValueMissing(Exception):
    """A customer has no value for a placeholder without a fallback, whose name is the argument."""


def fault(text: str) -> str | None:
    """What is wrong with the placeholders of a text; None where they can be filled for somebody."""
    for match in _PLACEHOLDER.finditer(text):
        name = match[1].strip()
        if name in FIELDS or (name.startswith(_CUSTOM) and name != _CUSTOM):
            continue
        if name.isdecimal():
            return f"has {{{{{name}}}}}, which is for templates alone: name a field, as in {{{{name}}}}"
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"did you mean {{{{{near[0]}}}}}?" if near else f"use {', '.join(FIELDS)} or custom.<field>"
        return f"has the unknown placeholder {{{{{name}}}}}: {hint}"
    if "{{" in _PLACEHOLDER.sub("", text):
        return "has a {{ that is not closed: write {{name}} or {{name|there}}"
    return None


def template_fault(text: str) -> str | None:
    """What is wrong with a value of a template, of which Meta takes no empty one: it would be empty for somebody."""
    least = _PLACEHOLDER.sub(lambda match: "value" if match[2] is None else match[2], text)
    if least.strip():
        return None
    if not text.strip():
        return "has an empty value for its template: providers refuse it"
    name = text.strip().strip("{}").partition("|")[0].strip()
    return (
        f"leaves a value of its template empty for who has no {name}, which providers refuse: "
        f"write {{{{{name}|there}}}}, or {{{{{name}}}}} to skip them"
    )


def filled(text: str, customer: Customer, escape: Callable[[str], str] = str) -> str:
    """The text for one customer, their values escaped; raises `ValueMissing`."""

    def value(match: re.Match[str]) -> str:
        name, fallback = match[1].strip(), match[2]
        value = _value(customer, name)
        if value:
            return escape(value)
        if fallback is None:
            raise ValueMissing(name)
        return fallback

    return _PLACEHOLDER.sub(value, text)


def preview(text: str, customer: Customer) -> str:
    """As `filled`, where nothing depends on it: a missing value leaves a gap."""
    return _PLACEHOLDER.sub(lambda match: _value(customer, match[1].strip()) or match[2] or "", text)


def texts_of(template: Template) -> list[str]:
    """All texts of a template's filling that may have placeholders."""
    named = (template.named_parameters or {}).values()
    parts = [part for part in (template.header, *(template.buttons or ())) if part]
    return [
        *template.parameters,
        *named,
        *(value for part in parts for value in part.values() if isinstance(value, str)),
    ]


def filled_template(template: Template, customer: Customer) -> Template:
    """The template for one customer; raises `ValueMissing`.

    The values become one line: Meta refuses parameters with line breaks, tabs or runs of spaces.
    """

    def text(value: str) -> str:
        return _in_one_line(filled(value, customer))

    def fill(part: dict[str, object]) -> dict[str, object]:
        return {key: text(value) if isinstance(value, str) else value for key, value in part.items()}

    named = template.named_parameters
    return Template(
        name=template.name,
        language=template.language,
        parameters=[text(value) for value in template.parameters],
        named_parameters=named and {name: text(value) for name, value in named.items()},
        header=template.header and fill(template.header),
        buttons=template.buttons and [fill(button) for button in template.buttons],
    )


def _in_one_line(value: str) -> str:
    return " ".join(value.split())


def _value(customer: Customer, name: str) -> str | None:
    if name.startswith(_CUSTOM):
        value = customer.custom_fields.get(name.removeprefix(_CUSTOM))
        return None if value is None else str(value).strip()
    match name:
        case "first_name":
            return next(iter((customer.name or "").split()), None)
        case "language":
            return customer.preferences.language
        case "name" | "email" | "phone":
            own: str | None = getattr(customer, name)
            return own and own.strip()
    return None
