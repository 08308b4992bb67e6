"""What every product on Meta's Graph API has in common: calls, their refusals, and how webhooks prove themselves.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, SecretStr

from shared.channel.webhook import Route, Webhook, WebhookResponse
from shared.channelkit.payloads import json_object
from shared.channelkit.providers import refusal
from shared.channelkit.signatures import hmac_sha256_matches, same_secret
from shared.config import ChannelSettings, Settings
from shared.deps import Deps
from shared.errors import ChallengeRefused, OutcomeUnknown, PayloadInvalid, ProviderError, SignatureInvalid
from shared.outgoing import Answer
from shared.setting_forms import Url

TIMEOUT = 90.0
"""Seconds; a video given by URL is fetched by Meta for up to 75 s before it answers."""

_CHANNELS = {"page": "facebook", "instagram": "instagram", "whatsapp_business_account": "whatsapp_cloud"}
"""Which channel reads webhooks about which object of Meta's."""


class MetaSettings(ChannelSettings):
    """The deployment's own Meta app, and the Graph API's address."""

    facebook_verify_token: SecretStr | None = None
    facebook_app_secret: SecretStr | None = None
    graph_api_url: Url = "https://graph.facebook.com"
    graph_api_version: str = Field(default="v23.0", pattern=r"^v\d+\.\d+$")


@dataclass(frozen=True, slots=True)
class Account:
    """On whose behalf the Graph API is called; with the app's secret, calls prove that they know it.

    `api_url` is for an account whose Graph API is at an address of its own.
    """

    provider: str
    token: str
    secret: str | None
    api_url: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call; `code`, `subcode` and `message` explain a refusal."""

    answer: Answer
    body: Mapping[str, Any]
    code: int = 0
    subcode: int = 0
    message: str = ""
    transient: bool = False

    @property
    def ok(self) -> bool:
        return self.answer.ok and not self.code and not self.message

    @property
    def reason(self) -> str:
        """What Meta said, with the code to look it up by."""
        if not self.message:
            return f"HTTP {self.answer.status} without an explanation"
        codes = f"{self.code}/{self.subcode}" if self.subcode else str(self.code)
        return f"{self.message} (error {codes})"


def call(
    deps: Deps,
    account: Account,
    method: str,
    path: str,
    *,
    json: object = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call the Graph API with JSON, or with `data` as it is; a refusal is returned, not raised.

    Raises what `Outgoing.request` raises.
    """
    settings = deps.settings.of(MetaSettings)
    answer = deps.http.request(
        method,
        f"{account.api_url or settings.graph_api_url}/{settings.graph_api_version}/{path}",
        provider=account.provider,
        json=json if data is None else data,
        headers={"Authorization": f"Bearer {account.token}", **(headers or {})},
        params={**(params or {}), **_proof(account)},
        timeout=timeout,
        guarded=False,
    )
    body = answer.json()
    return _reply(answer, body if isinstance(body, dict) else {}, account.token)


def _proof(account: Account) -> dict[str, str]:
    """Meta can be told to refuse calls that do not prove knowledge of the app's secret."""
    if account.secret is None:
        return {}
    return {"appsecret_proof": hmac.new(account.secret.encode(), account.token.encode(), hashlib.sha256).hexdigest()}


def _reply(answer: Answer, body: Mapping[str, Any], token: str) -> Reply:
    error = body.get("error")
    if not isinstance(error, dict):
        return Reply(answer, body)
    about = error.get("error_data")
    details = about.get("details") if isinstance(about, dict) else None
    message = str(error.get("message") or "an error without an explanation")
    if isinstance(details, str) and details and details not in message:
        message = f"{message}: {details}"
    return Reply(
        answer,
        body,
        code=_integer(error.get("code")),
        subcode=_integer(error.get("error_subcode")),
        # Meta quotes a token that it cannot read.
        message=message.replace(token, "***")[:500],
        transient=error.get("is_transient") is True,
    )


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def body_of(provider: str, reply: Reply) -> Mapping[str, Any]:
    """The body of an answer that is no refusal; raises `OutcomeUnknown` when it cannot be read."""
    if not reply.body:
        raise OutcomeUnknown(provider, "the answer is not one of the Graph API's")
    return reply.body


def sorted_refusal(
    provider: str,
    reply: Reply,
    hint: str | None,
    *,
    temporary: Iterable[int],
    final: Iterable[int],
    retry_after: float | None = None,
) -> ProviderError:
    """The error that a refusal amounts to, by its code and else by the HTTP status; `hint` helps the operator."""
    passing = True if reply.code in temporary or reply.transient else False if reply.code in final else None
    reason = f"{reply.reason[:-1]}; {hint})" if hint and reply.message else reply.reason
    return refusal(provider, reply.answer, reason, temporary=passing, retry_after=retry_after)


def app_secret(own: SecretStr | None, settings: Settings) -> str | None:
    """The secret of the Meta app: the instance's own, else the deployment's."""
    secret = own or settings.of(MetaSettings).facebook_app_secret
    return secret.get_secret_value() if secret else None


def check_signature(
    provider: str, webhook: Webhook, secret: str | None, settings: Settings, *, setting: str = "FACEBOOK_APP_SECRET"
) -> None:
    """Check `X-Hub-Signature-256` over the raw body; without a secret strictness decides.

    Raises `SignatureInvalid`, which names the `setting` to look at.
    """
    if secret is None:
        if settings.strict_webhooks or settings.production:
            raise SignatureInvalid(f"{provider}: set {setting}, without it no webhook can be trusted")
        return
    if not hmac_sha256_matches(webhook.headers.get("x-hub-signature-256"), "sha256=", secret, webhook.body):
        raise SignatureInvalid(f"{provider}: X-Hub-Signature-256 does not match; check {setting}")


def answer_challenge(provider: str, webhook: Webhook, expected: str | None) -> str:
    """The bare `hub.challenge`, which tells Meta that the callback URL is ours; raises `ChallengeRefused`."""
    if not expected:
        raise ChallengeRefused(f"{provider}: FACEBOOK_VERIFY_TOKEN is not set")
    right = same_secret(webhook.query.get("hub.verify_token"), expected)
    if not right or webhook.query.get("hub.mode") != "subscribe":
        raise ChallengeRefused(f"{provider}: hub.verify_token is not FACEBOOK_VERIFY_TOKEN")
    return webhook.query.get("hub.challenge", "")


def app_routes(path: str, *, get_summary: str, post_summary: str) -> tuple[Route, Route]:
    """The two calls that Meta makes to the one address of an app, for all accounts of the app.

    The same address may be entered for all of the app's objects: the body tells whose a call is.
    """
    received = WebhookResponse(body="EVENT_RECEIVED", content_type="text/plain; charset=utf-8")
    return (
        Route(method="GET", path=path, summary=get_summary),
        Route(method="POST", path=path, summary=post_summary, channel_of=_channel_of, response=received),
    )


def _channel_of(body: bytes) -> str | None:
    """The channel of the object that a call is about; None for a body that cannot be read."""
    try:
        return _CHANNELS.get(str(json_object("meta", body).get("object")))
    except PayloadInvalid:
        return None


def objects(provider: str, holder: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of JSON objects in a webhook; raises `PayloadInvalid`."""
    items = holder.get(name)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise PayloadInvalid(f"{provider}: {name} is not a list of objects")
    return items
