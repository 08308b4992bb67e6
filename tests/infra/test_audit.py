"""`.ci/audit` tells a library with a known hole from one without, and both from not knowing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
UV = ROOT / ".uv/bin/uv"
CLOSED = "http://127.0.0.1:9/"

pytestmark = pytest.mark.skipif(not UV.exists(), reason="`make` has not installed uv")


@contextmanager
def _advisories(library: str | None) -> Iterator[tuple[str, list[str]]]:
    """A server like osv.dev, that knows of a hole in the library; gives its address and the libraries asked about."""
    queried: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            queried.extend(query["package"]["name"] for query in queries)
            hole = {"vulns": [{"id": "GHSA-1", "modified": "2026-01-01T00:00:00Z"}]}
            self._answer({"results": [hole if query["package"]["name"] == library else {} for query in queries]})

        def do_GET(self) -> None:
            self._answer({"id": "GHSA-1", "modified": "2026-01-01T00:00:00Z", "summary": "a hole", "affected": []})

        def _answer(self, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", queried
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _audit(url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "HOME": str(Path.home()), "AUDIT_URL": url} | variables
    return subprocess.run([ROOT / ".ci/audit"], env=environment, text=True, capture_output=True, check=False)


def test_every_library_is_asked_about() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    libraries = {package["name"] for package in lock["package"] if "registry" in package["source"]}
    with _advisories(None) as (url, queried):
        assert _audit(url).returncode == 0
    assert {"flask", "pydantic", "cryptography"} <= set(queried) <= libraries


def test_a_known_hole_is_a_failure_that_names_the_library() -> None:
    with _advisories("flask") as (url, _):
        audited = _audit(url)
    assert audited.returncode == 1
    assert re.search(r"flask .*\n(.*\n)*.*GHSA-1", audited.stdout + audited.stderr)


def test_what_cannot_be_asked_is_said_to_be_unchecked_and_fails_where_it_is_required() -> None:
    audited = _audit(CLOSED, UV_HTTP_RETRIES="0")
    assert (audited.returncode, "NOT CHECKED" in audited.stderr) == (0, True)
    assert _audit(CLOSED, UV_HTTP_RETRIES="0", REQUIRE_AUDIT="1").returncode == 1


def test_a_release_is_audited() -> None:
    assert "make audit" in (ROOT / ".ci/run").read_text("utf-8").replace("    ", "").splitlines()
