"""The addresses that providers call. Light on purpose: this is the function that must start fastest."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial, wraps

from werkzeug.wrappers import Request, Response

from functions.webhooks.route_index import OWN_ROUTES
from shared.channel.webhook import Recipient, Route, SupportsRoutes, SupportsSharedAddress, Webhook, WebhookResponse
from shared.channels import ability, channel, implementation, names
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import (
    BadRequest,
    ChallengeRefused,
    NotFound,
    PayloadInvalid,
    PayloadTooLarge,
    SignatureInvalid,
)
from shared.http import limits
from shared.security.memory import BodyMemory
from shared.usecases.ingest import webhooks
from shared.usecases.instances import instance_lookup

MEGABYTE = 1024 * 1024

MAX_BODY = 20 * MEGABYTE
"""Bytes of the longest call, Evolution's with a file in it; how long others may be says their channel."""

_MOST_OF_OTHERS = 3 * MEGABYTE
_WITH_FILES = ("evolution", "whatsapp", "whatsapp_evolution")

# What reading a body takes is a few times its length, and the smallest instance has 512 MB for all that it does.
_MEMORY = BodyMemory(total=32 * MEGABYTE, uncounted=MEGABYTE // 4)

View = Callable[..., Response]

log = logging.getLogger(__name__)

_REFUSED = (
    "there is no such channel, or the call does not prove that it comes from the channel's provider, "
    "or is longer than the provider's calls are"
)


def hiding_channels(view: View) -> View:
    """Answer alike whether a channel does not exist, is not set up, or the call is forged or too long for it.

    The log says which.
    """

    @wraps(view)
    def answered(deps: Deps, request: Request, **arguments: str) -> Response:
        try:
            return view(deps, request, **arguments)
        except (NotFound, SignatureInvalid, PayloadTooLarge, BadRequest) as error:
            if not deps.settings.hides_channels or isinstance(error, PayloadInvalid):
                raise
            log.warning("a webhook was refused", extra={"path": request.path, "reason": error.detail})
        raise (ChallengeRefused if request.method in ("GET", "HEAD") else SignatureInvalid)(_REFUSED)

    return answered


def longest_body(path: str) -> int:
    """How long the body of a call there may be, for whoever reads it before it is known whose call it is."""
    names = path.lower().replace("-", "_").split("/")
    return MAX_BODY if len(names) > 2 and names[1] == "webhook" and names[2] in _WITH_FILES else _MOST_OF_OTHERS


def own_route(adapter: str, method: str, path: str, deps: Deps, request: Request, **parameters: str) -> Response:
    """A call at an address that the channel of that name declares."""
    route = _declared_route(adapter, method, path)
    if method == "GET":
        return _challenge(deps, adapter, request, None)
    if route.recipients is None:
        return _response(_take_for_accounts(deps, adapter, request, route.channel_of) or route.response, None)
    webhook = _webhook(deps, request)
    if _length(request) <= channel(adapter).webhook_bytes:
        webhook = replace(webhook, body=_body(request, channel(adapter).webhook_bytes))
    instance, recipient = _recipient(deps, adapter, route.recipients(parameters, webhook.body))
    response = _take(deps, instance, request, replace(webhook, suffix=recipient.suffix))
    if recipient.is_default and recipient.account:
        from shared.usecases.instances import connection_state  # noqa: PLC0415 - costs cold start, and few call without a name

        connection_state.note_stray(deps, instance, recipient.account)
    return _response(response or route.response, instance)


@cache
def _declared_route(adapter: str, method: str, path: str) -> Route:
    routes = implementation(adapter, SupportsRoutes).routes()
    return next(route for route in routes if (route.method, route.path) == (method, path))


def _recipient(deps: Deps, adapter: str, recipients: Iterator[Recipient]) -> tuple[Instance, Recipient]:
    """The first that exists; the channel's iterator raises `NotFound` at its end."""
    for recipient in recipients:
        instance = _find(deps, adapter, recipient)
        if instance is not None and instance.adapter == adapter:
            return instance, recipient
        if instance is not None and not recipient.is_default:
            raise NotFound("there is no such channel" if recipient.id else "there is no such instance")
    raise NotFound("there is no such channel")


def _find(deps: Deps, adapter: str, recipient: Recipient) -> Instance | None:
    if recipient.id is not None:
        return instance_lookup.find_cached(deps, instance_id=recipient.id)
    if recipient.name is not None:
        return instance_lookup.find_cached(deps, name=recipient.name)
    if recipient.is_default:
        return instance_lookup.find_cached(deps, default=True)
    from shared.usecases.instances import connection_state  # noqa: PLC0415 - as above

    return connection_state.find_account(deps, adapter, recipient.account or "")


def any_channel(deps: Deps, request: Request, channel_name: str, instance_key: str, suffix: str = "") -> Response:
    """A call for an instance by its id or name, on any channel."""
    instance = _instance(deps, channel_name, instance_key)
    return _response(_take(deps, instance, request, _webhook(deps, request, suffix)), instance)


def any_account(deps: Deps, request: Request, channel_name: str) -> Response:
    """A call at the address that all accounts of an app share, on a channel whose calls name the account."""
    name = channel_name.lower().replace("-", "_")
    if ability(name, SupportsSharedAddress) is None:
        raise NotFound("there is no such channel")
    return _response(_take_for_accounts(deps, name, request), None)


def _take(deps: Deps, instance: Instance, request: Request, webhook: Webhook) -> WebhookResponse | None:
    """Read the rest of a call for one instance and take it; one that is longer than usual has to prove itself first."""
    if not webhook.body:
        limit = channel(instance.adapter).webhook_bytes
        if _length(request) > limit:
            limit = webhooks.limit_of_proven(deps, instance, webhook)
        webhook = replace(webhook, body=_body(request, limit))
    with _MEMORY.reserved(len(webhook.body)):
        return webhooks.take(deps, instance, webhook)


def _take_for_accounts(
    deps: Deps, adapter: str, request: Request, channel_of: Callable[[bytes], str | None] | None = None
) -> WebhookResponse | None:
    webhook = replace(_webhook(deps, request), body=_body(request, channel(adapter).webhook_bytes))
    with _MEMORY.reserved(len(webhook.body)):
        return webhooks.take_for_accounts(deps, adapter, webhook, channel_of)


def _response(response: WebhookResponse | None, instance: Instance | None) -> Response:
    """What the provider expects, else that the call is durable."""
    if response is not None:
        return Response(response.body, response.status, content_type=response.content_type)
    return _json({"status": "success"} | ({"instance": instance.name} if instance else {}))


def any_challenge(deps: Deps, request: Request, channel_name: str, instance_key: str) -> Response:
    """A provider asks whether the address is ours."""
    instance = _instance(deps, channel_name, instance_key)
    return _challenge(deps, instance.adapter, request, instance)


def _challenge(deps: Deps, adapter: str, request: Request, instance: Instance | None) -> Response:
    return Response(webhooks.answer_challenge(deps, adapter, _webhook(deps, request), instance), mimetype="text/plain")


def _instance(deps: Deps, channel_name: str, key: str) -> Instance:
    instance = instance_lookup.find_cached(deps, instance_id=key) or instance_lookup.find_cached(deps, name=key)
    name = channel_name.lower().replace("-", "_")
    if instance is None or name not in (instance.adapter, instance.type.value) or not _has_webhook(instance):
        raise NotFound("there is no such channel")
    return instance


def _has_webhook(instance: Instance) -> bool:
    return instance.adapter in names() and channel(instance.adapter).has_webhook


def _json(body: Mapping[str, object]) -> Response:
    """Of `jsonify`'s time nearly all goes into looking up the application and its settings."""
    return Response(json.dumps(body), mimetype="application/json")


def _webhook(deps: Deps, request: Request, suffix: str = "") -> Webhook:
    """A call as far as its head tells."""
    origin = deps.settings.public_url or limits.origin(deps, request)
    query = request.query_string.decode("latin-1")
    return Webhook(
        method=request.method,
        headers=_headers(request.environ),
        query=request.args.to_dict() if query else {},
        body=b"",
        url=f"{origin}{request.path}{'?' + query if query else ''}",
        suffix=suffix,
        received_at=deps.now(),
    )


def _length(request: Request) -> int:
    """As announced; a body in chunks, whose length nobody knows, may not be longer than usual."""
    return request.content_length or 0


def _body(request: Request, limit: int) -> bytes:
    """The body; raises `PayloadTooLarge` without having read more than `limit` bytes."""
    pieces: list[bytes] = []
    size = _length(request)
    while size <= limit and (piece := request.stream.read(limit + 1)):
        pieces.append(piece)
        size = sum(map(len, pieces))
    if size > limit:
        raise PayloadTooLarge(f"a webhook may have {limit} bytes here")
    return b"".join(pieces)


def _headers(environ: Mapping[str, object]) -> dict[str, str]:
    """Straight from the server's variables: `request.headers` takes each name apart several times over."""
    headers = {name[5:].replace("_", "-").lower(): str(environ[name]) for name in environ if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(name):
            headers[name.replace("_", "-").lower()] = str(value)
    return headers


ROUTES: list[tuple[str, str, View]] = [
    *((method, path, partial(own_route, adapter, method, path)) for method, path, adapter in OWN_ROUTES),
    ("POST", "/webhook/<channel_name>", any_account),
    ("GET", "/webhook/<channel_name>/<instance_key>", any_challenge),
    ("POST", "/webhook/<channel_name>/<instance_key>", any_channel),
    ("POST", "/webhook/<channel_name>/<instance_key>/<suffix>", any_channel),
]
"""Method, path and view; those that channels declare, and the general ones."""
