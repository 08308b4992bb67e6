"""Calling the Graph API, and what its error codes mean.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit import messenger, meta
from shared.channelkit.meta import TIMEOUT, Reply
from shared.channels.facebook.config import FacebookConfig
from shared.deps import Deps

PROVIDER = "facebook"

_HINTS = {
    190: "check config.pageAccessToken",
    10: "the page or the app lacks a permission (pages_messaging)",
    551: "this person cannot be reached now",
} | dict.fromkeys(range(200, 300), "the page or the app lacks a permission (pages_messaging)")


def call(
    deps: Deps,
    config: FacebookConfig,
    method: str,
    path: str,
    *,
    json: object = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call the Graph API as the page; a refusal is returned, not raised. Raises what `Outgoing.request` raises."""
    token = config.page_access_token.get_secret_value()
    page = meta.Account(PROVIDER, token, meta.app_secret(config.app_secret, deps.settings))
    return meta.call(deps, page, method, path, json=json, data=data, headers=headers, params=params, timeout=timeout)


def result(reply: Reply) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    return messenger.result(PROVIDER, reply, _HINTS)
