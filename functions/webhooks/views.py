"""The addresses that providers call. Light on purpose: this is the function that must start fastest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Response, jsonify

from shared.channel import Webhook
from shared.channels import names
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import NotFound, PayloadTooLarge
from shared.usecases import instance_lookup, webhooks

if TYPE_CHECKING:
    from flask import Request

# Evolution sends media inside the body when told to; everything else is far smaller.
MAX_BODY = 20 * 1024 * 1024

View = Callable[..., Response]

EVOLUTION = "whatsapp_evolution"


def evolution(deps: Deps, request: Request, instance_name: str = "", suffix: str = "") -> Response:
    """Evolution's call for one instance, or for the default one of the deployment's own tenant.

    With `byEvents` Evolution appends the event's name to the address.
    """
    found = instance_lookup.find_for_webhook(deps, name=instance_name) if instance_name else None
    if found is None and (not instance_name or _is_event(instance_name)):
        found, suffix = instance_lookup.find_for_webhook(deps, default=True), instance_name
    if found is None or found.adapter != EVOLUTION:
        raise NotFound("there is no such instance")
    webhooks.take(deps, found, _webhook(deps, request, suffix))
    return jsonify({"status": "success", "instance": found.name})


def _is_event(slug: str) -> bool:
    """Whether a path segment is an event in Evolution's kebab case, not an instance's name."""
    first = slug.partition("-")[0]
    return "-" in slug and first in _EVENT_FAMILIES


_EVENT_FAMILIES = frozenset(
    {
        "application",
        "call",
        "chats",
        "connection",
        "contacts",
        "group",
        "groups",
        "instance",
        "labels",
        "logout",
        "messages",
        "presence",
        "qrcode",
        "remove",
        "send",
        "status",
        "typebot",
    }
)


def telegram_bot(deps: Deps, request: Request, channel_instance_id: str) -> Response:
    """Telegram's call for one bot."""
    found = instance_lookup.find_for_webhook(deps, instance_id=channel_instance_id)
    if found is None or found.adapter != "telegram_bot":
        raise NotFound("there is no such channel")
    webhooks.take(deps, found, _webhook(deps, request))
    return jsonify({"ok": True})


def facebook(deps: Deps, request: Request) -> Response:
    """Meta's call for any number of pages."""
    webhooks.take_for_accounts(deps, "facebook", _webhook(deps, request))
    return Response("EVENT_RECEIVED", mimetype="text/plain")


def facebook_challenge(deps: Deps, request: Request) -> Response:
    """Meta asks whether the address is ours."""
    return _challenge(deps, "facebook", request, None)


def any_channel(deps: Deps, request: Request, channel_name: str, instance_key: str, suffix: str = "") -> Response:
    """A call for an instance by its id or name, on any channel."""
    found = _instance(deps, channel_name, instance_key)
    webhooks.take(deps, found, _webhook(deps, request, suffix))
    return jsonify({"status": "success", "instance": found.name})


def any_challenge(deps: Deps, request: Request, channel_name: str, instance_key: str) -> Response:
    """A provider asks whether the address is ours."""
    found = _instance(deps, channel_name, instance_key)
    return _challenge(deps, found.adapter, request, found)


def _challenge(deps: Deps, adapter: str, request: Request, instance: Instance | None) -> Response:
    return Response(webhooks.answer_challenge(deps, adapter, _webhook(deps, request), instance), mimetype="text/plain")


def _instance(deps: Deps, channel_name: str, key: str) -> Instance:
    found = instance_lookup.find_for_webhook(deps, instance_id=key) or instance_lookup.find_for_webhook(deps, name=key)
    wanted = channel_name.lower().replace("-", "_")
    if found is None or wanted not in (found.adapter, found.type.value) or found.adapter not in names():
        raise NotFound("there is no such channel")
    return found


def _webhook(deps: Deps, request: Request, suffix: str = "") -> Webhook:
    if (request.content_length or 0) > MAX_BODY:
        raise PayloadTooLarge(f"a webhook may have {MAX_BODY} bytes")
    origin = deps.settings.public_url or request.url_root.rstrip("/")
    query = request.query_string.decode("latin-1")
    return Webhook(
        method=request.method,
        headers={name.lower(): value for name, value in request.headers.items()},
        query=request.args.to_dict(),
        body=request.get_data(cache=False),
        url=f"{origin}{request.path}{'?' + query if query else ''}",
        suffix=suffix,
        received_at=deps.now(),
    )


ROUTES: list[tuple[str, str, View]] = [
    ("POST", "/webhook/evolution", evolution),
    ("POST", "/webhook/evolution/<instance_name>", evolution),
    ("POST", "/webhook/evolution/<instance_name>/<suffix>", evolution),
    ("POST", "/api/telegram/bot/webhook/<channel_instance_id>", telegram_bot),
    ("GET", "/api/facebook/webhook", facebook_challenge),
    ("POST", "/api/facebook/webhook", facebook),
    ("GET", "/webhook/<channel_name>/<instance_key>", any_challenge),
    ("POST", "/webhook/<channel_name>/<instance_key>", any_channel),
    ("POST", "/webhook/<channel_name>/<instance_key>/<suffix>", any_channel),
]
"""Method, path and view; the documented paths are aliases of the general one."""
