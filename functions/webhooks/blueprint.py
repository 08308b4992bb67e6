"""The same addresses as part of an application that carries other dialects too."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_openapi import Tag
from pydantic import BaseModel, create_model

from functions.webhooks.views import MAX_BODY, ROUTES, View
from shared.http.app import deps, limit_body
from shared.http.blueprint import APIBlueprint
from shared.http.errors import Failure
from shared.http.limits import slow_forgers

api = APIBlueprint("webhooks", __name__, abp_tags=[Tag(name="Webhooks", description="What providers call")])
limit_body(api, MAX_BODY)


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
    refusals: dict[Any, Any] = dict.fromkeys((400, 401, 404, 413, 429), Failure)
    declare(path, security=[], responses=refusals)(target)


for _number, (_method, _path, _view) in enumerate(ROUTES):
    _mount(_method, _path, slow_forgers(_view), _number)
