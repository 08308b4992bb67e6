"""What Twilio's channels share: whose account it is, and how Twilio is called over REST.

https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic.alias_generators import to_camel

from shared.channel.media import MAX_MEDIA, Media
from shared.channelkit.files import FILE_TIMEOUT, fetch_file, media_of
from shared.channelkit.providers import Reply as Reply
from shared.channelkit.providers import refusal
from shared.config import ChannelSettings, Settings
from shared.deps import Deps
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, RecipientOptedOut
from shared.setting_forms import Url

PROVIDER = "twilio"
TIMEOUT = 20.0
PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""

_TEMPORARY = frozenset({10004, 14107, 20429, 20500, 20503, 20504, 21611, 30001, 30022})
_OPTED_OUT = 21610
_HINTS = {
    20003: "check auth_token and twilio_account_sid",
    20404: "check twilio_account_sid",
    21210: "check phone_number",
    21212: "check phone_number",
    21603: "check phone_number",
    21606: "check phone_number",
    21608: "a trial account sends only to verified numbers",
    _OPTED_OUT: "the customer has opted out with STOP",
    21659: "check phone_number",
    21701: "check messaging_service_sid",
}


class TwilioSettings(ChannelSettings):
    """Where Twilio is."""

    twilio_api_url: Url = "https://api.twilio.com"


class TwilioConfig(BaseModel):
    """An account at Twilio. `auth_token` signs its webhooks; an API key may stand in for it in calls to Twilio.

    The one string `AC…:token` as `auth_token` gives account and token together.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    twilio_account_sid: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9]+$",
        validation_alias=AliasChoices("twilioAccountSid", "account_sid", "accountSid"),
    )
    auth_token: SecretStr | None = None
    api_key_sid: str | None = Field(default=None, max_length=64, pattern=r"^[A-Za-z0-9]+$")
    api_key_secret: SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _together(cls, values: Any) -> Any:
        token = values.get("auth_token") or values.get("authToken") if isinstance(values, dict) else None
        plain = token.get_secret_value() if isinstance(token, SecretStr) else token
        if not isinstance(plain, str) or not plain.startswith("AC") or ":" not in plain:
            return values
        account, _, secret = plain.partition(":")
        rest = {name: value for name, value in values.items() if name not in ("auth_token", "authToken")}
        return {"twilio_account_sid": account} | rest | {"auth_token": secret}

    @property
    def account_path(self) -> str:
        return f"/2010-04-01/Accounts/{self.twilio_account_sid}"


def call(
    deps: Deps,
    config: TwilioConfig,
    method: str,
    path: str,
    *,
    service: str = "api",
    form: Mapping[str, str | Sequence[str]] | None = None,
    params: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call Twilio as the account; a refusal is returned, not raised. Raises what `Outgoing.request` raises.

    `service` is the first word of the host's name (`api`, `video`, `messaging`).
    """
    answer = deps.http.request(
        method,
        address(deps.settings, service) + path,
        provider=PROVIDER,
        form=form,
        params=params,
        headers=_authorization(config),
        timeout=timeout,
        guarded=False,
    )
    body = answer.json()
    body = body if isinstance(body, dict) else {}
    if answer.ok:
        return Reply(answer, body)
    code, message = body.get("code"), str(body.get("message") or "")[:500]
    for secret in (config.auth_token, config.api_key_secret):
        message = message.replace(secret.get_secret_value(), "***") if secret else message
    return Reply(answer, body, code if isinstance(code, int) else 0, message)


def address(settings: Settings, service: str) -> str:
    """Where a service is: Twilio's services differ in the first word of the host, a gateway has them all."""
    return settings.of(TwilioSettings).twilio_api_url.replace("://api.", f"://{service}.", 1)


def _authorization(config: TwilioConfig) -> dict[str, str]:
    if config.api_key_sid and config.api_key_secret:
        user, secret = config.api_key_sid, config.api_key_secret
    elif config.auth_token:
        user, secret = config.twilio_account_sid, config.auth_token
    else:
        raise ProviderRejected(PROVIDER, "there is no credential: give auth_token, or api_key_sid with api_key_secret")
    pair = base64.b64encode(f"{user}:{secret.get_secret_value()}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def result(reply: Reply) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    if reply.answer.ok:
        if not reply.body and reply.answer.status != 204:
            raise OutcomeUnknown(PROVIDER, "the answer is not one of Twilio's")
        return reply.body
    raise refused(reply)


def refused(reply: Reply) -> ProviderError:
    """What an unsuccessful answer amounts to: a known code decides, else the HTTP status."""
    if not reply.code:
        return refusal(PROVIDER, reply.answer, reply.message or f"HTTP {reply.answer.status} without an explanation")
    hint = _HINTS.get(reply.code)
    reason = f"{reply.message or 'refused'} (error {reply.code}{f'; {hint}' if hint else ''})"
    if reply.code == _OPTED_OUT:
        return RecipientOptedOut(PROVIDER, reason)
    return refusal(PROVIDER, reply.answer, reason, temporary=True if reply.code in _TEMPORARY else None)


def probe(deps: Deps, config: TwilioConfig) -> None:
    """Look at the account's numbers, which every kind of key may do; raises a `ProviderError`."""
    path = f"{config.account_path}/IncomingPhoneNumbers.json"
    result(call(deps, config, "GET", path, params={"PageSize": "1"}, timeout=PROBE_TIMEOUT))


def own_number(deps: Deps, config: TwilioConfig, phone_number: str) -> Mapping[str, Any] | None:
    """What Twilio has of one of the account's numbers; None when it is not the account's."""
    path = f"{config.account_path}/IncomingPhoneNumbers.json"
    body = result(call(deps, config, "GET", path, params={"PhoneNumber": phone_number, "PageSize": "1"}))
    numbers = body.get("incoming_phone_numbers")
    first = numbers[0] if isinstance(numbers, list) and numbers else None
    return first if isinstance(first, dict) and isinstance(first.get("sid"), str) else None


def set_number(deps: Deps, config: TwilioConfig, sid: str, changes: Mapping[str, str]) -> None:
    """Change where a number's calls or messages go."""
    result(call(deps, config, "POST", f"{config.account_path}/IncomingPhoneNumbers/{sid}.json", form=changes))


def fetch(deps: Deps, config: TwilioConfig, path: str) -> Media:
    """A file of the account. Twilio sends us on to where it lies, and the credential does not go along."""
    answer = deps.http.request(
        "GET",
        address(deps.settings, "api") + path,
        provider=PROVIDER,
        headers=_authorization(config),
        timeout=FILE_TIMEOUT,
        guarded=False,
        max_bytes=MAX_MEDIA,
    )
    place = answer.headers.get("location", "")
    if answer.status in (301, 302, 303, 307, 308) and place:
        return fetch_file(deps, PROVIDER, place)
    return media_of(PROVIDER, answer)
