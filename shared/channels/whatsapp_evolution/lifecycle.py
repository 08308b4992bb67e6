"""Connecting: the instance exists at Evolution, and Evolution knows where to call us and with which secret."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from shared.channel import Connection
from shared.channelkit import jid
from shared.channels.whatsapp_evolution import api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.connection import STATES, png_of
from shared.channels.whatsapp_evolution.verification import SECRET_HEADER
from shared.channels.whatsapp_evolution.wire import Fields, fields, objects, text
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderError, ProviderRejected
from shared.outgoing import Answer

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
)

Form = Callable[[str, str], Mapping[str, Any]]


def connect(deps: Deps, instance: Instance, config: EvolutionConfig) -> Connection:
    """Register our webhook, creating the instance at Evolution where it is missing, and read the state.

    Without `PUBLIC_URL` nothing is registered. Raises a `ProviderError`.
    """
    state = _state(deps, instance, config)
    if deps.settings.public_url is None:
        if state is None:
            name = api.name_of(instance, config)
            raise ProviderRejected(api.PROVIDER, f"the server has no instance {name!r}; set PUBLIC_URL to create it")
        return _known(deps, instance, config, state)
    # An existing secret is kept, for what Evolution retries still carries it.
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else secrets.token_urlsafe(32)
    url = f"{deps.settings.public_url}/webhook/evolution/{quote(instance.name, safe='')}"
    created = _create(deps, instance, config, url, secret) if state is None else None
    if created is None:
        _register(deps, instance, config, url, secret)
        state = state or _state(deps, instance, config)
        return _known(deps, instance, config, state or "", webhook_url=url, secret=secret)
    return _new(created, url, secret)


def _state(deps: Deps, instance: Instance, config: EvolutionConfig) -> str | None:
    """`open`, `connecting` or `close`; None when there is no such instance."""
    answer = api.call(deps, instance, config, "GET", "instance/connectionState")
    if answer.status == 404 and "does not exist" in api.said_by(answer):
        return None
    body = fields(_ok(answer).json())
    return text((fields(body.get("instance")) or body).get("state")) or ""


def _ok(answer: Answer) -> Answer:
    if not answer.ok:
        raise api.failure(answer)
    return answer


def _first_accepted(forms: Sequence[Mapping[str, Any]], post: Callable[[Mapping[str, Any]], Answer]) -> Answer:
    """Try the newest form first: servers answer 400 to one that they do not know, and do nothing."""
    answers: list[Answer] = []
    for form in forms:
        answers.append(post(form))
        if answers[-1].status != 400:
            return answers[-1]
    return answers[0]


def _create(deps: Deps, instance: Instance, config: EvolutionConfig, url: str, secret: str) -> Fields | None:
    """Create the instance with its webhook; None when somebody else did meanwhile."""
    body: dict[str, Any] = {
        "instanceName": api.name_of(instance, config),
        "integration": config.integration,
        "qrcode": config.auto_qr,
    }
    if config.phone_number:
        body["number"] = "".join(filter(str.isdigit, config.phone_number))
    forms = [
        body | {"webhook": _webhook(url, secret, _CORE_EVENTS + _LATER_EVENTS)},
        body | {"webhook": _webhook(url, secret, _CORE_EVENTS)},
        body | _first_version(url, secret, "webhook"),
    ]
    answer = _first_accepted(
        forms,
        lambda form: api.call(deps, instance, config, "POST", "instance/create", json=form, per_instance=False),
    )
    if answer.status == 403 and "already in use" in api.said_by(answer):
        return None
    if answer.status in (401, 403):
        raise ProviderRejected(
            api.PROVIDER, "evolution_key may not create instances: use the server's global key, or create it there"
        )
    return fields(_ok(answer).json())


def _register(deps: Deps, instance: Instance, config: EvolutionConfig, url: str, secret: str) -> None:
    forms = [
        {"webhook": {"enabled": True, **_webhook(url, secret, _CORE_EVENTS + _LATER_EVENTS)}},
        {"webhook": {"enabled": True, **_webhook(url, secret, _CORE_EVENTS)}},
        {"enabled": True, **_first_version(url, secret, "url")},
    ]
    _ok(_first_accepted(forms, lambda form: api.call(deps, instance, config, "POST", "webhook/set", json=form)))


def _webhook(url: str, secret: str, events: Sequence[str]) -> dict[str, Any]:
    # Files are fetched by id: inline they would make webhooks of many megabytes.
    headers = {SECRET_HEADER: secret}
    return {"url": url, "headers": headers, "byEvents": False, "base64": False, "events": list(events)}


def _first_version(url: str, secret: str, url_field: str) -> dict[str, Any]:
    """The flat form of 1.x, which knows no headers: the secret goes into the address."""
    signed = f"{url}?token={secret}"
    return {url_field: signed, "webhook_by_events": False, "webhook_base64": False, "events": list(_CORE_EVENTS)}


def _new(created: Fields, url: str, secret: str) -> Connection:
    found = {"webhook_secret": secret}
    # `hash` is the token itself, in 1.x an object around it.
    token = text(created.get("hash")) or text(fields(created.get("hash")).get("apikey"))
    if token:
        found["instance_token"] = token
    qr = fields(created.get("qrcode"))
    code, png = text(qr.get("code")), png_of(qr.get("base64"))
    said = text(fields(created.get("instance")).get("status")) or ""
    status = InstanceStatus.WAITING_FOR_SCAN if code or png else STATES.get(said, InstanceStatus.DISCONNECTED)
    return Connection(status=status, webhook_url=url, qr_text=code, qr_png_base64=png, secrets=found)


def _known(
    deps: Deps,
    instance: Instance,
    config: EvolutionConfig,
    state: str,
    webhook_url: str | None = None,
    secret: str | None = None,
) -> Connection:
    status = STATES.get(state, InstanceStatus.DISCONNECTED)
    profile = _profile(deps, instance, config) if status is InstanceStatus.CONNECTED else {}
    owner = text(profile.get("ownerJid")) or text(profile.get("owner"))
    return Connection(
        status=status,
        webhook_url=webhook_url,
        phone_number=jid.phone(owner) if owner else None,
        display_name=text(profile.get("profileName")),
        secrets={"webhook_secret": secret} if secret else {},
    )


def _profile(deps: Deps, instance: Instance, config: EvolutionConfig) -> Fields:
    """The account's number and name; nice to have, so a server that does not tell is no failure."""
    params = {"instanceName": api.name_of(instance, config)}
    try:
        answer = api.call(
            deps, instance, config, "GET", "instance/fetchInstances", params=params, per_instance=False, timeout=10.0
        )
    except ProviderError:
        return {}
    found = next(iter(objects(answer.json())), {}) if answer.ok else {}
    return fields(found.get("instance")) or found
