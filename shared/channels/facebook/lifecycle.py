"""Making a page's events come to us."""

from __future__ import annotations

from urllib.parse import quote

from shared.channel.lifecycle import Connection
from shared.channelkit import messenger
from shared.channelkit.reachable import only_sends
from shared.channels.facebook.api import PROVIDER, call, result
from shared.channels.facebook.config import FacebookConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""

_UNSUBSCRIBED = "the app is not subscribed to the page: connect the instance"


def connect(deps: Deps, instance: Instance, config: FacebookConfig) -> Connection:
    """Ask whose token it is and, where `PUBLIC_URL` is set, subscribe the app to that page.

    The callback URL itself belongs to the app and is entered at Meta once.
    """
    page_id, name = _page(deps, config)
    url = None
    if deps.settings.public_url:
        url = f"{deps.settings.public_url}/api/facebook/webhook"
        _subscribe(deps, config, page_id)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        external_id=page_id,
        display_name=name,
        detail=only_sends(deps.settings),
    )


def status(deps: Deps, instance: Instance, config: FacebookConfig) -> Connection:
    """Check the token, and that an app is subscribed to the page.

    Without `PUBLIC_URL` nobody subscribes one: a page that was logged out stays so.
    """
    page_id, name = _page(deps, config)
    if deps.settings.public_url:
        listening = bool(result(call(deps, config, "GET", _subscriptions(page_id))).get("data"))
    else:
        listening = instance.status not in (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED)
    if not listening:
        return Connection(
            status=InstanceStatus.DISCONNECTED, external_id=page_id, display_name=name, detail=_UNSUBSCRIBED
        )
    detail = only_sends(deps.settings)
    return Connection(status=InstanceStatus.CONNECTED, external_id=page_id, display_name=name, detail=detail)


def logout(deps: Deps, instance: Instance, config: FacebookConfig) -> Connection:
    """Unsubscribe the app from the page."""
    _unsubscribe(deps, instance, config)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=_UNSUBSCRIBED)


def remove(deps: Deps, instance: Instance, config: FacebookConfig) -> Connection:
    """Unsubscribe the app from the page; the page itself belongs to its owner."""
    _unsubscribe(deps, instance, config)
    return Connection(status=InstanceStatus.DELETED)


def _unsubscribe(deps: Deps, instance: Instance, config: FacebookConfig) -> None:
    page_id = instance.external_id or _page(deps, config)[0]
    result(call(deps, config, "DELETE", _subscriptions(page_id)))


def _page(deps: Deps, config: FacebookConfig) -> tuple[str, str]:
    """The page's id and name."""
    page = result(call(deps, config, "GET", "me", params={"fields": "id,name"}))
    page_id, name = page.get("id"), page.get("name")
    if not isinstance(page_id, str) or not page_id:
        raise ProviderRejected(PROVIDER, "the token names no page; check config.pageAccessToken and GRAPH_API_URL")
    return page_id, name if isinstance(name, str) else page_id


def _subscriptions(page_id: str) -> str:
    return f"{quote(page_id, safe='')}/subscribed_apps"


def probe(deps: Deps, instance: Instance, config: FacebookConfig) -> None:
    """Ask Meta whose token it is."""
    result(call(deps, config, "GET", "me", params={"fields": "id"}, timeout=PROBE_TIMEOUT))


def _subscribe(deps: Deps, config: FacebookConfig, page_id: str) -> None:
    parameters = {"subscribed_fields": ",".join(messenger.PAGE_FIELDS)}
    try:
        result(call(deps, config, "POST", _subscriptions(page_id), json=parameters))
    except ProviderRejected as refused:
        raise ProviderRejected(
            PROVIDER,
            f"the app could not be subscribed to the page: {refused.reason}. The token must be a page access token "
            "with pages_messaging and pages_manage_metadata",
        ) from None
