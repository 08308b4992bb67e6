"""Meta's API of templates, as a stub of it answers: what is made there is listed, and what is deleted is gone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.stubs import Received, Reply, Stub

BUSINESS = "102290129340398"
NUMBER = "106540352242922"
SECRET = "the-app-secret"
CONFIG = {
    "provider": "cloud",
    "accessToken": "EAAJ",
    "phoneNumberId": NUMBER,
    "businessAccountId": BUSINESS,
    "appSecret": SECRET,
}
HELLO = {
    "id": "1",
    "name": "summer_sale",
    "language": "en_US",
    "category": "MARKETING",
    "status": "APPROVED",
    "rejected_reason": "NONE",
    "quality_score": {"score": "GREEN"},
    "parameter_format": "POSITIONAL",
    "components": [{"type": "BODY", "text": "Hello {{1}}, our sale is on.", "example": {"body_text": [["Ann"]]}}],
}


@dataclass
class MetaTemplates:
    """The templates of one business; pages have `page_size` of them."""

    templates: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 100

    def install(self, provider: Stub) -> None:
        path = f"/{BUSINESS}/message_templates"
        provider.on("GET", path, self._list)
        provider.on("POST", path, self._create)
        provider.on("DELETE", path, self._delete)
        provider.on("GET", rf"/{NUMBER}\?", Reply(json={"id": NUMBER, "verified_name": "Lucky Shrub"}))

    def has(self, **changes: Any) -> dict[str, Any]:
        template = HELLO | changes
        self.templates.append(template)
        return template

    def _list(self, request: Received) -> Reply:
        query = _query(request)
        matching = [each for each in self.templates if query.get("name", "") in each["name"]]
        start = int(query.get("after", 0))
        end = start + self.page_size
        paging = {"cursors": {"after": str(end)}} | ({"next": "https://…"} if end < len(matching) else {})
        return Reply(json={"data": matching[start:end], "paging": paging})

    def _create(self, request: Received) -> Reply:
        template = json.loads(json.dumps(request.json)) | {"id": str(len(self.templates) + 1), "status": "PENDING"}
        self.templates.append(template)
        return Reply(json={name: template[name] for name in ("id", "status", "category")})

    def _delete(self, request: Received) -> Reply:
        query = _query(request)
        doomed = [
            each
            for each in self.templates
            if each["name"] == query["name"] and query.get("hsm_id") in (None, each["id"])
        ]
        if not doomed:
            error = {"code": 100, "error_subcode": 2593002, "message": "Invalid parameter"}
            return Reply(400, {"error": error})
        self.templates = [each for each in self.templates if each not in doomed]
        return Reply(json={"success": True})


def _query(request: Received) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


def status_update(event: str, name: str = "summer_sale", language: str = "en_US", **more: Any) -> dict[str, Any]:
    """A webhook that tells of a template."""
    about = {"message_template_id": 1, "message_template_name": name, "message_template_language": language}
    change = {"field": "message_template_status_update", "value": {"event": event, **about, **more}}
    return {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS, "changes": [change]}]}


def quality_update(score: str, name: str = "summer_sale", language: str = "en_US") -> dict[str, Any]:
    about = {"message_template_name": name, "message_template_language": language}
    value = {"previous_quality_score": "GREEN", "new_quality_score": score, **about}
    change = {"field": "message_template_quality_update", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS, "changes": [change]}]}
