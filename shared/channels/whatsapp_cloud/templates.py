"""Filling the places of an approved template.

https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.domain.outbox import Template


def filled(template: Template) -> dict[str, Any]:
    """The template with what fills its header, its text and its buttons; what has no places is not named."""
    about = {"name": template.name, "language": {"code": template.language}}
    components = list(_components(template))
    return about | ({"components": components} if components else {})


def _components(template: Template) -> Iterator[dict[str, Any]]:
    if template.header:
        yield {"type": "header", "parameters": [_header(template.header)]}
    if template.parameters:
        yield {"type": "body", "parameters": [{"type": "text", "text": value} for value in template.parameters]}
    for button in template.buttons or ():
        about = {"type": "button", "sub_type": button["type"], "index": str(button["index"])}
        yield about | {"parameters": [_button(button)]}


def _header(header: dict[str, Any]) -> dict[str, Any]:
    kind = header["type"]
    if kind == "text":
        return header
    return {"type": kind, kind: {name: header[name] for name in ("link", "filename") if name in header}}


def _button(button: dict[str, Any]) -> dict[str, Any]:
    name = "payload" if button["type"] == "quick_reply" else "text"
    return {"type": name, name: button[name]}
