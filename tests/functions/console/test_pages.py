"""The console's page and files as they are served."""

from __future__ import annotations

import gzip
import re

import pytest
from werkzeug.test import TestResponse

from functions.console.assets import FOLDER
from tests.pipeline.hub import Hub

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ASSETS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.suffix in (".js", ".css"))


def _directives(answer: TestResponse) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";")]
    return {name: value for name, _, value in parts}


def _folder(hub: Hub) -> str:
    """The address of the page's files."""
    [address] = set(re.findall(r"/console/assets/[0-9a-f]{12}", hub.client.get("/console").text))
    return str(address)


def test_the_front_door_leads_browsers_to_the_console_and_is_no_page_for_programs(hub: Hub) -> None:
    answer = hub.client.get("/", headers=BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/console")
    for headers in ({}, {"Accept": "application/json"}):
        answer = hub.client.get("/", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")  # type: ignore[index]


def test_every_address_of_the_console_is_the_page_which_is_asked_for_again_only_when_it_has_changed(hub: Hub) -> None:
    page = hub.client.get("/console")
    assert (page.status_code, page.mimetype, page.headers["Cache-Control"]) == (200, "text/html", "no-cache")
    for path in ("/console/", "/console/inbox/mine?tag=vip", "/console/conversations/c-1"):
        assert hub.client.get(path).data == page.data
    again = hub.client.get("/console", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_page_runs_its_own_files_alone_and_speaks_to_its_own_host_alone(hub: Hub) -> None:
    answer = hub.client.get("/console", base_url="https://hub.example")
    policy = _directives(answer)
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"], policy["font-src"]) == ("'self'", "'self'", "'self'")
    assert policy["connect-src"] == "'self' wss://hub.example"
    assert _directives(hub.client.get("/console", base_url="http://localhost:8000"))["connect-src"].endswith(
        "ws://localhost:8000"
    )
    assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == ("'none'", "'none'", "'none'")
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\bon[a-z]+=", answer.text)


@pytest.mark.parametrize("name", ASSETS)
def test_a_file_is_kept_for_good_at_an_address_with_its_version_and_is_compressed(hub: Hub, name: str) -> None:
    address = f"{_folder(hub)}/{name}"
    plain = hub.client.get(address)
    assert plain.status_code == 200
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (plain.headers["Vary"], plain.headers["X-Content-Type-Options"]) == ("Accept-Encoding", "nosniff")
    assert plain.data == (FOLDER / name).read_bytes()
    compressed = hub.client.get(address, headers={"Accept-Encoding": "br, gzip"})
    if compressed.headers.get("Content-Encoding") == "gzip":
        assert gzip.decompress(compressed.data) == plain.data
    assert len(compressed.data) <= len(plain.data)
    again = hub.client.get(address, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_page_of_another_version_gets_its_files_and_keeps_none(hub: Hub) -> None:
    answer = hub.client.get(f"/console/assets/000000000000/{ASSETS[0]}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "name", ["index.html", "nothing.js", "../pages.py", "..%2fpages.py", "%2e%2e/main.py", "/etc/passwd", ""]
)
def test_nothing_else_is_served(hub: Hub, name: str) -> None:
    assert hub.client.get(f"{_folder(hub)}/{name}").status_code == 404
