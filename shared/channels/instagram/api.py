"""Calling the Graph API for an Instagram account: at Instagram's own address, or at Facebook's for a linked page.

https://developers.facebook.com/docs/instagram-platform/overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit import messenger, meta
from shared.channelkit.meta import TIMEOUT, Reply
from shared.channels.instagram.config import PROVIDER, InstagramConfig, InstagramSettings
from shared.deps import Deps
from shared.errors import NotConfigured

NOT_INSTALLED = "access_token is missing: log in at Instagram by the instance's auth_url, or set access_token"
_PERMISSION = "the token lacks instagram_business_manage_messages (of a page's: instagram_manage_messages)"
_HINTS = {
    190: "the token is wrong or has expired: connect the account again, or set config.accessToken",
    10: _PERMISSION,
    551: "this person cannot be reached now",
} | dict.fromkeys(range(200, 300), _PERMISSION)


def call(
    deps: Deps,
    config: InstagramConfig,
    method: str,
    path: str,
    *,
    json: object = None,
    params: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call the Graph API as the account; a refusal is returned, not raised.

    Raises what `Outgoing.request` raises, and `NotConfigured` without a token.
    """
    if config.access_token is None:
        raise NotConfigured(PROVIDER, NOT_INSTALLED)
    return meta.call(deps, _account(deps, config), method, path, json=json, params=params, timeout=timeout)


def _account(deps: Deps, config: InstagramConfig) -> meta.Account:
    token = config.access_token.get_secret_value() if config.access_token else ""
    if config.is_page_linked:
        return meta.Account(PROVIDER, token, meta.app_secret(config.app_secret, deps.settings))
    return meta.Account(PROVIDER, token, None, deps.settings.of(InstagramSettings).instagram_api_url)


def result(reply: Reply) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    return messenger.result(PROVIDER, reply, _HINTS)
