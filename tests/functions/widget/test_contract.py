"""The widget's endpoints conform to their OpenAPI document, whatever a visitor sends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from functions.hub.main import blueprints
from shared.security.buckets import Buckets
from tests.apps import create_app
from tests.functions.widget.conftest import begin, make_widget
from tests.http.test_contract import CHECKS, REPEATABLE, operation_of
from tests.pipeline.hub import Hub


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/widget/{instance}/session"),
        ("POST", "/widget/{instance}/messages"),
        ("GET", "/widget/{instance}/messages"),
        ("GET", "/widget/{instance}"),
        ("GET", "/widget/{instance}/embed.js"),
        ("GET", "/widget/embed.js"),
        ("GET", "/widget/assets/{name}"),
    ],
)
@pytest.mark.parametrize("per_minute", ["enough", "too little"])
def test_a_visitors_calls_are_answered_as_documented(hub: Hub, method: str, path: str, per_minute: str) -> None:
    visitor = begin(hub, make_widget(hub))
    # One bucket at a time means that each one begins anew, full; the other kind runs dry.
    buckets = Buckets(lambda: 0.0, size=0 if per_minute == "enough" else 100)
    app = create_app(replace(hub.deps, buckets=buckets), blueprints())
    operation = operation_of(app, method, path)

    @settings(REPEATABLE, max_examples=25 if per_minute == "enough" else 3)
    @given(case=operation.as_strategy())
    def answers(case: Any) -> None:
        if "instance" in case.path_parameters:
            case.path_parameters["instance"] = visitor.session["instance"]
        case.call_and_validate(headers=visitor.headers, checks=CHECKS)

    if per_minute == "too little":
        client = app.test_client()
        for _ in range(600):
            client.get("/widget/embed.js")
        assert client.get("/widget/embed.js").status_code == 429
    answers()
