"""The same addresses as part of an application that carries other dialects too."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Literal

from flask import request
from flask_openapi import Tag
from pydantic import BaseModel, create_model
from werkzeug.wrappers import Response

from functions.webhooks.route_index import OWN_ROUTES
from functions.webhooks.views import ROUTES, View, hiding_channels, longest_body
from shared.channel.webhook import Route, SupportsRoutes
from shared.channels import implementation
from shared.http.app import deps, limit_body
from shared.http.blueprint import APIBlueprint
from shared.http.documentation import TAKES
from shared.http.errors import Failure
from shared.http.limits import slow_forgers
from shared.http.unknown_names import any_names

api = APIBlueprint("webhooks", __name__, abp_tags=[Tag(name="Webhooks", description="What providers call")])
limit_body(api, longest_body)


# Whatever the provider sends; what it means is known to the channel alone.
_EVENT = {"application/json": {"schema": {"type": "object"}, "example": {"event": "messages.upsert", "data": {}}}}


class Received(BaseModel):
    """The call is durable."""

    status: Literal["success"]
    instance: str


def _mount(method: str, path: str, view: View, number: int) -> None:
    parameters = {part[1:-1]: (str, ...) for part in path.split("/") if part.startswith("<")}
    model: type[BaseModel] = create_model(f"WebhookPath{number}", **parameters)  # type: ignore[call-overload]  # fields by name
    route = _own_routes().get((method, path))

    def called(path: Any) -> Response:
        return view(deps(), request, **path.model_dump())

    def called_plainly() -> Response:
        return view(deps(), request)

    target: Any = called if parameters else called_plainly
    if parameters:
        target.__annotations__ = {"path": model, "return": Response}
    target.__name__ = f"{'take' if method == 'POST' else 'answer'}{re.sub(r'[/<>_]+', '_', path).rstrip('_')}"
    target.__doc__ = route.summary if route else view.__doc__
    declare = api.get if method == "GET" else api.post
    if method == "POST":
        setattr(target, TAKES, _EVENT)
    refusals: dict[Any, Any] = dict.fromkeys((400, 403 if method == "GET" else 401, 404, 413, 429), Failure)
    declare(path, security=[], responses={200: _answer(method, route), **refusals})(any_names(target))


@cache
def _own_routes() -> dict[tuple[str, str], Route]:
    """The addresses that channels declare, by method and path."""
    modules = (
        implementation(adapter, SupportsRoutes) for adapter in dict.fromkeys(adapter for *_, adapter in OWN_ROUTES)
    )
    return {(route.method, route.path): route for module in modules for route in module.routes()}


def _answer(method: str, route: Route | None) -> Any:
    """What a provider is answered: a challenge, the declared response, or that the call is durable."""
    if method == "GET":
        return {"content": {"text/plain": {"schema": {"type": "string"}, "example": "1158201444"}}}
    if route is None:
        # Each channel has a form of its own, which its provider wants.
        return {
            "content": {"application/json": {"schema": {}, "example": {"status": "success", "instance": "support"}}}
        }
    if route.response is None:
        return Received
    media_type = route.response.content_type.partition(";")[0]
    if media_type == "application/json":
        return {"content": {media_type: {"schema": {"type": "object"}, "example": json.loads(route.response.body)}}}
    return {"content": {media_type: {"schema": {"type": "string"}, "example": route.response.body}}}


for _number, (_method, _path, _view) in enumerate(ROUTES):
    _mount(_method, _path, slow_forgers(hiding_channels(_view)), _number)
