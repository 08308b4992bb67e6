"""Connecting: the instance exists at Evolution, and Evolution knows where to call us and with which secret."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from shared.channel.lifecycle import Claim, Connection
from shared.channelkit import jid
from shared.channelkit.signatures import same_secret
from shared.channelkit.whatsapp.wire import Fields, fields, integer, objects, text
from shared.channels.whatsapp_evolution import accounts, api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.connection_events import STATES, png_of, reason_of
from shared.channels.whatsapp_evolution.webhook import SECRET_HEADER
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable
from shared.outgoing import Answer

log = logging.getLogger(__name__)

# What every version knows, and what was added since; a server refuses a list with a name that it does not know.
_CORE_EVENTS = (
    "MESSAGES_UPSERT",
    "MESSAGES_UPDATE",
    "MESSAGES_DELETE",
    "SEND_MESSAGE",
    "CONNECTION_UPDATE",
    "QRCODE_UPDATED",
)
_LATER_EVENTS = (
    "MESSAGES_EDITED",
    "SEND_MESSAGE_UPDATE",
    "STATUS_INSTANCE",
    "LOGOUT_INSTANCE",
    "REMOVE_INSTANCE",
    "INSTANCE_DELETE",
    "PRESENCE_UPDATE",
)


def unclaimed(account: str) -> None:
    """For callers that reserve no accounts."""


def connect(deps: Deps, instance: Instance, config: EvolutionConfig, claim: Claim = unclaimed) -> Connection:
    """Register our webhook, creating the instance at Evolution where it is missing, and read the state.

    Without an address of our own nothing is registered. Raises a `ProviderError`.
    """
    link_state = claimed_state(deps, instance, config, claim)
    hook = hook_of(deps, instance, config)
    if hook is None:
        if link_state is None:
            raise unreachable(instance, config)
        return connection_in(deps, instance, config, link_state)
    if link_state is None:
        to_create = accounts.to_create(deps, instance, config)
        created = create(deps, instance, to_create, hook)
        if created is not None:
            return new(created, hook, instance, to_create)
        # Somebody else was faster.
        link_state = claimed_state(deps, instance, config, claim)
    register(deps, instance, config, hook)
    return connection_in(deps, instance, config, link_state or "", hook)


def status(deps: Deps, instance: Instance, config: EvolutionConfig) -> Connection:
    """Read the state, and set a lost webhook again; an instance that Evolution does not have is disconnected."""
    link_state = state(deps, instance, config)
    if link_state is None:
        return Connection(status=InstanceStatus.DISCONNECTED, detail="Evolution has no such instance")
    connection = connection_in(deps, instance, config, link_state)
    is_claimed = instance.account == accounts.account_of(instance, config)
    return with_webhook(deps, instance, config, connection) if is_claimed else connection


@dataclass(frozen=True, slots=True)
class Hook:
    """Where Evolution is to call us, and the secret that proves it, if one was agreed on."""

    url: str
    secret: str | None = field(repr=False)

    @property
    def secrets(self) -> dict[str, str]:
        """What to keep."""
        return {"webhook_secret": self.secret} if self.secret else {}


def hook_of(deps: Deps, instance: Instance, config: EvolutionConfig) -> Hook | None:
    """An existing secret is kept, for what Evolution retries still carries it; None without an address of our own.

    Evolution may be on our own machine, so any address that reaches us will do.
    """
    if deps.settings.own_address is None:
        return None
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else None
    if secret is None and deps.settings.makes_webhook_secrets:
        secret = secrets.token_urlsafe(32)
    return Hook(f"{deps.settings.own_address}/webhook/evolution/{quote(instance.name, safe='')}", secret)


def unreachable(instance: Instance, config: EvolutionConfig) -> ProviderRejected:
    name = accounts.name_of(instance, config)
    return ProviderRejected(api.PROVIDER, f"the server has no instance {name!r}; set PUBLIC_URL to create it")


def state(deps: Deps, instance: Instance, config: EvolutionConfig) -> str | None:
    """`open`, `connecting` or `close`; None when there is no such instance."""
    if accounts.has_none(deps, instance, config):
        return None
    answer = api.call(deps, instance, config, "GET", "instance/connectionState", timeout=10.0)
    if is_missing(answer):
        return None
    body = fields(ok(answer).json())
    return text((fields(body.get("instance")) or body).get("state")) or ""


def claimed_state(deps: Deps, instance: Instance, config: EvolutionConfig, claim: Claim) -> str | None:
    """As `state`; an instance that is there is claimed. It is told to nobody whose key does not open it."""
    link_state = state(deps, instance, config)
    if link_state is not None:
        claim(accounts.account_of(instance, config))
    return link_state


def is_missing(answer: Answer) -> bool:
    """Whether the server says that it has no such instance."""
    return answer.status == 404 and "does not exist" in api.text_of(answer)


def ok(answer: Answer) -> Answer:
    """The answer, if it is a success; raises what it means otherwise."""
    if not api.succeeded(answer):
        raise api.failure(answer)
    return answer


def done(answer: Answer) -> Fields:
    """The body of a success; some failures come as 200 with `{"error": true, "message": …}`."""
    body = fields(ok(answer).json())
    if body.get("error") is True:
        raise ProviderUnavailable(api.PROVIDER, f"could not do it: {api.text_of(answer)}")
    return body


def _first_accepted(forms: Sequence[Mapping[str, Any]], post: Callable[[Mapping[str, Any]], Answer]) -> Answer:
    """Try the newest form first: servers answer 400 to one that they do not know, and do nothing."""
    answers: list[Answer] = []
    for form in forms:
        answers.append(post(form))
        if answers[-1].status != 400:
            return answers[-1]
    return answers[0]


def create(
    deps: Deps, instance: Instance, config: EvolutionConfig, hook: Hook, *, code: bool | None = None
) -> Fields | None:
    """Create the instance with its webhook, with a code to scan where `code` or else `auto_qr` says so.

    `config` is what `accounts.to_create` gave. None when somebody else created it meanwhile.
    """
    body: dict[str, Any] = {
        "instanceName": accounts.name_of(instance, config),
        "integration": config.integration,
        "qrcode": config.auto_qr if code is None else code,
    }
    if config.phone_number:
        body["number"] = "".join(filter(str.isdigit, config.phone_number))
    forms = [
        body | {"webhook": _webhook(hook, _CORE_EVENTS + _LATER_EVENTS)},
        body | {"webhook": _webhook(hook, _CORE_EVENTS)},
        body | _first_version(hook, "webhook"),
    ]
    answer = _first_accepted(
        forms,
        lambda form: api.call(
            deps, instance, config, "POST", "instance/create", json=form, per_instance=False, by_server_key=True
        ),
    )
    if answer.status == 403 and "already in use" in api.text_of(answer):
        if accounts.is_guest(deps, instance, config):
            raise ProviderUnavailable(api.PROVIDER, "the name of the new account is in use: try again")
        return None
    if answer.status in (401, 403):
        raise ProviderRejected(
            api.PROVIDER, "evolution_key may not create instances: use the server's global key, or create it there"
        )
    return fields(ok(answer).json())


def register(deps: Deps, instance: Instance, config: EvolutionConfig, hook: Hook) -> None:
    """Tell Evolution about our webhook, which replaces what was registered."""
    forms = [
        {"webhook": {"enabled": True, **_webhook(hook, _CORE_EVENTS + _LATER_EVENTS)}},
        {"webhook": {"enabled": True, **_webhook(hook, _CORE_EVENTS)}},
        {"enabled": True, **_first_version(hook, "url")},
    ]
    ok(_first_accepted(forms, lambda form: api.call(deps, instance, config, "POST", "webhook/set", json=form)))


def with_webhook(deps: Deps, instance: Instance, config: EvolutionConfig, connection: Connection) -> Connection:
    """The connection, after a webhook that is not as we want it was set again.

    Anybody with the server's key can change it, and `PUBLIC_URL` may be another one than when it was registered. What
    fails is told as `webhook_error`: the connection itself is there.
    """
    hook = _expected_hook(deps, instance, config)
    if hook is None:
        return connection
    try:
        answer = api.call(deps, instance, config, "GET", "webhook/find", timeout=10.0)
        is_right = _is_registered(fields(ok(answer).json()), hook, config)
        if not is_right:
            log.warning("a webhook was lost and is set again", extra={"instance_id": instance.id})
            register(deps, instance, config, hook)
    except ProviderError as error:
        return replace(connection, webhook_error=f"the webhook could not be checked: {error.reason}")
    is_stored = instance.webhook.url == hook.url and instance.webhook.error is None
    return connection if is_right and is_stored else replace(connection, webhook_url=hook.url, secrets=hook.secrets)


def _expected_hook(deps: Deps, instance: Instance, config: EvolutionConfig) -> Hook | None:
    """By PUBLIC_URL or else as it was registered: a request's own origin says nothing about what Evolution calls."""
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else None
    if deps.settings.public_url is not None:
        return hook_of(deps, instance, config)
    return Hook(instance.webhook.url, secret) if instance.webhook.url else None


