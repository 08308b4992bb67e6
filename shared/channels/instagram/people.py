"""Who it is: events carry nothing but an Instagram-scoped id.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api/user-profile
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.channels.instagram.api import call, result
from shared.channels.instagram.config import InstagramConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import ProviderError

_log = logging.getLogger(__name__)

_FIELDS = "name,username,profile_pic"
_TIMEOUT = 5.0
_PEOPLE_DO = ("message", "postback", "referral")


def enrich(deps: Deps, instance: Instance, config: InstagramConfig, payload: Any) -> Any:
    """The item with the customer's `profile`; it is taken without one where Instagram does not tell it."""
    item = payload.get("item") if isinstance(payload, Mapping) else None
    customer = _writer(item)
    if customer is None or config.access_token is None:
        return payload
    profile = deps.cache.get(("instagram profile", instance.id, customer), lambda: _look_up(deps, config, customer))
    return {**payload, "item": {**item, "profile": profile}} if item and profile else payload


def _writer(item: object) -> str | None:
    """The customer who wrote; nobody is asked for whom the account itself writes to."""
    if not isinstance(item, Mapping) or not any(name in item for name in _PEOPLE_DO):
        return None
    message, sender, recipient = (item.get(name) for name in ("message", "sender", "recipient"))
    if isinstance(message, Mapping) and (message.get("is_echo") or message.get("is_deleted")):
        return None
    customer = sender.get("id") if isinstance(sender, Mapping) else None
    return customer if isinstance(customer, str) and customer and sender != recipient else None


def _look_up(deps: Deps, config: InstagramConfig, customer: str) -> dict[str, str]:
    """Instagram tells nothing of who has not agreed by writing to the account."""
    try:
        path, fields = quote(customer, safe=""), {"fields": _FIELDS}
        about = result(call(deps, config, "GET", path, params=fields, timeout=_TIMEOUT))
    except ProviderError as error:
        _log.info("instagram did not tell a profile", extra={"why": error.detail})
        return {}
    return {name: value for name in _FIELDS.split(",") if isinstance(value := about.get(name), str) and value}
