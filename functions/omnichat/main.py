"""The OmniChat dialect as a function: `/api/*` with access tokens."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint

_MODULES = (
    "auth",
    "link_pages",
    "channels",
    "channel_types",
    "templates",
    "front_end",
    "agents",
    "conversations",
    "inbox",
    "canned_replies",
    "webhooks",
    "audit",
    "campaigns",
    "customers",
    "erasures",
    "events",
    "notifications",
    "search",
    "messages",
    "files",
    "visitor_files",
    "users",
    "profile",
    "keys",
    "settings",
    "business_hours",
    "sla_policies",
    "teams",
    "telegram",
    "access",
)
"""Each has a blueprint `api`; the OpenAPI document has them in this order."""


def blueprints() -> list[APIBlueprint]:
    """All of the dialect, for this function and for those that carry several; loading it takes a while."""
    return [import_module(f"functions.omnichat.{name}").api for name in _MODULES]


handler = handler_for(blueprints)
