"""Installing the app in a workspace."""

from __future__ import annotations

from urllib.parse import urlencode

from shared.channel.lifecycle import Connection
from shared.channel.oauth import Links, Redirect
from shared.channels.slack.api import PROVIDER, exchange, text_of
from shared.channels.slack.config import SlackConfig, client
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

AUTHORIZE = "https://slack.com/oauth/v2/authorize"


SCOPES = (
    "app_mentions:read",
    "channels:history",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "im:history",
    "im:write",
    "mpim:history",
    "reactions:read",
    "reactions:write",
    "users:read",
)
"""What reading, answering and reacting needs (https://docs.slack.dev/reference/scopes)."""


def links(settings: Settings, config: SlackConfig, redirect: Redirect | None) -> Links:
    """Where a workspace's people agree to the app (https://docs.slack.dev/authentication/installing-with-oauth)."""
    client_id, _ = client(config, settings)
    if not client_id:
        return Links(message="Set SLACK_CLIENT_ID, or client_id in the instance's config")
    if redirect is None:
        return Links(message="Set PUBLIC_URL, so that Slack can send you back here")
    query = {"client_id": client_id, "scope": ",".join(SCOPES), "state": redirect.state, "redirect_uri": redirect.url}
    return Links(
        message="Open auth_url to install the app in a Slack workspace",
        auth_url=f"{AUTHORIZE}?{urlencode(query)}",
    )


def install(deps: Deps, instance: Instance, config: SlackConfig, code: str, redirect_url: str) -> Connection:
    """Turn the code into the bot's token for the one workspace it was installed in."""
    client_id, client_secret = client(config, deps.settings)
    if not client_id or not client_secret:
        raise ProviderRejected(PROVIDER, "set SLACK_CLIENT_SECRET beside SLACK_CLIENT_ID")
    granted = exchange(deps, client_id, client_secret, code, redirect_url)
    token, app, team = text_of(granted, "access_token"), text_of(granted, "app_id"), text_of(granted, "team", "id")
    if token is None or app is None or team is None or granted.get("token_type") != "bot":
        raise ProviderRejected(PROVIDER, "the installation gave no bot token of a single workspace")
    if granted.get("refresh_token"):
        raise ProviderRejected(PROVIDER, "token rotation is on: turn it off in the app's OAuth settings")
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=request_url(deps, instance),
        external_id=f"{app}:{team}",
        display_name=text_of(granted, "team", "name"),
        config=app_config(app, text_of(granted, "bot_user_id")),
        secrets={"bot_token": token},
    )


def app_config(app: str | None, bot_user: str | None) -> dict[str, str]:
    return {name: value for name, value in (("app_id", app), ("bot_user_id", bot_user)) if value}


def request_url(deps: Deps, instance: Instance) -> str | None:
    """What to enter in the app's settings; Slack cannot be told by its API."""
    return f"{deps.settings.public_url}/webhook/slack/{instance.id}" if deps.settings.public_url else None
