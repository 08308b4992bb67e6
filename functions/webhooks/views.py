"""The addresses that providers call. Light on purpose: this is the function that must start fastest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from werkzeug.wrappers import Request, Response

from shared.channel.webhook import SupportsSharedAddress, Webhook, WebhookResponse
from shared.channels import ability, channel, names
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import NotFound, PayloadTooLarge
from shared.usecases.ingest import webhooks
from shared.usecases.instances import instance_lookup

# Evolution sends media inside the body when told to; everything else is far smaller.
MAX_BODY = 20 * 1024 * 1024

View = Callable[..., Response]

_OK = json.dumps({"ok": True})

EVOLUTION = "whatsapp_evolution"


def evolution(deps: Deps, request: Request, instance_name: str = "", suffix: str = "") -> Response:
    """Evolution's call for one instance, or for the default one of the deployment's own tenant.

    With `byEvents` Evolution appends the event's name to the address.
    """
    found = instance_lookup.find_for_webhook(deps, name=instance_name) if instance_name else None
    is_nameless = found is None and (not instance_name or _is_event(instance_name))
    if is_nameless:
        return _nameless(deps, _webhook(deps, request, instance_name))
    if found is None or found.adapter != EVOLUTION:
        raise NotFound("there is no such instance")
    webhooks.take(deps, found, _webhook(deps, request, suffix))
    return _json({"status": "success", "instance": found.name})


def _nameless(deps: Deps, webhook: Webhook) -> Response:
    """A call for the default instance; where that is none of Evolution's, for the one that the body names.

    Either way the call has to prove itself to the instance that takes it.
    """
    from shared.usecases.instances import connection_state  # noqa: PLC0415 - costs cold start, and few call without a name

    found, named = instance_lookup.find_for_webhook(deps, default=True), _named_in(webhook.body)
    if found is None or found.adapter != EVOLUTION:
        found = connection_state.find_account(deps, EVOLUTION, named) if named else None
    if found is None or found.adapter != EVOLUTION:
        raise NotFound(
            "the default instance is not one of Evolution's, nor does the body name one that is: "
            "call /webhook/evolution/{instance_name}"
        )
    webhooks.take(deps, found, webhook)
    connection_state.note_stray(deps, found, named, found.config.get("whatsapp_instance"))
    return _json({"status": "success", "instance": found.name})


def _named_in(body: bytes) -> str | None:
    """The account that Evolution says it speaks of; what cannot be read names none."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    named = event.get("instance") if isinstance(event, dict) else None
    return named if isinstance(named, str) else None


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
    return Response(_OK, mimetype="application/json")


def facebook(deps: Deps, request: Request) -> Response:
    """Meta's call for any number of pages."""
    webhooks.take_for_accounts(deps, "facebook", _webhook(deps, request))
    return Response("EVENT_RECEIVED", mimetype="text/plain")


def facebook_challenge(deps: Deps, request: Request) -> Response:
    """Meta asks whether the address is ours."""
    return _challenge(deps, "facebook", request, None)


def whatsapp_cloud(deps: Deps, request: Request) -> Response:
    """Meta's call for any number of WhatsApp numbers, where the app has one address for all."""
    webhooks.take_for_accounts(deps, "whatsapp_cloud", _webhook(deps, request))
    return Response("EVENT_RECEIVED", mimetype="text/plain")


def whatsapp_cloud_challenge(deps: Deps, request: Request) -> Response:
    """Meta asks whether that address is ours."""
    return _challenge(deps, "whatsapp_cloud", request, None)


def any_channel(deps: Deps, request: Request, channel_name: str, instance_key: str, suffix: str = "") -> Response:
    """A call for an instance by its id or name, on any channel."""
    found = _instance(deps, channel_name, instance_key)
    answer = webhooks.take(deps, found, _webhook(deps, request, suffix))
    return _as_wished(answer) or _json({"status": "success", "instance": found.name})


