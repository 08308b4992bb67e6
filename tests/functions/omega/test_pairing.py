"""Pairing the only WhatsApp account in the Omega dialect."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.normalize.main import consume as normalize
from functions.omega.main import blueprints
from functions.omnihub.main import blueprints as omnihub
from functions.webhooks.blueprint import api as webhooks
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.events import Topic
from shared.domain.instances import ChannelType, Instance, InstanceStatus, PairingCode
from shared.ports.store import Document, Merge, Ref
from shared.usecases import connection_waits
from shared.usecases.connection_waits import is_connected
from shared.usecases.instances import default_whatsapp, instances, pairing_turns
from shared.usecases.instances.instance_documents import label
from shared.usecases.instances.instances import NewInstance
from tests.apps import create_app
from tests.eventually import eventually
from tests.evolution import Evolution
from tests.functions.keys import key_for
from tests.stubs import Reply, Stub

GOLDEN = Path(__file__).parents[2] / "golden" / "omega"
PNG = b"\x89PNG\r\n\x1a\n"


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


@pytest.fixture
def server(provider: Stub) -> Evolution:
    return Evolution(provider)


@pytest.fixture
def configured(deps: Deps, server: Evolution) -> Deps:
    """A deployment with an Evolution server of its own."""
    return replace(deps, settings=deps.settings.model_copy(update={"evolution_key": SecretStr("global-key")}))


@pytest.fixture
def client(configured: Deps) -> FlaskClient:
    return client_of(configured)


def client_of(deps: Deps, **settings: object) -> FlaskClient:
    changed = replace(deps, settings=deps.settings.model_copy(update=settings))
    return create_app(changed, [*blueprints(), *omnihub(), webhooks]).test_client()


@pytest.fixture
def consuming(configured: Deps) -> Iterator[None]:
    stop = configured.bus.consume({Topic.INBOUND: lambda event: normalize(configured, event)})  # type: ignore[arg-type]
    yield
    stop()


def whatsapp(deps: Deps, tenant_id: str = "default", **fields: Any) -> Instance:
    new = NewInstance(channel_type=ChannelType.WHATSAPP, **fields)
    return instances.create(deps, tenant_id, new, connect=False)


def slack(deps: Deps) -> Instance:
    return instances.create(deps, "default", NewInstance(channel_type=ChannelType.SLACK), connect=False)


def state_becomes(deps: Deps, instance: Instance, status: InstanceStatus) -> None:
    """Another process stores a state."""
    deps.store.commit([Merge(Ref("instances", instance.id), {"status": status.value})])


@pytest.mark.usefixtures("consuming")
def test_the_documents_flow_from_the_first_call_to_paired(client: FlaskClient, server: Evolution) -> None:
    assert client.get("/api/health").json["whatsapp"] == "not_configured"  # type: ignore[index]
    ready: Any = client.post("/api/pair").json
    assert list(ready) == list(golden("pair_qr_ready"))
    assert ready["status"] == "qr_ready"
    assert base64.b64decode(ready["qr_png_base64"], validate=True).startswith(PNG)
    assert client.post("/api/pair").json == ready
    assert client.get("/api/pair/status?timeout=0").json == golden("pair_status_pending")
    assert client.get("/api/health").json["whatsapp"] == "disconnected"  # type: ignore[index]
    with ThreadPoolExecutor() as pool:
        waiter = pool.submit(lambda: client.application.test_client().get("/api/pair/status").json)
        eventually(connection_waits.count)
        server.scan(client)
        assert waiter.result(timeout=30) == golden("pair_status_paired")
    assert client.post("/api/pair").json == golden("pair_already_paired")
    assert client.get("/api/pair/status").json == golden("pair_status_paired")
    healthy: Any = client.get("/api/health").json
    printed = golden("health")
    assert list(healthy) == list(printed)
    assert isinstance(healthy["uptime_secs"], int)
    assert {**healthy, "uptime_secs": 0} == {**printed, "uptime_secs": 0}


@pytest.mark.usefixtures("consuming")
def test_an_answer_that_a_scan_overtakes_does_not_undo_it(
    client: FlaskClient, configured: Deps, server: Evolution, provider: Stub
) -> None:
    client.post("/api/pair")
    [instance] = configured.store.find("instances").documents

    def overtaken(_: object) -> Reply:
        server.scan(client)
        eventually(lambda: _status(configured, instance) == InstanceStatus.CONNECTED.value)
        return Reply(json={"instance": {"instanceName": "acme-support", "state": "connecting"}})

    provider.on("GET", "/instance/connectionState/", overtaken, times=1)

    assert client.get("/api/pair/status?timeout=5").json == golden("pair_status_paired")
    assert _status(configured, instance) == InstanceStatus.CONNECTED.value


def _status(deps: Deps, instance: Document) -> str:
    return str(deps.store.get([instance.ref])[instance.ref].data["status"])


def test_a_scan_that_no_webhook_tells_of_is_seen_at_the_provider(client: FlaskClient, server: Evolution) -> None:
    client.post("/api/pair")
    server.scan(client, tell=False)
    assert client.get("/api/pair/status").json == golden("pair_status_paired")


def test_a_scan_that_another_process_noted_is_seen_in_the_store(client: FlaskClient, configured: Deps) -> None:
    client.post("/api/pair")
    instance = instances.get_default(configured, "default")
    with ThreadPoolExecutor() as pool:
        waiter = pool.submit(lambda: client.application.test_client().get("/api/pair/status").json)
        eventually(connection_waits.count)
        state_becomes(configured, instance, InstanceStatus.CONNECTED)
        assert waiter.result(timeout=30) == golden("pair_status_paired")


class CountingStore:
    """A store that counts how often an instance is looked at."""

    def __init__(self, deps: Deps) -> None:
        self._store = deps.store
        self._lock = threading.Lock()
        self.looks = 0

    def get(self, refs: Any) -> dict[Ref, Document]:
        with self._lock:
            self.looks += 1
        return self._store.get(refs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def waiting_for(deps: Deps, instance: Instance, seconds: float = 60) -> bool:
    """Whether the account is connected in the end."""
    return is_connected(connection_waits.until(deps, instance, seconds, is_connected))


def test_all_that_wait_for_an_instance_share_their_looks_at_the_store(configured: Deps) -> None:
    instance = whatsapp(configured)
    store = CountingStore(configured)
    counted = replace(configured, store=store)
    with ThreadPoolExecutor() as pool:
        waits = [pool.submit(waiting_for, counted, instance, 0.3) for _ in range(4)]
        assert [wait.result(timeout=30) for wait in waits] == [False] * 4
    assert store.looks <= 2


def test_those_who_wait_longer_go_on_looking_when_the_first_ones_leave(configured: Deps) -> None:
    instance = whatsapp(configured)
    with ThreadPoolExecutor() as pool:
        short = [pool.submit(waiting_for, configured, instance, 0.1 * number) for number in range(4)]
        long = pool.submit(waiting_for, configured, instance)
        assert [wait.result(timeout=30) for wait in short] == [False] * 4
        state_becomes(configured, instance, InstanceStatus.CONNECTED)
        assert long.result(timeout=30)
    assert connection_waits.count() == 0


def test_so_many_may_wait_and_no_tenant_gets_all_places(configured: Deps) -> None:
    few = replace(configured, settings=configured.settings.model_copy(update={"long_polls": 4}))
    own_account, foreign_account = whatsapp(few), whatsapp(few, "other")
    with ThreadPoolExecutor(4) as pool:
        waits = [pool.submit(waiting_for, few, own_account) for _ in range(3)]
        eventually(lambda: connection_waits.count() == 3)
        assert not waiting_for(few, own_account), "the fourth is for another tenant"
        waits.append(pool.submit(waiting_for, few, foreign_account))
        eventually(lambda: connection_waits.count() == 4)
        assert not waiting_for(few, foreign_account), "no place is left"
        for instance in (own_account, foreign_account):
            state_becomes(few, instance, InstanceStatus.CONNECTED)
            connection_waits.wake(instance.id)
        assert all(wait.result(timeout=30) for wait in waits)
    assert connection_waits.count() == 0


def test_those_who_ask_while_another_one_pairs_all_get_the_code(client: FlaskClient, configured: Deps) -> None:
    instance = whatsapp(configured, name="shop")
    with pairing_turns.turn(configured, instance), ThreadPoolExecutor(20) as pool:
        asking = [
            pool.submit(lambda: client.application.test_client().get("/api/v1/instances/shop/qr").json)
            for _ in range(20)
        ]
        eventually(lambda: connection_waits.count() == 20)
        code = PairingCode(text="2@abc", expires_at=configured.now() + timedelta(minutes=1))
        waiting = {"status": InstanceStatus.WAITING_FOR_SCAN.value, "pairing": code.model_dump()}
        configured.store.commit([Merge(Ref("instances", instance.id), waiting)])
        connection_waits.wake(instance.id)
        answers: list[Any] = [each.result(timeout=30) for each in asking]
    assert {answer["status"] for answer in answers} == {"waiting_for_scan"}
    assert {answer["qr_code"][:22] for answer in answers} == {"data:image/png;base64,"}


@pytest.mark.parametrize("timeout", ["-1", "60.1", "nan", "inf", "x", "1e999"])
def test_nobody_waits_longer_than_a_minute(client: FlaskClient, timeout: str) -> None:
    answer = client.get(f"/api/pair/status?timeout={timeout}")
    assert answer.status_code == 400
    assert isinstance(answer.json["detail"], str)  # type: ignore[index]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (InstanceStatus.CONNECTED, "connected"),
        (InstanceStatus.CONNECTING, "disconnected"),
        (InstanceStatus.WAITING_FOR_SCAN, "disconnected"),
        (InstanceStatus.ERROR, "disconnected"),
        (InstanceStatus.DELETED, "disconnected"),
        (InstanceStatus.NOT_CONFIGURED, "not_configured"),
    ],
)
def test_health_knows_three_words(client: FlaskClient, configured: Deps, status: InstanceStatus, word: str) -> None:
    state_becomes(configured, whatsapp(configured), status)
    assert client.get("/api/health").json["whatsapp"] == word  # type: ignore[index]


def test_the_default_whatsapp_instance_is_meant_else_the_only_one(client: FlaskClient, configured: Deps) -> None:
    slack(configured)
    first = whatsapp(configured)
    state_becomes(configured, first, InstanceStatus.CONNECTED)
    assert client.get("/api/health").json["whatsapp"] == "connected"  # type: ignore[index]
    second = whatsapp(configured)
    refused = client.post("/api/pair")
    assert (refused.status_code, refused.json["status"]) == (409, "not_configured")  # type: ignore[index]
    instances.set_default(configured, "default", second.id)
    assert client.get("/api/health").json["whatsapp"] == "disconnected"  # type: ignore[index]


def test_without_any_instance_server_and_place_for_sessions_there_is_nothing_to_pair(
    deps: Deps, server: Evolution
) -> None:
    client = client_of(deps, evolution_url=None, backend="google", google_cloud_project="acme")
    for answer in (client.post("/api/pair"), client.get("/api/pair/status")):
        assert answer.status_code == 409
        assert set(answer.json or {}) == {"status", "message", "detail", "error"}
        assert answer.json["error"] == answer.json["message"] != ""  # type: ignore[index]
        assert answer.json["status"] == "not_configured"  # type: ignore[index]
    assert client.get("/api/health").json["whatsapp"] == "not_configured"  # type: ignore[index]


def test_requests_that_come_together_make_one_instance_and_one_pairing(
    client: FlaskClient, configured: Deps, server: Evolution
) -> None:
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(lambda: client.application.test_client().post("/api/pair").json) for _ in range(4)]
        answers = [call.result(timeout=60) for call in calls]
    assert len({json.dumps(answer) for answer in answers}) == 1
    assert len(instances.list_page(configured, "default")) == 1
    assert server.created_count == 1


def test_the_first_instance_always_gets_the_same_name_unless_somebody_has_it(
    configured: Deps, server: Evolution
) -> None:
    first = default_whatsapp.find_or_make(configured, "acme")
    assert first is not None
    assert first.name == "whatsapp-acme"
    assert default_whatsapp.find_or_make(configured, "acme") == default_whatsapp.find(configured, "acme") == first
    instances.create(configured, "other", NewInstance(channel_type=ChannelType.SLACK, name="whatsapp-third"))
    third = default_whatsapp.find_or_make(configured, "third")
    assert third is not None
    assert (third.tenant_id, label(third)) == ("third", "whatsapp-third")
    assert third.name != "whatsapp-third"


def test_a_code_that_is_not_there_yet_can_be_asked_for_again(client: FlaskClient, server: Evolution) -> None:
    server.unready = 100
    answer = client.post("/api/pair")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"


def test_a_server_that_is_down_is_told(client: FlaskClient, server: Evolution) -> None:
    server.stub.on("GET", "/instance/", Reply(502))
    assert client.post("/api/pair").status_code == 503
    assert client.get("/api/pair/status?timeout=0").json == golden("pair_status_pending")


CALLS = [("GET", "/api/health"), ("POST", "/api/pair"), ("GET", "/api/pair/status")]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_with_a_key_set_every_call_wants_it(configured: Deps, method: str, path: str) -> None:
    client = client_of(configured, api_key=SecretStr("your-secret-key"))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic your-secret-key"}):
        assert client.open(path, method=method, headers=headers).status_code == 401
    if method == "GET":
        headers = {"Authorization": "Bearer your-secret-key"}
        assert client.open(path, method=method, headers=headers).status_code in (200, 409)


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_switched_off_there_is_nothing(configured: Deps, method: str, path: str, headers: dict[str, str]) -> None:
    client = client_of(configured, api_enabled=False, api_key=SecretStr("your-secret-key"))
    assert client.open(path, method=method, headers=headers).status_code == 404


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_no_web_page_may_call(client: FlaskClient, method: str, path: str) -> None:
    origin = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": method}
    for verb in ("OPTIONS", method):
        answer = client.open(f"{path}?timeout=0", method=verb, headers=origin)
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def test_a_tenant_sees_its_own_account_only(client: FlaskClient, configured: Deps) -> None:
    state_becomes(configured, whatsapp(configured), InstanceStatus.CONNECTED)
    other = key_for(configured, "other")
    assert client.get("/api/health", headers=other).json["whatsapp"] == "not_configured"  # type: ignore[index]
    assert client.get("/api/pair/status", headers=other).status_code == 409
    assert client.post("/api/pair", headers=key_for(configured, "other", Role.AGENT)).status_code == 403
