"""How many requests may wait for other systems at once: each occupies a thread, and no tenant may occupy all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
import requests
from flask import Response

from infra.local.server.request_bodies import RequestBodies
from shared.deps import Deps
from shared.domain.accounts import ApiKey
from shared.errors import Overloaded
from shared.http.app import deps as deps_of_app
from shared.http.blueprint import APIBlueprint
from shared.http.guards import Access, open_to_all, protect
from shared.outgoing import Outgoing, concurrency
from shared.ports.store import Create, Ref
from shared.security.tokens import fingerprint
from tests.apps import create_app
from tests.infra.bridging import bridged
from tests.stubs import Received, Reply, Stub

THREADS = 4
PER_TENANT, TOTAL = 2, 3


class Silent:
    """A provider's response that blocks every caller until it is released."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, received: Received) -> Reply:
        self.go.wait(15)
        return Reply(text="at last")


@pytest.fixture
def silent(provider: Stub) -> Iterator[Silent]:
    answer = Silent()
    provider.on("GET", "/slow", answer)
    yield answer
    answer.go.set()


def _calling(url: str) -> APIBlueprint:
    api = APIBlueprint("calling", __name__)
    protect(api, Access.CREDENTIAL)

    @api.get("/ask")
    def ask() -> Response:
        http = deps_of_app().http
        for _ in range(2):
            answer = http.request("GET", url, provider="test", timeout=15)
        return Response(answer.body, mimetype="text/plain")

    @api.get("/ask-unknown")
    @open_to_all
    def ask_unknown() -> Response:
        return Response(deps_of_app().http.request("GET", url, provider="test", timeout=15).body)

    return api


@contextmanager
def _served(deps: Deps, url: str) -> Iterator[Callable[..., Future[requests.Response]]]:
    """Asks over HTTP as a tenant, in the background."""
    limited = Outgoing(deps.settings.model_copy(update={"threads": THREADS}))
    app = create_app(replace(deps, http=limited), [_calling(url)])
    with bridged(deps, app, RequestBodies(1000), threads=8) as address, ThreadPoolExecutor(8) as asking:

        def ask(tenant: str, path: str = "/ask") -> Future[requests.Response]:
            headers = {"X-API-Key": f"key-of-{tenant}"}
            return asking.submit(requests.get, f"http://{address}{path}", headers=headers, timeout=20)

        try:
            yield ask
        finally:
            limited.close()


def _a_key(deps: Deps, tenant: str) -> None:
    key = ApiKey(id=fingerprint(f"key-of-{tenant}"), tenant_id=tenant, name="k", prefix="key", created_at=deps.now())
    deps.store.commit([Create(Ref("api_keys", key.id), key.model_dump())])


def test_one_tenant_gets_a_share_and_all_tenants_leave_something(deps: Deps, provider: Stub, silent: Silent) -> None:
    for tenant in ("t1", "t2", "t3"):
        _a_key(deps, tenant)
    with _served(deps, f"{provider.url}/slow") as ask:
        waiting = [ask("t1") for _ in range(PER_TENANT)]
        provider.wait_for("/slow", PER_TENANT)
        refused = ask("t1").result(15)
        assert (refused.status_code, refused.headers["Retry-After"], refused.json()["code"]) == (503, "5", "overloaded")
        waiting.append(ask("t2"))
        provider.wait_for("/slow", TOTAL)
        assert ask("t3").result(15).status_code == 503
        silent.go.set()
        assert [answer.result(15).text for answer in waiting] == ["at last"] * TOTAL
        assert ask("t3").result(15).status_code == 200


def test_strangers_share_the_slots_of_one_tenant(deps: Deps, provider: Stub, silent: Silent) -> None:
    with _served(deps, f"{provider.url}/slow") as ask:
        waiting = [ask("nobody", "/ask-unknown") for _ in range(PER_TENANT)]
        provider.wait_for("/slow", PER_TENANT)
        assert ask("nobody", "/ask-unknown").result(15).status_code == 503
        silent.go.set()
        assert {answer.result(15).status_code for answer in waiting} == {200}


def test_what_a_bus_delivers_needs_no_slot(deps: Deps, provider: Stub, silent: Silent) -> None:
    http = Outgoing(deps.settings.model_copy(update={"threads": 1}))
    with ThreadPoolExecutor(3) as consumers:
        calls = [consumers.submit(http.request, "GET", f"{provider.url}/slow", provider="test") for _ in range(3)]
        provider.wait_for("/slow", 3)
        silent.go.set()
        assert {call.result(15).status for call in calls} == {200}
    http.close()


def test_a_released_slot_is_free(deps: Deps) -> None:
    http = Outgoing(deps.settings.model_copy(update={"threads": 1}))

    def serve(ends: Callable[[], None]) -> None:
        concurrency.begin_request()
        concurrency.set_tenant("t1")
        http.limits.acquire()
        http.limits.acquire()
        ends()

    def refused() -> None:
        with pytest.raises(Overloaded):
            serve(concurrency.end_request)

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        for ends in (concurrency.release_slot, concurrency.end_request):
            first.submit(serve, lambda: None).result()
            second.submit(refused).result()
            first.submit(ends).result()
            second.submit(serve, concurrency.end_request).result()
            first.submit(concurrency.end_request).result()


def test_a_request_that_was_not_ended_keeps_no_slot(deps: Deps) -> None:
    http = Outgoing(deps.settings.model_copy(update={"threads": 1}))

    def serve() -> None:
        concurrency.begin_request()
        concurrency.set_tenant("t1")
        http.limits.acquire()

    with ThreadPoolExecutor(1) as thread:
        for _ in range(3):
            thread.submit(serve).result()
        thread.submit(concurrency.end_request).result()
    with ThreadPoolExecutor(1) as other:
        other.submit(serve).result()
        other.submit(concurrency.end_request).result()
    http.close()
