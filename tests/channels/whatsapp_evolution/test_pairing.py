"""Bringing an account online, and taking it off again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.channel.lifecycle import Connection
from shared.channels.whatsapp_evolution import lifecycle
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable
from tests.channels.whatsapp_evolution.samples import config, instance
from tests.evolution import Evolution
from tests.stubs import Reply, Stub

Operation = Callable[[Deps, Instance, EvolutionConfig], Connection]


@pytest.fixture
def evolution(provider: Stub) -> Evolution:
    return Evolution(provider)


def run(operation: str, deps: Deps, evolution: Evolution, stored: Instance | None = None, **changes: Any) -> Connection:
    ability: Operation | None = getattr(lifecycle, operation)
    assert ability is not None
    fields = {"evolution_url": evolution.stub.url, "webhook_secret": "s3cret"} | changes
    return ability(deps, stored or instance(), config(**fields))


def test_a_missing_instance_is_made_with_a_code_even_where_none_is_made_by_itself(
    public: Deps, evolution: Evolution
) -> None:
    connection = run("pair", public, evolution, auto_qr=False)
    assert connection.status is InstanceStatus.WAITING_FOR_SCAN
    assert connection.qr_text is not None
    assert connection.qr_text.startswith("2@")
    assert connection.secrets == {"webhook_secret": "s3cret", "instance_token": "TOKEN-1"}
    assert evolution.hook["headers"] == {"x-hub-webhook-secret": "s3cret"}


@pytest.mark.parametrize("state", ["connecting", "close"])
def test_an_instance_that_was_never_paired_is_asked_for_a_code(public: Deps, evolution: Evolution, state: str) -> None:
    evolution.state = state
    connection = run("pair", public, evolution)
    assert connection.status is InstanceStatus.WAITING_FOR_SCAN
    assert connection.qr_png_base64 is not None
    assert connection.qr_png_base64.startswith("iVBOR")
    assert connection.webhook_url == "https://hub.example/webhook/evolution/acme"
    assert "DELETE instance/delete" not in evolution.calls()


def test_a_code_that_is_not_ready_is_asked_for_again(public: Deps, evolution: Evolution) -> None:
    evolution.state, evolution.unready = "connecting", 2
    assert run("pair", public, evolution).status is InstanceStatus.WAITING_FOR_SCAN
    assert evolution.calls().count("GET instance/connect") == 3


def test_asking_for_a_code_comes_to_an_end(public: Deps, evolution: Evolution) -> None:
    evolution.state, evolution.unready = "connecting", 100
    connection = run("pair", public, evolution)
    assert (connection.status, connection.qr_text, connection.qr_png_base64) == (InstanceStatus.CONNECTING, None, None)
    assert evolution.calls().count("GET instance/connect") == 3


def test_an_instance_made_without_a_code_is_asked_for_one(public: Deps, evolution: Evolution) -> None:
    evolution.unready = 1
    connection = run("pair", public, evolution)
    assert connection.status is InstanceStatus.WAITING_FOR_SCAN
    assert connection.secrets["instance_token"] == "TOKEN-1"
    assert connection.webhook_url is not None


def test_an_account_that_is_online_stays_as_it_is(public: Deps, evolution: Evolution) -> None:
    evolution.state = "open"
    run("connect", public, evolution)
    call_count = len(evolution.calls())
    connection = run("pair", public, evolution)
    assert (connection.status, connection.phone_number) == (InstanceStatus.CONNECTED, "+5511900000000")
    assert {call.split()[0] for call in evolution.calls()[call_count:]} == {"GET"}


def test_a_logged_out_instance_is_made_anew_under_its_name_with_the_same_secret(
    public: Deps, evolution: Evolution
) -> None:
    evolution.state, evolution.reason, evolution.lingering = "close", 401, 2
    connection = run("pair", public, evolution)
    assert connection.status is InstanceStatus.WAITING_FOR_SCAN
    assert connection.secrets == {"webhook_secret": "s3cret", "instance_token": "TOKEN-1"}
    calls = evolution.calls()
    assert "GET instance/connect" not in calls
    assert calls.index("DELETE instance/delete") < calls.index("POST instance/create")
    assert calls.count("GET instance/fetchInstances") == 4


def test_what_we_know_of_a_logout_is_enough_where_evolution_does_not_tell(public: Deps, evolution: Evolution) -> None:
    evolution.state = "close"
    run("pair", public, evolution, instance(status_detail="logged out (401)"))
    assert evolution.created_count == 1


def test_an_instance_that_does_not_go_away_is_not_made_again(public: Deps, evolution: Evolution) -> None:
    evolution.state, evolution.reason, evolution.lingering = "close", 401, 1000
    with pytest.raises(ProviderUnavailable, match="still being deleted"):
        run("pair", public, evolution)
    assert evolution.created_count == 0


@pytest.mark.parametrize(
    ("changes", "is_public", "reason"),
    [({"evolution_key": "ACME-INSTANCE-TOKEN"}, True, "global key"), ({}, False, "PUBLIC_URL")],
)
def test_nothing_is_deleted_that_cannot_be_made_again(
    deps: Deps, public: Deps, evolution: Evolution, changes: dict[str, Any], is_public: bool, reason: str
) -> None:
    evolution.state, evolution.reason = "close", 401
    with pytest.raises(ProviderRejected, match=reason):
        run("pair", public if is_public else deps, evolution, **changes)
    assert evolution.state == "close"


def test_a_missing_instance_needs_an_address_to_call(deps: Deps, evolution: Evolution) -> None:
    with pytest.raises(ProviderRejected, match="PUBLIC_URL"):
        run("pair", deps, evolution)


def test_an_open_instance_that_cannot_send_is_restarted(public: Deps, evolution: Evolution) -> None:
    evolution.state = "open"
    lost = instance(link_lost_at=datetime(2026, 11, 20, tzinfo=UTC))
    assert run("pair", public, evolution, lost).status is InstanceStatus.CONNECTED
    assert "POST instance/restart" in evolution.calls()


def test_restarting_an_open_instance_keeps_it(public: Deps, evolution: Evolution) -> None:
    evolution.state = "open"
    connection = run("restart", public, evolution)
    assert (connection.status, connection.display_name) == (InstanceStatus.CONNECTED, "ACME Support")


@pytest.mark.parametrize("state", [None, "close", "connecting"])
def test_restarting_what_is_not_online_brings_a_code(public: Deps, evolution: Evolution, state: str | None) -> None:
    evolution.state = state
    assert run("restart", public, evolution).status is InstanceStatus.WAITING_FOR_SCAN


def test_the_first_version_restarts_under_another_method(public: Deps, evolution: Evolution) -> None:
    evolution.state = "open"
    no_route = {"status": 404, "error": "Not Found", "response": {"message": ["Cannot POST /instance/restart/x"]}}
    evolution.stub.on("POST", "/instance/restart/", Reply(404, no_route))
    evolution.stub.on("PUT", "/instance/restart/", Reply(json={"instance": {"state": "open"}}))
    assert run("restart", public, evolution).status is InstanceStatus.CONNECTED


@pytest.mark.parametrize("state", ["open", "connecting", "close", None])
def test_logging_out_is_done_whatever_the_state(public: Deps, evolution: Evolution, state: str | None) -> None:
    evolution.state = state
    connection = run("logout", public, evolution)
    assert (connection.status, connection.detail) == (InstanceStatus.DISCONNECTED, "logged out")


@pytest.mark.parametrize("state", ["open", "close", None])
def test_removing_is_done_whatever_the_state(public: Deps, evolution: Evolution, state: str | None) -> None:
    evolution.state = state
    assert run("remove", public, evolution).status is InstanceStatus.DELETED
    assert evolution.state is None


def test_the_first_version_is_logged_out_before_it_is_removed(public: Deps, evolution: Evolution) -> None:
    evolution.state = "open"
    complaint = {"response": {"message": ["The instance needs to be disconnected"]}}
    evolution.stub.on("DELETE", "/instance/delete/", Reply(400, complaint), times=1)
    run("remove", public, evolution)
    deletions = [call for call in evolution.calls() if call.startswith("DELETE")]
    assert deletions == ["DELETE instance/delete", "DELETE instance/logout", "DELETE instance/delete"]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("open", InstanceStatus.CONNECTED),
        ("connecting", InstanceStatus.CONNECTING),
        ("close", InstanceStatus.DISCONNECTED),
        (None, InstanceStatus.DISCONNECTED),
    ],
)
def test_the_state_is_read_and_nothing_else_done(
    public: Deps, evolution: Evolution, state: str | None, status: InstanceStatus
) -> None:
    evolution.state = state
    assert run("status", public, evolution).status is status
    assert {call.split()[0] for call in evolution.calls()} == {"GET"}


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("pair", "GET", "/instance/connect/"),
        ("logout", "DELETE", "/instance/logout/"),
        ("remove", "DELETE", "/instance/delete/"),
    ],
)
@pytest.mark.parametrize(
    "refusal",
    [Reply(json={"error": True, "message": "[object Object]"}), Reply(500, {"message": "boom"}), Reply(drop=True)],
)
def test_a_failure_is_told_also_when_it_comes_as_a_success(
    public: Deps, evolution: Evolution, operation: str, method: str, path: str, refusal: Reply
) -> None:
    evolution.state = "connecting"
    evolution.stub.on(method, path, refusal)
    with pytest.raises(ProviderError):
        run(operation, public, evolution)
