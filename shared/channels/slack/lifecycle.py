"""Getting the bot into a workspace, and whether it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.channel.lifecycle import Connection
from shared.channels.slack.api import NOT_INSTALLED, PROVIDER, TOKEN_DEAD, ask, call, result, text_of
from shared.channels.slack.config import SlackConfig
from shared.channels.slack.oauth import app_config, request_url
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""


def connect(deps: Deps, instance: Instance, config: SlackConfig) -> Connection:
    """Ask whose token it is; without one, nothing is wrong but that the app is not installed."""
    if config.bot_token is None:
        return Connection(status=InstanceStatus.NOT_CONFIGURED, detail=NOT_INSTALLED)
    identity = ask(deps, config, "auth.test", {})
    # Never the configured one: whoever names another's app would get what Slack tells it of the workspace.
    app = text_of(identity, "app_id") or _app(deps, config, identity)
    team = text_of(identity, "team_id")
    if team is None:
        raise ProviderRejected(PROVIDER, "auth.test names no workspace; check SLACK_API_URL")
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=request_url(deps, instance),
        external_id=f"{app}:{team}" if app else team,
        display_name=text_of(identity, "team"),
        config=app_config(app, text_of(identity, "user_id")),
    )


def _app(deps: Deps, config: SlackConfig, identity: Mapping[str, Any]) -> str | None:
    """The app that the bot belongs to; webhooks name it, and a token that may not look is taken all the same."""
    bot = text_of(identity, "bot_id")
    if bot is None:
        return None
    try:
        return text_of(ask(deps, config, "bots.info", {"bot": bot}), "bot", "app_id")
    except ProviderRejected:
        return None


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
