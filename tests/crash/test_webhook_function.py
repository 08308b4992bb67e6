"""The webhooks function, served as in its image and by functions-framework: routes, proof of the sender, publishing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests

from functions.webhooks.views import MAX_BODY
from infra.bench.journey import Journey
from infra.bench.processes import ROOT, first_answer, framework_served, served
from infra.bench.updates import update
from shared.bootstrap import bootstrap, close
from shared.config import Settings
from tests.pipeline.hub import telegram_rules
from tests.stubs import Stub

pytestmark = pytest.mark.slow

SECRET = "X-Telegram-Bot-Api-Secret-Token"


Server = Callable[[Path, Mapping[str, str], Path], AbstractContextManager[int]]


@pytest.fixture(params=[served, framework_served])
def webhook(tmp_path: Path, provider: Stub, request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, str]]]:
    """The function's address for one bot, and the header with Telegram's secret token."""
    telegram_rules(provider)
    public = {"public_url": "https://hub.example", "telegram_api_url": provider.url}
    deps = bootstrap(Settings(data_dir=tmp_path / "data", **public))
    path = Journey(deps).webhook_path
    close(deps)
    secret = provider.to("/setWebhook")[0].json["secret_token"]
    environment = {"DATA_DIR": str(tmp_path / "data"), "PUBLIC_URL": public["public_url"]}
    server: Server = request.param
    with server(ROOT / "functions/webhooks/main.py", environment, tmp_path / "function.log") as port:
        first_answer(port, "GET", "/", None)
        yield f"http://127.0.0.1:{port}{path}", {SECRET: secret}


def _published(data: Path) -> int:
    connection = sqlite3.connect(data / "hub.db")
    try:
        count: int = connection.execute("SELECT count(*) FROM events WHERE topic = 'inbound'").fetchone()[0]
        return count
    finally:
        connection.close()


def test_a_call_is_routed_checked_and_published(webhook: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    url, proof = webhook
    response = requests.post(url, json=update(5, 1), headers=proof | {"X-Request-ID": "mine"}, timeout=20)
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert response.headers["X-Request-ID"] == "mine"
    assert response.headers["Content-Type"] == "application/json"
    assert requests.post(f"{url}/", json=update(5, 2), headers=proof, timeout=20).status_code == 200
    assert _published(tmp_path / "data") == 2


def test_what_is_not_a_providers_call_is_refused(webhook: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    url, proof = webhook
    assert requests.post(url, json=update(5, 1), headers={SECRET: "guessed"}, timeout=20).status_code == 401
    assert requests.post(url, json=update(5, 1), timeout=20).status_code == 401
    assert requests.get(url, headers=proof, timeout=20).status_code == 405
    lost = requests.post(f"{url}/no/such/route", json={}, headers=proof, timeout=20)
    assert lost.status_code == 404
    assert lost.json()["detail"]
    assert _published(tmp_path / "data") == 0


def test_a_call_that_is_too_large_is_refused_however_it_is_sent(webhook: tuple[str, dict[str, str]]) -> None:
    url, proof = webhook
    whole = bytes(MAX_BODY + 1)
    for body in (whole, iter([whole[: MAX_BODY // 2], whole[MAX_BODY // 2 :]])):
        refused = requests.post(url, data=body, headers=proof, timeout=60)
        assert (refused.status_code, refused.json()["code"]) == (401, "signature_invalid")
        assert "longer" in refused.json()["detail"]
