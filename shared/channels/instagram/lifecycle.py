"""Making an account's events come to us."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from shared.channel.lifecycle import Connection
from shared.channelkit import messenger
from shared.channelkit.reachable import only_sends
from shared.channels.instagram import tokens
from shared.channels.instagram.api import NOT_INSTALLED, call, result
from shared.channels.instagram.config import PROVIDER, InstagramConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderError, ProviderRejected

_log = logging.getLogger(__name__)

PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""

SUBSCRIBED_FIELDS = (
    "messages",
    "message_edit",
    "message_reactions",
    "messaging_postbacks",
    "messaging_referral",
    "messaging_seen",
)
_UNSUBSCRIBED = "the app is not subscribed to the account: connect the instance"


@dataclass(frozen=True, slots=True)
class _Account:
    """The account, and the node whose subscription brings its events: itself, or the linked page."""

    id: str
    name: str
    node: str


def connect(deps: Deps, instance: Instance, config: InstagramConfig) -> Connection:
    """Ask whose token it is, renew it and, where `PUBLIC_URL` is set, subscribe the app to the account.

    The callback URL itself belongs to the app and is entered at Meta once. Without a token the account's owner has yet
    to log in.
    """
    if config.access_token is None:
        return Connection(status=InstanceStatus.NOT_CONFIGURED, detail=NOT_INSTALLED)
    return connection_of(deps, config, _renewed_if_possible(deps, instance, config))


def connection_of(deps: Deps, config: InstagramConfig, secrets: Mapping[str, str]) -> Connection:
    """Subscribe the app to the account whose token it is; `secrets` are kept."""
    account = _account(deps, config)
    url = None
    if deps.settings.public_url:
        url = f"{deps.settings.public_url}/webhook/instagram"
        _subscribe(deps, config, account.node)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        external_id=account.id,
        display_name=account.name,
        detail=only_sends(deps.settings),
        config={"page_id": account.node} if config.is_page_linked else {},
        secrets=secrets,
    )


def renew(deps: Deps, instance: Instance, config: InstagramConfig) -> dict[str, str]:
    """A new token for 60 days; none for a page's, which does not end."""
    if config.access_token is None or config.is_page_linked:
        return {}
    return {"access_token": tokens.renew(deps, config.access_token.get_secret_value())}


def _renewed_if_possible(deps: Deps, instance: Instance, config: InstagramConfig) -> dict[str, str]:
    """As `renew`; none where Instagram does not renew the token, which may still be good."""
    try:
        return renew(deps, instance, config)
    except ProviderError as error:
        _log.info("a token was not renewed", extra={"why": error.reason})
        return {}


def status(deps: Deps, instance: Instance, config: InstagramConfig) -> Connection:
    """Check the token, and that an app is subscribed to the account.

    Without `PUBLIC_URL` nobody subscribes one: an account that was logged out stays so.
    """
    account = _account(deps, config)
    if deps.settings.public_url:
        listening = bool(result(call(deps, config, "GET", _subscriptions(account.node))).get("data"))
    else:
        listening = instance.status not in (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED)
    return Connection(
        status=InstanceStatus.CONNECTED if listening else InstanceStatus.DISCONNECTED,
        external_id=account.id,
        display_name=account.name,
        detail=only_sends(deps.settings) if listening else _UNSUBSCRIBED,
    )


def logout(deps: Deps, instance: Instance, config: InstagramConfig) -> Connection:
    """Unsubscribe the app from the account; of a linked page, from the page, which also ends Messenger's events."""
    _unsubscribe(deps, config)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=_UNSUBSCRIBED)


def remove(deps: Deps, instance: Instance, config: InstagramConfig) -> Connection:
    """As `logout`; the account belongs to its owner."""
    _unsubscribe(deps, config)
    return Connection(status=InstanceStatus.DELETED)


def probe(deps: Deps, instance: Instance, config: InstagramConfig) -> None:
    """Ask Meta whose token it is."""
    result(call(deps, config, "GET", "me", params={"fields": "id"}, timeout=PROBE_TIMEOUT))


def _account(deps: Deps, config: InstagramConfig) -> _Account:
    """A page's token names the page, which names the account; that of an Instagram login the account itself."""
    if config.is_page_linked:
        page = _me(deps, config, "id,instagram_business_account{id,username}")
        linked = page.get("instagram_business_account")
        account: Mapping[str, Any] = linked if isinstance(linked, dict) else {}
        account_id, node = account.get("id"), page.get("id")
    else:
        account = _me(deps, config, "user_id,username")
        account_id, node = account.get("user_id"), "me"
    name = account.get("username")
    if not isinstance(account_id, (str, int)) or not isinstance(node, str):
        raise ProviderRejected(
            PROVIDER, "the token names no professional account; check config.accessToken, and that the page is linked"
        )
    return _Account(str(account_id), name if isinstance(name, str) else str(account_id), node)


def _me(deps: Deps, config: InstagramConfig, fields: str) -> Mapping[str, Any]:
    return result(call(deps, config, "GET", "me", params={"fields": fields}))


def _subscriptions(node: str) -> str:
    return f"{quote(node, safe='')}/subscribed_apps"


def _subscribe(deps: Deps, config: InstagramConfig, node: str) -> None:
    fields = messenger.PAGE_FIELDS if config.is_page_linked else SUBSCRIBED_FIELDS
    try:
        result(call(deps, config, "POST", _subscriptions(node), json={"subscribed_fields": ",".join(fields)}))
    except ProviderRejected as refused:
        raise ProviderRejected(
            PROVIDER,
            f"the app could not be subscribed to the account: {refused.reason}. The token needs "
            "instagram_business_manage_messages, that of a page instagram_manage_messages and pages_manage_metadata",
        ) from None


def _unsubscribe(deps: Deps, config: InstagramConfig) -> None:
    node = (config.page_id or "me") if config.is_page_linked else "me"
    result(call(deps, config, "DELETE", _subscriptions(node)))
