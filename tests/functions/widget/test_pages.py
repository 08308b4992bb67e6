"""The widget's page and script as they are served, and which pages may use them."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from functions.widget import pages
from tests.functions.widget.conftest import begin, make_widget
from tests.pipeline.hub import Hub

SHOP = "https://shop.example"


def _directives(answer: TestResponse) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";")]
    return {name: value for name, _, value in parts}


def test_the_page_shows_the_owners_words_and_none_of_them_is_markup(hub: Hub) -> None:
    name = make_widget(hub, "Shop", title='<b>"Us"</b>', greeting="</p><script>alert(1)</script>", color="#00aa55")
    answer = hub.client.get(f"/widget/{name}")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<b>" not in answer.text
    assert 'data-color="#00aa55"' in answer.text
    assert f'data-instance="{name}"' in answer.text


def test_the_page_allows_no_code_but_its_own_files(hub: Hub, widget: str) -> None:
    answer = hub.client.get(f"/widget/{widget}")
    policy = _directives(answer)
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"], policy["connect-src"]) == ("'self'", "'self'", "'self'")
    assert "<script>" not in answer.text
    assert "style=" not in answer.text


def test_any_page_may_show_it_in_a_frame_unless_the_owner_lists_some(hub: Hub, widget: str) -> None:
    answer = hub.client.get(f"/widget/{widget}")
    assert _directives(answer)["frame-ancestors"] == "*"
    assert "X-Frame-Options" not in answer.headers
    listed = make_widget(hub, "Listed", allowedOrigins=[f"{SHOP}/", "http://localhost:3000"])
    answer = hub.client.get(f"/widget/{listed}")
    assert _directives(answer)["frame-ancestors"] == f"'self' {SHOP} http://localhost:3000"


def test_the_page_speaks_the_visitors_language_unless_the_widget_or_the_page_around_it_has_one(hub: Hub) -> None:
    anybodys, german = make_widget(hub, "Any"), make_widget(hub, "German", language="de")

    def button(widget: str, accepted: str, query: str = "") -> tuple[str, str]:
        text = hub.client.get(f"/widget/{widget}{query}", headers={"Accept-Language": accepted}).text
        match = re.search(r'<html lang="(\w+)".*id="send"[^>]*>([^<]*)<', text, re.DOTALL)
        assert match
        return match[1], match[2]

    assert button(anybodys, "pt-BR,en;q=0.5") == ("pt", "Enviar")
    assert button(anybodys, "fr") == ("en", "Send")
    assert button(anybodys, "en", "?language=es") == ("es", "Enviar")
    assert button(german, "en") == ("de", "Senden")


def test_every_language_has_the_same_words_with_the_same_places() -> None:
    phrases: dict[str, dict[str, str]] = json.loads((Path(pages.__file__).parent / "assets" / "words.json").read_text())
    assert set(phrases) == {"en", "pt", "es", "de"}
    places = {
        language: {key: sorted(re.findall(r"{\w+}", text)) for key, text in own.items()}
        for language, own in phrases.items()
    }
    assert [language for language in phrases if places[language] != places["en"]] == []


def test_a_widgets_own_script_knows_its_color_and_is_no_way_to_run_code(hub: Hub) -> None:
    title = '"; alert(1) //</script>\u2028'
    widget = make_widget(hub, "Shop", color="#00aa55", title=title)
    code = hub.client.get(f"/widget/{widget}/embed.js").text
    look = json.loads(re.search(r"const LOOK = (.*);", code)[1])  # type: ignore[index]
    assert (look["instance"], look["color"], look["title"]) == (widget, "#00aa55", title)
    assert "visitor_secret" not in code
    assert hub.client.get("/widget/nothing/embed.js").status_code == 404


def test_the_page_knows_whether_somebody_is_there(hub: Hub, widget: str) -> None:
    assert _settings(hub, widget)["isOpen"] is True
    hours = {"name": "Never", "zone": "UTC", "intervals": []}
    hub.post("/api/business-hours", hours, 201)
    assert (_settings(hub, widget)["isOpen"], _settings(hub, widget)["opensAt"]) == (False, None)
    visitor = begin(hub, widget)
    page: Any = visitor.read().json
    assert (page["isOpen"], page["opensAt"]) == (False, None)


def _settings(hub: Hub, widget: str) -> dict[str, Any]:
    text = hub.client.get(f"/widget/{widget}").text
    settings: dict[str, Any] = json.loads(unescape(re.search(r'data-settings="([^"]*)"', text)[1]))  # type: ignore[index]
    return settings


@pytest.mark.parametrize("origin", ["*", "shop.example", "https://a.example; script-src *", "https://a.example/x"])
def test_what_is_no_origin_is_refused(hub: Hub, origin: str) -> None:
    body = {"name": "x", "type": "WIDGET", "config": {"allowedOrigins": [origin]}}
    assert hub.post("/api/channels", body, 400)["fields"]


@pytest.mark.parametrize("config", [{"color": "red"}, {"title": ""}, {"title": "x" * 61}])
def test_a_look_that_cannot_be_is_refused_or_left_out(hub: Hub, config: dict[str, Any]) -> None:
    answer = hub.client.post(
        "/api/channels", json={"name": "x", "type": "WIDGET", "config": config}, headers=hub.headers
    )
    assert answer.status_code == (201 if config == {"title": ""} else 400)


@pytest.mark.parametrize(
    ("path", "mimetype"),
    [
        ("/widget/embed.js", "text/javascript"),
        ("/widget/{widget}/embed.js", "text/javascript"),
        ("/widget/assets/chat.js", "text/javascript"),
        ("/widget/assets/chat.css", "text/css"),
    ],
)
def test_files_are_served_with_an_etag(hub: Hub, widget: str, path: str, mimetype: str) -> None:
    path = path.format(widget=widget)
    answer = hub.client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, mimetype)
    assert "public" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = hub.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["chat.html", "words.json", "..", "nothing.js", "pages.py", "..%2fpages.py"])
def test_nothing_else_is_served(hub: Hub, name: str) -> None:
    assert hub.client.get(f"/widget/assets/{name}").status_code == 404


def _asks(hub: Hub, instance: str, origin: str) -> str | None:
    preflight_headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = hub.client.options(f"/widget/{instance}/messages", headers=preflight_headers)
    assert preflight.status_code == 204
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    called = hub.client.post(f"/widget/{instance}/messages", json={}, headers={"Origin": origin})
    allowed = preflight.headers.get("Access-Control-Allow-Origin")
    assert called.headers.get("Access-Control-Allow-Origin") == allowed
    assert ("Authorization" in preflight.headers.get("Access-Control-Allow-Headers", "")) is (allowed is not None)
    return allowed


def test_any_page_may_call_unless_the_owner_lists_some(hub: Hub, widget: str) -> None:
    assert _asks(hub, widget, SHOP) == "*"
    assert _asks(hub, "nothing", SHOP) == "*"
    listed = make_widget(hub, "Listed", allowedOrigins=[SHOP])
    assert _asks(hub, listed, SHOP) == SHOP
    assert _asks(hub, listed, "https://evil.example") is None
    assert _asks(hub, listed, "null") is None
    assert begin(hub, listed).session["token"]
