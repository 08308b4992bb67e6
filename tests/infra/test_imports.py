"""What each function's process loads before it can answer: this is what a cold start consists of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bench.processes import ROOT
from infra.bench.webhooks import prepare

WSGI = {"markupsafe", "werkzeug"}
"""Requests and answers; the image's server needs them too."""

MODELS = {"annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"}

EMBEDDED = {"_cffi_backend", "_openssl", "cryptography", "orjson"}
"""What the embedded backend needs; another backend loads its own instead."""

ALLOWED = {
    "webhooks": WSGI | MODELS,
    "normalize": WSGI | MODELS,
    "reply": WSGI | MODELS,
    "deliver": WSGI | MODELS,
    "announce": WSGI | MODELS,
    "tick": WSGI | MODELS,
    # Flask and a dialect's routes and models are loaded by its first request, so that the port is open sooner.
    "omnichat": WSGI,
    "omnihub": WSGI,
    "dashboard": WSGI,
    "omega": WSGI,
    "forge": WSGI,
    "widget": WSGI,
    "console": WSGI,
    "hub": WSGI,
}

LOADED = """
import json, sys
before = set(sys.modules)
{code}
print(json.dumps(sorted(set(sys.modules) - before)))
"""

FIRST_WEBHOOK = """
from functions.webhooks.main import handler
from werkzeug.test import EnvironBuilder
assert handler(EnvironBuilder({path!r}, method="POST", json={{"update_id": 1}}).get_request()).status_code == 200
"""

SEARCHES = """
sys.addaudithook(lambda event, given: sys.exit(1) if event == "open" and "entry_points" in str(given[0]) else None)
import functions.webhooks.main
"""


def loaded(code: str, directory: Path) -> set[str]:
    """All modules that a fresh process has after running the code."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(code=code)],
        env={"PYTHONPATH": str(ROOT), "DATA_DIR": str(directory / "data")},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    """Whose they are, without the standard library's and the hub's own."""
    names = {module.partition(".")[0] for module in modules}
    return {name for name in names - sys.stdlib_module_names - {"functions", "shared"} if "sysconfigdata" not in name}


def test_every_function_has_a_list() -> None:
    assert {path.parent.name for path in (ROOT / "functions").glob("*/main.py")} == set(ALLOWED)


@pytest.mark.parametrize("function", ALLOWED)
def test_a_function_loads_no_more_than_its_list_allows(function: str, tmp_path: Path) -> None:
    assert packages(loaded(f"import functions.{function}.main", tmp_path)) <= ALLOWED[function]


def test_a_webhook_is_taken_without_what_reads_or_sends_messages(tmp_path: Path) -> None:
    path = prepare({"DATA_DIR": str(tmp_path / "data"), "TELEGRAM_API_URL": "http://127.0.0.1:9"})
    modules = loaded(FIRST_WEBHOOK.format(path=path), tmp_path)
    assert packages(modules) <= WSGI | MODELS | EMBEDDED
    channels = {module for module in modules if module.startswith("shared.channels.")}
    assert channels == {
        "shared.channels.telegram_bot",
        "shared.channels.telegram_bot.config",
        "shared.channels.telegram_bot.webhook",
    }
    assert not modules & {"shared.domain.messages", "shared.domain.conversations", "shared.outgoing.calls"}
    assert not modules & {"shared.security.google_tokens", "shared.usecases.reporting.health"}


def test_no_package_is_searched_for_plugins(tmp_path: Path) -> None:
    assert loaded(SEARCHES, tmp_path)


def test_the_library_that_speaks_to_whatsapp_is_loaded_by_workers_alone(tmp_path: Path) -> None:
    assert "neonize" not in packages(loaded("import infra.local.serve, infra.holders.__main__", tmp_path))
