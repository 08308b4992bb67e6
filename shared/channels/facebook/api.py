"""Calling the Graph API, and what its error codes mean.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit import meta
from shared.channelkit.meta import TIMEOUT, Reply
from shared.channels.facebook.config import FacebookConfig
from shared.deps import Deps
from shared.domain.messages import OUTSIDE_WINDOW
from shared.errors import ProviderRejected

PROVIDER = "facebook"

_OUTSIDE_WINDOW = frozenset({(10, 2018278), (10, 2018065)})
_TEMPORARY = frozenset({1, 2, 4, 17, 32, 613, 1200})
_FINAL = frozenset({10, 100, 190, 230, 551, *range(200, 300)})
_FILE_SUBCODES = frozenset({2018008, 2018047, 2018109, 2018294})
_FILE_CODES = frozenset({389, 546})
_FILE_PHRASES = ("failed to fetch the file", "upload attachment failure", "fetch video file")
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
    params: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call the Graph API as the page; a refusal is returned, not raised. Raises what `Outgoing.request` raises."""
    token = config.page_access_token.get_secret_value()
    page = meta.Account(PROVIDER, token, meta.app_secret(config.app_secret, deps.settings))
    return meta.call(deps, page, method, path, json=json, params=params, timeout=timeout)


def file_refused(reply: Reply) -> bool:
    """Whether it was the attachment's file that Meta could not use."""
    message = reply.message.lower()
    is_file_code = reply.subcode in _FILE_SUBCODES or reply.code in _FILE_CODES
    return not reply.ok and (is_file_code or any(phrase in message for phrase in _FILE_PHRASES))


def result(reply: Reply) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    if reply.ok:
        return meta.body_of(PROVIDER, reply)
    if (reply.code, reply.subcode) in _OUTSIDE_WINDOW:
        raise ProviderRejected(PROVIDER, OUTSIDE_WINDOW)
    raise meta.sorted_refusal(PROVIDER, reply, _HINTS.get(reply.code), temporary=_TEMPORARY, final=_FINAL)
