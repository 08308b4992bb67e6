"""Getting the bot into a workspace, and whether it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from shared.channel import Connection, Links, Return
from shared.channels.slack.config import SlackConfig, client
from shared.channels.slack.web import NOT_INSTALLED, PROVIDER, TOKEN_DEAD, ask, call, exchange, result, text_of
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
    "groups:history",
    "im:history",
    "im:write",
    "mpim:history",
    "reactions:read",
    "reactions:write",
    "users:read",
)
"""What reading, answering and reacting needs (https://docs.slack.dev/reference/scopes)."""
PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""


def links(settings: Settings, config: SlackConfig, back: Return | None) -> Links:
    """Where a workspace's people agree to the app (https://docs.slack.dev/authentication/installing-with-oauth)."""
    client_id, _ = client(config, settings)
    if not client_id:
        return Links(message="Set SLACK_CLIENT_ID, or client_id in the instance's config")
    if back is None:
        return Links(message="Set PUBLIC_URL, so that Slack can send you back here")
    asked = {"client_id": client_id, "scope": ",".join(SCOPES), "state": back.state, "redirect_uri": back.url}
    return Links(
        message="Open auth_url to install the app in a Slack workspace",
        auth_url=f"{AUTHORIZE}?{urlencode(asked)}",
    )


def install(deps: Deps, instance: Instance, config: SlackConfig, code: str, redirect_uri: str) -> Connection:
    """Turn the code into the bot's token for the one workspace it was installed in."""
    client_id, client_secret = client(config, deps.settings)
    if not client_id or not client_secret:
        raise ProviderRejected(PROVIDER, "set SLACK_CLIENT_SECRET beside SLACK_CLIENT_ID")
    granted = exchange(deps, client_id, client_secret, code, redirect_uri)
    token, app, team = text_of(granted, "access_token"), text_of(granted, "app_id"), text_of(granted, "team", "id")
    if token is None or app is None or team is None or granted.get("token_type") != "bot":
        raise ProviderRejected(PROVIDER, "the installation gave no bot token of a single workspace")
    if granted.get("refresh_token"):
        raise ProviderRejected(PROVIDER, "token rotation is on: turn it off in the app's OAuth settings")
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=_request_url(deps, instance),
        external_id=f"{app}:{team}",
        display_name=text_of(granted, "team", "name"),
        config=_known(app, text_of(granted, "bot_user_id")),
        secrets={"bot_token": token},
    )


def connect(deps: Deps, instance: Instance, config: SlackConfig) -> Connection:
    """Ask whose token it is; without one, nothing is wrong but that the app is not installed."""
    if config.bot_token is None:
        return Connection(status=InstanceStatus.NOT_CONFIGURED, detail=NOT_INSTALLED)
    who = ask(deps, config, "auth.test", {})
    app = config.app_id or text_of(who, "app_id") or _app(deps, config, who)
    team = text_of(who, "team_id")
    if team is None:
        raise ProviderRejected(PROVIDER, "auth.test names no workspace; check SLACK_API_URL")
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=_request_url(deps, instance),
        external_id=f"{app}:{team}" if app else team,
        display_name=text_of(who, "team"),
        config=_known(app, text_of(who, "user_id")),
    )


def _known(app: str | None, bot_user: str | None) -> dict[str, str]:
    return {name: value for name, value in (("app_id", app), ("bot_user_id", bot_user)) if value}


def _app(deps: Deps, config: SlackConfig, who: Mapping[str, Any]) -> str | None:
    """The app that the bot belongs to; webhooks name it, and a token that may not look is taken all the same."""
    bot = text_of(who, "bot_id")
    if bot is None:
        return None
    try:
        return text_of(ask(deps, config, "bots.info", {"bot": bot}), "bot", "app_id")
    except ProviderRejected:
        return None


def _request_url(deps: Deps, instance: Instance) -> str | None:
    """What to enter in the app's settings; Slack cannot be told by its API."""
    return f"{deps.settings.public_url}/webhook/slack/{instance.id}" if deps.settings.public_url else None


def status(deps: Deps, instance: Instance, config: SlackConfig) -> Connection:
    """Ask Slack whether it takes the token."""
    if config.bot_token is None:
        return Connection(status=InstanceStatus.NOT_CONFIGURED, detail=NOT_INSTALLED)
    reply = call(deps, config, "auth.test", {})
    if reply.error in TOKEN_DEAD:
        why = f"Slack does not take the token ({reply.error}): install the app again"
        return Connection(status=InstanceStatus.DISCONNECTED, detail=why)
    return Connection(status=InstanceStatus.CONNECTED, display_name=text_of(result(reply), "team"))


def logout(deps: Deps, instance: Instance, config: SlackConfig) -> Connection:
    """Revoke the bot's token; to use the workspace again, the app is installed again."""
    if config.bot_token is not None:
        reply = call(deps, config, "auth.revoke", {})
        if reply.error not in TOKEN_DEAD:
            result(reply)
    return Connection(status=InstanceStatus.DISCONNECTED, detail="the token was revoked: install the app again")


def remove(deps: Deps, instance: Instance, config: SlackConfig) -> Connection:
    """As `logout`: with its only token the app is gone from the workspace."""
    return replace(logout(deps, instance, config), status=InstanceStatus.DELETED)


def probe(deps: Deps, instance: Instance, config: SlackConfig) -> None:
    """Ask Slack whose token it is."""
    result(call(deps, config, "auth.test", {}, timeout=PROBE_TIMEOUT))
