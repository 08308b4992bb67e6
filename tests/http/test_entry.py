"""A dialect as a function target, under the real functions-framework, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from functions_framework import create_app

app = create_app("handler", "functions/omnichat/main.py", "http")
email = {"email": "ann@example.com", "password": "correct horse battery"}
big = {"email": "x" * 100_000, "password": "p"}

def shown(response):
    return {"status": response.status_code, "headers": dict(response.headers), "body": response.get_json(silent=True)}

def register(n):
    return app.test_client().post("/api/auth/register", json={**email, "email": f"u{n}@example.com"})

with ThreadPoolExecutor(6) as pool:
    first = list(pool.map(register, range(6)))
client = app.test_client()
token = first[0].json["accessToken"]
answers = {
    "me": client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}", "X-Request-ID": "r-1"}),
    "large": client.post("/api/auth/login", json=big),
    "method": client.put("/api/auth/login"),
    "nowhere": client.get("/nowhere"),
}
print(json.dumps({"first": [r.status_code for r in first]} | {name: shown(r) for name, r in answers.items()}))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = Path(__file__).parents[2]
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(root),
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "DATABASE_URL": "postgres://u:hunter2@h/db",
    }
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=root, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout.splitlines()[-1])
    assert isinstance(result, dict)
    return result | {"errors": run.stderr}


@pytest.mark.slow
def test_the_first_requests_may_come_together(answers: dict[str, Any]) -> None:
    assert answers["first"] == [201] * 6


@pytest.mark.slow
def test_a_setting_that_is_not_used_is_told_once(answers: dict[str, Any]) -> None:
    assert answers["errors"].count("DATABASE_URL is set and not used") == 1
    assert "hunter2" not in answers["errors"]


@pytest.mark.slow
def test_headers_and_bodies_pass_through(answers: dict[str, Any]) -> None:
    assert answers["me"]["status"] == 200
    assert answers["me"]["body"]["user"]["email"] == "u0@example.com"
    assert answers["me"]["headers"]["X-Request-ID"] == "r-1"
    assert answers["large"]["status"] == 400


@pytest.mark.slow
def test_failures_keep_their_form(answers: dict[str, Any]) -> None:
    assert (answers["method"]["status"], answers["method"]["body"]["code"]) == (405, "method_not_allowed")
    assert (answers["nowhere"]["status"], answers["nowhere"]["body"]["code"]) == (404, "not_found")
