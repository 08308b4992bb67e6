"""Every answer tells browsers what they must not do with it, whoever gives the answer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from functions.hub.main import blueprints
from functions.webhooks.main import handler as webhook
from infra.local.server.liveness import answer_liveness
from infra.sockets.health import Health
from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.http.process import working_with
from tests.apps import create_app, openapi
from tests.functions.widget.conftest import make_widget
from tests.infra.bridging import ask, bridged, echo
from tests.infra.hosting import hosted
from tests.pipeline.hub import Hub, running_hub
from tests.stubs import Stub

PAGES = ("/api/v1/docs", "/api/v1/docs/start.js", "/api/v1/openapi.json", "/oauth/slack/callback", "/no/such/page")


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return create_app(deps, blueprints()).test_client()


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    with running_hub(deps, provider) as running:
        running.register()
        yield running


def _in_production(deps: Deps, **settings: object) -> Deps:
    changed = deps.settings.model_copy(update={"environment": "production", **settings})
    return dataclasses.replace(deps, settings=changed)


def _directives(headers: Any) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in headers["Content-Security-Policy"].split(";")]
    return {name: value for name, _, value in parts}


def _assert_safe(headers: Any, where: str, framed: bool = False) -> None:
    policy = _directives(headers)
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert headers["Referrer-Policy"] == "no-referrer", where
    assert policy["default-src"] == "'none'", where
    assert {policy.get(name, "'none'") for name in ("base-uri", "form-action", "object-src")} == {"'none'"}, where
    assert "'unsafe-inline'" not in policy.get("script-src", ""), where
    assert (policy["frame-ancestors"] == "'none'", headers.get("X-Frame-Options")) == (
        (False, None) if framed else (True, "DENY")
    ), where


def test_every_operation_and_page_answers_safely(client: FlaskClient) -> None:
    paths = openapi(blueprints())["paths"]
    calls = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    for method, path in [*calls, *(("GET", page) for page in PAGES), ("PATCH", "/health"), ("OPTIONS", "/sessions")]:
        filled = re.sub(r"\{\w+\}", "x", path) + ("?timeout=0" if path == "/api/pair/status" else "")
        _assert_safe(client.open(filled, method=method).headers, f"{method} {path}")


def test_the_widgets_page_is_framed_by_whom_its_owner_allows_and_nothing_else_is(hub: Hub) -> None:
    anybodys = make_widget(hub, "Any")
    shops = make_widget(hub, "Shop", allowedOrigins=["https://shop.example"])
    for widget, ancestors in ((anybodys, "*"), (shops, "'self' https://shop.example")):
        page = hub.client.get(f"/widget/{widget}").headers
        _assert_safe(page, widget, framed=True)
        assert _directives(page)["frame-ancestors"] == ancestors
        _assert_safe(hub.client.get(f"/widget/{widget}/messages").headers, "history")
    for path in ("/widget/embed.js", "/widget/assets/chat.js", "/widget/none"):
        _assert_safe(hub.client.get(path).headers, path)


def test_production_insists_on_tls_and_development_does_not(deps: Deps) -> None:
    def insists(deps: Deps, **headers: str) -> bool:
        client = create_app(deps, blueprints()).test_client()
        return "Strict-Transport-Security" in client.get("/health", headers=headers).headers

    assert not insists(deps)
    assert insists(deps, **{"X-Forwarded-Proto": "https"})
    assert insists(_in_production(deps))
    assert insists(_in_production(deps, public_url="https://hub.example"))
    assert not insists(_in_production(deps, public_url="http://10.0.0.5:8000"))


def test_the_webhooks_function_answers_safely(deps: Deps) -> None:
    with working_with(_in_production(deps)):
        for method, path in (("POST", "/webhook/none/none"), ("GET", "/nowhere"), ("PUT", "/webhook/evolution")):
            headers = webhook(EnvironBuilder(path, method=method).get_request()).headers
            _assert_safe(headers, path)
            assert "Strict-Transport-Security" in headers


def test_what_the_server_answers_by_itself_is_safe_too(deps: Deps) -> None:
    paths = ("/health/live", "/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=3", "/other")
    with bridged(_in_production(deps), echo, around=answer_liveness, max_waiting=0) as address:
        for path in paths:
            headers = ask(address, path=path)[0].headers
            _assert_safe(headers, path)
            assert "Strict-Transport-Security" in headers, path
            assert len(headers.get_all("X-Content-Type-Options") or ()) == 1


def test_the_container_of_the_sockets_answers_safely(deps: Deps) -> None:
    with hosted(SocketServer(deps), Health(deps)) as url:
        for path in ("/health/live", "/health/ready", "/nowhere"):
            _assert_safe(ask(url.removeprefix("http://"), path=path)[0].headers, path)
