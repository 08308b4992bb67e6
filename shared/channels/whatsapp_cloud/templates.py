"""The templates of a WhatsApp Business account: filling the places of one, and keeping them at Meta.

https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates
https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from shared.channel.templates import ReportedTemplate, TemplatePage
from shared.channelkit.meta import Reply
from shared.channelkit.payloads import checked
from shared.channels.whatsapp_cloud.api import PROVIDER, call, result
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.channels.whatsapp_cloud.events import (
    STATUSES_OF_TEMPLATES,
    ListedTemplate,
    TemplateButton,
    TemplateComponent,
)
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.kinds import TemplateStatus
from shared.domain.message_templates import ButtonContent, HeaderContent, TemplateContent, places
from shared.domain.outbox import Template
from shared.errors import FieldName, PayloadInvalid, Unprocessable

TIMEOUT = 15.0
"""Seconds; somebody is waiting for the answer."""

_FIELDS = "id,name,language,category,status,rejected_reason,quality_score,parameter_format,components"
_NO_SUCH_TEMPLATE = 2593002
"""https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"""


def filled(template: Template) -> dict[str, Any]:
    """The template with what fills its header, its text and its buttons; what has no places is not named."""
    about = {"name": template.name, "language": {"code": template.language}}
    components = list(_components(template))
    return about | ({"components": components} if components else {})


def _components(template: Template) -> Iterator[dict[str, Any]]:
    if template.header:
        yield {"type": "header", "parameters": [_header(template.header)]}
    if template.named_parameters:
        named = template.named_parameters.items()
        yield {
            "type": "body",
            "parameters": [{"type": "text", "parameter_name": name, "text": value} for name, value in named],
        }
    elif template.parameters:
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


def list_templates(
    deps: Deps, instance: Instance, config: CloudConfig, *, name: str | None, after: str | None, limit: int
) -> TemplatePage:
    """One page of the account's templates. A template that cannot be read is left out."""
    params = {"fields": _FIELDS, "limit": str(limit)}
    params |= {"name": name} if name else {}
    params |= {"after": after} if after else {}
    body = result(call(deps, config, "GET", _path(config), params=params, timeout=TIMEOUT))
    listed = body.get("data")
    templates = [_reported(item) for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return TemplatePage(templates=[template for template in templates if template], after=_after(body))


def create_template(
    deps: Deps, instance: Instance, config: CloudConfig, template: ReportedTemplate
) -> ReportedTemplate:
    """Have a template reviewed by Meta."""
    body = {
        "name": template.name,
        "language": template.language,
        "category": template.category.upper(),
        "parameter_format": template.parameter_format.upper(),
        "components": list(_described(template.content)),
    }
    answer = result(call(deps, config, "POST", _path(config), json=body, timeout=TIMEOUT))
    external_id, category = answer.get("id"), answer.get("category")
    return replace(
        template,
        external_id=external_id if isinstance(external_id, str) else None,
        category=category.lower() if isinstance(category, str) else template.category,
        status=STATUSES_OF_TEMPLATES.get(str(answer.get("status")), TemplateStatus.PENDING),
    )


def delete_template(deps: Deps, instance: Instance, config: CloudConfig, name: str, external_id: str | None) -> None:
    """Without Meta's id of it a template is deleted in all languages."""
    params = {"name": name} | ({"hsm_id": external_id} if external_id else {})
    reply: Reply = call(deps, config, "DELETE", _path(config), params=params, timeout=TIMEOUT)
    if reply.subcode != _NO_SUCH_TEMPLATE:
        result(reply)


def _path(config: CloudConfig) -> str:
    if not config.business_account_id:
        name = FieldName("config.business_account_id")
        raise Unprocessable(("set ", name, " of this channel: templates belong to the business account at Meta"))
    return f"{config.business_account_id}/message_templates"


def _after(body: Mapping[str, Any]) -> str | None:
    paging = body.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return after if isinstance(after, str) else None


def _reported(item: Mapping[str, Any]) -> ReportedTemplate | None:
    try:
        listed = checked(PROVIDER, ListedTemplate, item)
    except PayloadInvalid:
        return None
    return ReportedTemplate(
        external_id=listed.id,
        name=listed.name,
        language=listed.language,
        category=listed.category.lower(),
        status=STATUSES_OF_TEMPLATES.get(listed.status, TemplateStatus.UNKNOWN),
        reason=listed.reason,
        quality=listed.quality_score.score.lower() if listed.quality_score and listed.quality_score.score else None,
        parameter_format="named" if listed.parameter_format.upper() == "NAMED" else "positional",
        content=_content(listed.components),
    )


def _content(components: list[TemplateComponent]) -> TemplateContent:
    content = TemplateContent()
    for component in components:
        match component.type.upper():
            case "HEADER":
                kind = (component.format or "TEXT").lower()
                if kind in ("text", "image", "video", "document", "location"):
                    content.header = HeaderContent.model_validate({"type": kind, "text": component.text})
            case "BODY":
                content.body = component.text or ""
            case "FOOTER":
                content.footer = component.text
            case "BUTTONS":
                content.buttons = [_button_content(button) for button in component.buttons]
    return content


def _button_content(button: TemplateButton) -> ButtonContent:
    return ButtonContent(
        type=button.type.lower(), text=button.text or "", url=button.url, phone_number=button.phone_number
    )


def _described(content: TemplateContent) -> Iterator[dict[str, Any]]:
    if content.header:
        header = {"type": "HEADER", "format": content.header.type.upper(), "text": content.header.text}
        yield header | _example("header_text", content.header_places, content.examples, is_nested=False)
    yield {"type": "BODY", "text": content.body} | _example(
        "body_text", content.body_places, content.examples, is_nested=True
    )
    if content.footer:
        yield {"type": "FOOTER", "text": content.footer}
    if content.buttons:
        yield {"type": "BUTTONS", "buttons": [_described_button(button) for button in content.buttons]}


def _example(field: str, names: list[str], examples: Mapping[str, str], *, is_nested: bool) -> dict[str, Any]:
    if not names:
        return {}
    if not all(name.isdecimal() for name in names):
        named = [{"param_name": name, "example": examples[name]} for name in names]
        return {"example": {f"{field}_named_params": named}}
    values = [examples[name] for name in sorted(names, key=int)]
    return {"example": {field: [values] if is_nested else values}}


def _described_button(button: ButtonContent) -> dict[str, Any]:
    about = {"type": button.type.upper(), "text": button.text}
    if button.type == "phone_number":
        return about | {"phone_number": button.phone_number}
    if button.type != "url":
        return about
    url = button.url or ""
    return about | {"url": url} | ({"example": [url.replace("{{1}}", "example")]} if places(url) else {})