def _is_registered(registered: Fields, hook: Hook, config: EvolutionConfig) -> bool:
    """Whether a webhook leads to us, proves itself, and brings all that its server can tell us."""
    names = registered.get("events")
    events = {str(name) for name in names} if isinstance(names, list) else set()
    is_complete = not events or events == set(_CORE_EVENTS) or events >= {*_CORE_EVENTS, *_LATER_EVENTS}
    return registered.get("enabled") is not False and is_complete and _leads_to(registered, hook, config)


def _leads_to(registered: Fields, hook: Hook, config: EvolutionConfig) -> bool:
    if hook.secret is None or registered.get("url") == _signed(hook):
        return registered.get("url") in (hook.url, _signed(hook))
    headers = {name.lower(): value for name, value in fields(registered.get("headers")).items()}
    jwt_key = config.jwt_key.get_secret_value() if config.jwt_key else ""
    proofs = ((SECRET_HEADER, hook.secret), ("authorization", f"Bearer {hook.secret}"), ("jwt_key", jwt_key))
    is_proven = any(same_secret(text(headers.get(name)), proof) for name, proof in proofs)
    return registered.get("url") == hook.url and is_proven


def _signed(hook: Hook) -> str:
    return f"{hook.url}?token={hook.secret}" if hook.secret else hook.url


