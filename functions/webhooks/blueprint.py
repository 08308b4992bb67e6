"""The same addresses as part of an application that carries other dialects too."""

from __future__ import annotations

from typing import Any, Literal

from flask import request
from flask_openapi import Tag
from pydantic import BaseModel, create_model
from werkzeug.wrappers import Response

from functions.webhooks.views import MAX_BODY, ROUTES, View
from shared.http.app import deps, limit_body
from shared.http.blueprint import APIBlueprint
from shared.http.documentation import TAKES
from shared.http.errors import Failure
from shared.http.limits import slow_forgers

api = APIBlueprint("webhooks", __name__, abp_tags=[Tag(name="Webhooks", description="What providers call")])
limit_body(api, MAX_BODY)


# Whatever the provider sends; what it means is known to the channel alone.
_EVENT = {"application/json": {"schema": {"type": "object"}, "example": {"event": "messages.upsert", "data": {}}}}


class Taken(BaseModel):
    """The call is durable."""

    status: Literal["success"]
    instance: str


class TakenByTelegram(BaseModel):
    """The update is durable."""

    ok: Literal[True]


def _mount(method: str, path: str, view: View, number: int) -> None:
    parameters = {part[1:-1]: (str, ...) for part in path.split("/") if part.startswith("<")}
    model: type[BaseModel] = create_model(f"WebhookPath{number}", **parameters)  # type: ignore[call-overload]  # fields by name

    def called(path: Any) -> Response:
        return view(deps(), request, **path.model_dump())

    def called_plainly() -> Response:
        return view(deps(), request)

    target: Any = called if parameters else called_plainly
    if parameters:
        target.__annotations__ = {"path": model, "return": Response}
    target.__name__ = f"{view.__name__}_{number}"
    target.__doc__ = view.__doc__
    declare = api.get if method == "GET" else api.post
    if method == "POST":
        setattr(target, TAKES, _EVENT)
    refusals: dict[Any, Any] = dict.fromkeys((400, 403 if method == "GET" else 401, 404, 413, 429), Failure)
    declare(path, security=[], responses={**_answers(path, method), **refusals})(target)


def _answers(path: str, method: str) -> dict[Any, Any]:
    """What a provider is told: Meta reads plain text, others nothing; some channels answer in a form of their own."""
    if method == "GET":
        return {200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "1158201444"}}}}
    if path == "/api/facebook/webhook":
        return {200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "EVENT_RECEIVED"}}}}
    if path.startswith("/api/telegram"):
        return {200: TakenByTelegram}
    if path.startswith("/webhook/evolution"):
        return {200: Taken}
    return {200: {"content": {"*/*": {"schema": {}, "example": {"status": "success", "instance": "support"}}}}}


for _number, (_method, _path, _view) in enumerate(ROUTES):
    _mount(_method, _path, slow_forgers(_view), _number)