def any_account(deps: Deps, request: Request, channel_name: str) -> Response:
    """A call at the address that all accounts of an app share, on a channel whose calls name the account."""
    name = channel_name.lower().replace("-", "_")
    if ability(name, SupportsSharedAddress) is None:
        raise NotFound("there is no such channel")
    return _as_wished(webhooks.take_for_accounts(deps, name, _webhook(deps, request))) or _json({"status": "success"})


def _as_wished(answer: WebhookResponse | None) -> Response | None:
    return Response(answer.body, answer.status, content_type=answer.content_type) if answer else None


def any_challenge(deps: Deps, request: Request, channel_name: str, instance_key: str) -> Response:
    """A provider asks whether the address is ours."""
    found = _instance(deps, channel_name, instance_key)
    return _challenge(deps, found.adapter, request, found)


def _challenge(deps: Deps, adapter: str, request: Request, instance: Instance | None) -> Response:
    return Response(webhooks.answer_challenge(deps, adapter, _webhook(deps, request), instance), mimetype="text/plain")


def _instance(deps: Deps, channel_name: str, key: str) -> Instance:
    found = instance_lookup.find_for_webhook(deps, instance_id=key) or instance_lookup.find_for_webhook(deps, name=key)
    wanted = channel_name.lower().replace("-", "_")
    if found is None or wanted not in (found.adapter, found.type.value) or not _has_webhook(found):
        raise NotFound("there is no such channel")
    return found


def _has_webhook(instance: Instance) -> bool:
    return instance.adapter in names() and channel(instance.adapter).has_webhook


def _json(body: dict[str, object]) -> Response:
    """Of `jsonify`'s time nearly all goes into looking up the application and its settings."""
    return Response(json.dumps(body), mimetype="application/json")


def _webhook(deps: Deps, request: Request, suffix: str = "") -> Webhook:
    origin = deps.settings.public_url or f"{request.scheme}://{request.host}"
    query = request.query_string.decode("latin-1")
    return Webhook(
        method=request.method,
        headers=_headers(request.environ),
        query=request.args.to_dict() if query else {},
        body=_body(request),
        url=f"{origin}{request.path}{'?' + query if query else ''}",
        suffix=suffix,
        received_at=deps.now(),
    )


def _body(request: Request) -> bytes:
    if (request.content_length or 0) <= MAX_BODY:
        body = request.get_data(cache=False)
        if len(body) <= MAX_BODY:  # the length of one in chunks is not told before
            return body
    raise PayloadTooLarge(f"a webhook may have {MAX_BODY} bytes")


def _headers(environ: Mapping[str, object]) -> dict[str, str]:
    """Straight from the server's variables: `request.headers` takes each name apart several times over."""
    headers = {name[5:].replace("_", "-").lower(): str(environ[name]) for name in environ if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(name):
            headers[name.replace("_", "-").lower()] = str(value)
    return headers


ROUTES: list[tuple[str, str, View]] = [
    ("POST", "/webhook/evolution", evolution),
    ("POST", "/webhook/evolution/<instance_name>", evolution),
    ("POST", "/webhook/evolution/<instance_name>/<suffix>", evolution),
    ("POST", "/api/telegram/bot/webhook/<channel_instance_id>", telegram_bot),
    ("GET", "/api/facebook/webhook", facebook_challenge),
    ("POST", "/api/facebook/webhook", facebook),
    ("POST", "/webhook/<channel_name>", any_account),
    ("GET", "/webhook/whatsapp_cloud", whatsapp_cloud_challenge),
    ("POST", "/webhook/whatsapp_cloud", whatsapp_cloud),
    ("GET", "/webhook/<channel_name>/<instance_key>", any_challenge),
    ("POST", "/webhook/<channel_name>/<instance_key>", any_channel),
    ("POST", "/webhook/<channel_name>/<instance_key>/<suffix>", any_channel),
]
"""Method, path and view; the documented paths are aliases of the general one."""
