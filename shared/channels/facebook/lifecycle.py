"""Making a page's events come to us."""

from __future__ import annotations

from urllib.parse import quote

from shared.channel import Connection
from shared.channels.facebook.config import FacebookConfig
from shared.channels.facebook.graph import PROVIDER, call, result
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

SUBSCRIBED_FIELDS = (
    "messages",
    "messaging_postbacks",
    "message_deliveries",
    "message_reads",
    "message_echoes",
    "message_edits",
    "message_reactions",
)


def connect(deps: Deps, instance: Instance, config: FacebookConfig) -> Connection:
    """Ask whose token it is and, where `PUBLIC_URL` is set, subscribe the app to that page.

    The callback URL itself belongs to the app and is entered at Meta once.
    """
    page = result(call(deps, config, "GET", "me", params={"fields": "id,name"}))
    page_id = page.get("id")
    if not isinstance(page_id, str) or not page_id:
        raise ProviderRejected(PROVIDER, "the token names no page; check config.pageAccessToken and GRAPH_API_URL")
    name = page.get("name")
    url = None
    if deps.settings.public_url:
        url = f"{deps.settings.public_url}/api/facebook/webhook"
        _subscribe(deps, config, page_id)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        external_id=page_id,
        display_name=name if isinstance(name, str) else page_id,
    )


def _subscribe(deps: Deps, config: FacebookConfig, page_id: str) -> None:
    path = f"{quote(page_id, safe='')}/subscribed_apps"
    wanted = {"subscribed_fields": ",".join(SUBSCRIBED_FIELDS)}
    try:
        result(call(deps, config, "POST", path, json=wanted))
    except ProviderRejected as refused:
        raise ProviderRejected(
            PROVIDER,
            f"the app could not be subscribed to the page: {refused.reason}. The token must be a page access token "
            "with pages_messaging and pages_manage_metadata",
        ) from None