def _webhook(hook: Hook, events: Sequence[str]) -> dict[str, Any]:
    # Files are fetched by id: inline they would make webhooks of many megabytes.
    headers = {SECRET_HEADER: hook.secret} if hook.secret else {}
    return {"url": hook.url, "headers": headers, "byEvents": False, "base64": False, "events": list(events)}


def _first_version(hook: Hook, url_field: str) -> dict[str, Any]:
    """The flat form of 1.x, which knows no headers: the secret goes into the address."""
    return {url_field: _signed(hook), "webhook_by_events": False, "webhook_base64": False, "events": list(_CORE_EVENTS)}


def token_of(created: Fields) -> str | None:
    """The new instance's own token: `hash`, in 1.x an object around it."""
    return text(created.get("hash")) or text(fields(created.get("hash")).get("apikey"))


def new(created: Fields, hook: Hook, instance: Instance, config: EvolutionConfig) -> Connection:
    """What is known of an instance that was just created with this configuration."""
    credentials = hook.secrets
    if token := token_of(created):
        credentials["instance_token"] = token
    qr = fields(created.get("qrcode"))
    code, png = text(qr.get("code")), png_of(qr.get("base64"))
    link_state = text(fields(created.get("instance")).get("status")) or ""
    status = InstanceStatus.WAITING_FOR_SCAN if code or png else STATES.get(link_state, InstanceStatus.DISCONNECTED)
    return Connection(
        status=status,
        webhook_url=hook.url,
        account=accounts.account_of(instance, config),
        qr_text=code,
        qr_png_base64=png,
        pairing_code=text(qr.get("pairingCode")),
        config={"whatsapp_instance": config.whatsapp_instance} if config.whatsapp_instance else {},
        secrets=credentials,
    )


def connection_in(
    deps: Deps, instance: Instance, config: EvolutionConfig, link_state: str, hook: Hook | None = None
) -> Connection:
    """What is known of an instance that says it is in this state; `hook` is what was registered."""
    status = STATES.get(link_state, InstanceStatus.DISCONNECTED)
    account = profile(deps, instance, config) if link_state in ("open", "close") else {}
    reason = integer(account.get("disconnectionReasonCode")) if link_state == "close" else None
    owner = text(account.get("ownerJid")) or text(account.get("owner"))
    return Connection(
        status=status,
        webhook_url=hook.url if hook else None,
        account=accounts.account_of(instance, config),
        phone_number=jid.phone(owner) if owner else None,
        display_name=text(account.get("profileName")),
        detail=reason_of(reason) if reason else None,
        secrets=hook.secrets if hook else {},
    )


def profile(deps: Deps, instance: Instance, config: EvolutionConfig) -> Fields:
    """What Evolution lists of the instance; nice to have, so a server that does not tell is no failure."""
    params = {"instanceName": accounts.name_of(instance, config)}
    try:
        answer = api.call(
            deps, instance, config, "GET", "instance/fetchInstances", params=params, per_instance=False, timeout=10.0
        )
    except ProviderError:
        return {}
    account = next(iter(objects(answer.json())), {}) if answer.ok else {}
    return fields(account.get("instance")) or account
