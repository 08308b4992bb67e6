"""Slack's calls: whether they are Slack's, what they hold, and what Slack wants to hear at once."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from shared.channel.webhook import RawPart, Webhook, WebhookResponse
from shared.channelkit.payloads import json_object
from shared.channelkit.signatures import hmac_sha256_matches
from shared.channels.slack.api import PROVIDER
from shared.channels.slack.config import SlackConfig, signing_secret
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import PayloadInvalid, SignatureInvalid

_log = logging.getLogger(__name__)

WINDOW = 300
"""Seconds that a call may be old, or a clock ahead (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

_CREDENTIALS = frozenset({"token", "response_url", "response_urls", "bot_access_token"})
_MOST_FIELDS = 100


def verify(webhook: Webhook, config: SlackConfig, settings: Settings) -> None:
    """Check `X-Slack-Signature` over version, time and the raw body, which may be a form."""
    secret = signing_secret(config, settings)
    if secret is None:
        if settings.strict_webhooks or settings.production:
            raise SignatureInvalid("slack: set SLACK_SIGNING_SECRET, without it no call can be trusted")
        return
    sent = webhook.headers.get("x-slack-request-timestamp", "")
    if not (sent.isascii() and sent.isdecimal() and len(sent) <= 12):
        raise SignatureInvalid("slack: X-Slack-Request-Timestamp is missing")
    if abs(webhook.received_at.timestamp() - int(sent)) > WINDOW:
        raise SignatureInvalid("slack: X-Slack-Request-Timestamp is more than five minutes off; check the clock")
    signed = b"v0:" + sent.encode() + b":" + webhook.body
    if not hmac_sha256_matches(webhook.headers.get("x-slack-signature"), "v0=", secret, signed):
        raise SignatureInvalid("slack: X-Slack-Signature does not match; check SLACK_SIGNING_SECRET")


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for an event, an interaction or a slash command, in order within its thread or direct messages."""
    body = _body(webhook)
    kind = body.get("type")
    if kind == "url_verification":
        return []
    if kind == "app_rate_limited":
        _log.warning("slack holds back events of a workspace", extra={"team": str(body.get("team_id"))[:64]})
        return []
    payload = {name: value for name, value in body.items() if name not in _CREDENTIALS}
    if "command" in body:
        payload["received_at"] = webhook.received_at.isoformat()
    elif not isinstance(kind, str):
        raise PayloadInvalid("slack: type is missing")
    return [RawPart(key=_order_key(payload)[:128], payload=payload, account=_account(payload))]


def _body(webhook: Webhook) -> dict[str, Any]:
    if not webhook.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return json_object(PROVIDER, webhook.body)
    try:
        text = webhook.body.decode("ascii")
        fields = dict(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise PayloadInvalid("slack: the body is not a form") from error
    return json_object(PROVIDER, fields["payload"].encode()) if "payload" in fields else dict(fields)


def _account(payload: Mapping[str, Any]) -> str | None:
    """App and workspace: many workspaces of an app share one address, many apps may be in a workspace."""
    app, team = payload.get("api_app_id"), _authorized_team(payload) or payload.get("team_id")
    if isinstance(payload.get("team"), dict):
        team = payload["team"].get("id")
    return f"{app}:{team}"[:255] if isinstance(app, str) and isinstance(team, str) else None


def _authorized_team(payload: Mapping[str, Any]) -> str | None:
    """Whose installation an event is for. In a channel shared by companies `team_id` may be the other company."""
    authorizations = payload.get("authorizations")
    if not isinstance(authorizations, list):
        return None
    first = next((each for each in authorizations if isinstance(each, dict)), {})
    team, enterprise = first.get("team_id"), first.get("enterprise_id")
    if first.get("is_enterprise_install") is True and isinstance(enterprise, str):
        return enterprise
    return team if isinstance(team, str) else None


def _order_key(payload: Mapping[str, Any]) -> str:
    event = payload.get("event")
    if isinstance(event, dict):
        return _event_key(event)
    message, channel = payload.get("message"), payload.get("channel")
    if isinstance(channel, dict):
        return _thread_key(channel.get("id"), message if isinstance(message, dict) else {})
    return str(payload.get("user_id") or "")


def _event_key(event: Mapping[str, Any]) -> str:
    item = event.get("item")
    if isinstance(item, dict):
        return str(item.get("channel") or "")
    for name in ("message", "previous_message"):
        if isinstance(event.get(name), dict):
            return _thread_key(event.get("channel"), event[name])
    return _thread_key(event.get("channel"), event)


def _thread_key(channel: object, message: Mapping[str, Any]) -> str:
    if not isinstance(channel, str):
        return ""
    return channel if channel.startswith("D") else f"{channel}:{message.get('thread_ts') or message.get('ts') or ''}"


def respond_to_test(webhook: Webhook) -> WebhookResponse | None:
    """The challenge by which Slack tries out a request address."""
    try:
        body = _body(webhook)
    except PayloadInvalid:
        return None
    challenge = body.get("challenge")
    if body.get("type") != "url_verification" or not isinstance(challenge, str):
        return None
    return WebhookResponse(body=challenge, content_type="text/plain; charset=utf-8")


def respond(deps: Deps, instance: Instance, config: SlackConfig, webhook: Webhook) -> WebhookResponse | None:
    """The challenge, a word to who used a slash command, or nothing: Slack would show what it does not expect."""
    if greeting := respond_to_test(webhook):
        return greeting
    try:
        body = _body(webhook)
    except PayloadInvalid:
        return None
    if "command" in body:
        return WebhookResponse(body=json.dumps({"response_type": "ephemeral", "text": config.command_answer}))
    return (
        None
        if body.get("type") == "event_callback"
        else WebhookResponse(body="", content_type="text/plain; charset=utf-8")
    )
