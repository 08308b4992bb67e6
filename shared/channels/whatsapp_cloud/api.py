"""Calling the Graph API for a WhatsApp number, and what its error codes mean.

https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit import meta
from shared.channelkit.meta import TIMEOUT, Reply
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.deps import Deps
from shared.domain.outbox import OUTSIDE_WINDOW
from shared.errors import ProviderRejected, RecipientOptedOut

PROVIDER = "whatsapp_cloud"
NEEDS_TEMPLATE = 131047
"""The customer last wrote more than 24 hours ago."""

_RATE_LIMITS = frozenset({4, 80007, 130429})
_TEMPORARY = _RATE_LIMITS | {1, 2, 17, 613, 131000, 131016, 131056, 131057, 133004, 133016}
_FINAL = frozenset(
    {
        *(0, 3, 10, 33, 100, 190, 368, *range(200, 300)),
        *(130472, 130497, 131005, 131008, 131009, 131021, 131026, 131030, 131031, 131037, 131042, 131045, 131048),
        *(131049, 131050, 131051, 131052, 131053, 131055, 131062, 133010, 134011, 135000),
        *range(132000, 132070),
    }
)
_FILE_CODES = frozenset({131052, 131053})
_LIMITED_SECONDS = 5.0
"""How long a number pauses that sent too fast, when Meta does not say."""

NO_MARKETING = 131050
_HINTS = {
    0: "check config.accessToken",
    190: "check config.accessToken",
    10: "the token lacks whatsapp_business_messaging",
    100: "check config.phoneNumberId",
    33: "check config.phoneNumberId",
    131026: "the number has no WhatsApp, or cannot take this message",
    131030: "add the number to the test number's list of recipients at Meta",
    131031: "Meta has locked the account",
    131042: "check the account's payment method at Meta",
    131048: "too many of the number's messages were reported as spam",
    131049: "try again after 24 hours",
    NO_MARKETING: "the customer wants no marketing messages",
    132000: "the template wants another number of parameters",
    132001: "there is no approved template of this name in this language",
    132015: "the template is paused",
    132016: "the template is disabled",
    133010: "register the number at Meta first",
} | dict.fromkeys(range(200, 300), "the token lacks whatsapp_business_messaging")


def call(
    deps: Deps,
    config: CloudConfig,
    method: str,
    path: str,
    *,
    json: object = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call the Graph API; a refusal is returned, not raised. Raises what `Outgoing.request` raises."""
    token = config.access_token.get_secret_value()
    account = meta.Account(PROVIDER, token, meta.app_secret(config.app_secret, deps.settings))
    return meta.call(deps, account, method, path, json=json, data=data, headers=headers, params=params, timeout=timeout)


def file_refused(reply: Reply) -> bool:
    """Whether it was a file that Meta could not fetch or use."""
    return not reply.ok and reply.code in _FILE_CODES


def result(reply: Reply) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    if reply.ok:
        return meta.body_of(PROVIDER, reply)
    if reply.code == NEEDS_TEMPLATE:
        raise ProviderRejected(PROVIDER, OUTSIDE_WINDOW)
    if reply.code == NO_MARKETING:
        raise RecipientOptedOut(PROVIDER, _HINTS[NO_MARKETING], marketing_only=True)
    pause = reply.answer.retry_after
    if pause is None and reply.code in _RATE_LIMITS:
        pause = _LIMITED_SECONDS
    hint = _HINTS.get(reply.code)
    raise meta.sorted_refusal(PROVIDER, reply, hint, temporary=_TEMPORARY, final=_FINAL, retry_after=pause)
