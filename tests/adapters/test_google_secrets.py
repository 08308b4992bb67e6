"""What Secret Manager's adapter does beyond the contract: which calls it makes, and what becomes of old versions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import grpc
import pytest

from infra.local.secret_manager import SecretManager, serving
from shared.adapters.google.secrets import SecretManagerSecrets
from shared.errors import StoreError
from tests.adapters.backends.grpc_proxy import Proxy, proxy_to

NAME = "projects/p/secrets/telegram"


@pytest.fixture
def server() -> Iterator[SecretManager]:
    with serving() as server:
        yield server


@pytest.fixture
def secrets(server: SecretManager) -> Iterator[SecretManagerSecrets]:
    secrets = SecretManagerSecrets("p", endpoint=server.address)
    yield secrets
    secrets.close()


@pytest.fixture
def elsewhere(server: SecretManager) -> Iterator[SecretManagerSecrets]:
    """Another process's view, which keeps nothing."""
    secrets = SecretManagerSecrets("p", ttl=0, endpoint=server.address)
    yield secrets
    secrets.close()


def test_the_older_versions_are_destroyed(secrets: SecretManagerSecrets, server: SecretManager) -> None:
    for token in ("one", "two", "three"):
        secrets.write("telegram", {"token": token})
    versions = server.secrets[NAME]
    assert [version.destroyed for version in versions] == [True, True, False]
    assert json.loads(versions[-1].data) == {"token": "three"}


def test_every_write_after_the_first_is_three_calls(secrets: SecretManagerSecrets, server: SecretManager) -> None:
    secrets.write("telegram", {"token": "one"})
    for token in ("two", "three"):
        server.calls.clear()
        secrets.write("telegram", {"token": token})
        assert server.calls == ["AddSecretVersion", "ListSecretVersions", "DestroySecretVersion"]


def test_a_version_that_was_left_behind_is_destroyed_by_the_next_write(
    secrets: SecretManagerSecrets, server: SecretManager
) -> None:
    secrets.write("telegram", {"token": "one"})
    server.secrets[NAME].append(type(server.secrets[NAME][0])(b"{}"))
    secrets.write("telegram", {"token": "three"})
    assert [version.destroyed for version in server.secrets[NAME]] == [True, True, False]


def test_reading_again_costs_no_call(secrets: SecretManagerSecrets, server: SecretManager) -> None:
    SecretManagerSecrets("p", endpoint=server.address).write("telegram", {"token": "one"})
    server.calls.clear()
    assert [secrets.read("telegram") for _ in range(3)] == [{"token": "one"}] * 3
    assert server.calls == ["AccessSecretVersion"]


def test_what_this_process_wrote_is_read_without_a_call(secrets: SecretManagerSecrets, server: SecretManager) -> None:
    secrets.write("telegram", {"token": "one"})
    server.calls.clear()
    assert secrets.read("telegram") == {"token": "one"}
    assert server.calls == []


def test_an_absent_secret_is_remembered_too(secrets: SecretManagerSecrets, server: SecretManager) -> None:
    assert [secrets.read("telegram") for _ in range(2)] == [{}, {}]
    assert server.calls == ["AccessSecretVersion"]


def test_what_was_kept_is_read_afresh_after_its_time(
    secrets: SecretManagerSecrets, elsewhere: SecretManagerSecrets
) -> None:
    secrets.write("telegram", {"token": "one"})
    assert elsewhere.read("telegram") == {"token": "one"}
    secrets.write("telegram", {"token": "two"})
    assert elsewhere.read("telegram") == {"token": "two"}


def test_changing_what_was_read_changes_nothing_kept(secrets: SecretManagerSecrets) -> None:
    secrets.write("telegram", {"token": "one"})
    secrets.read("telegram")["token"] = "changed"
    assert secrets.read("telegram") == {"token": "one"}


def test_a_secret_without_any_version_is_empty(secrets: SecretManagerSecrets, server: SecretManager) -> None:
    server.secrets[NAME] = []
    assert secrets.read("telegram") == {}
    secrets.write("telegram", {"token": "one"})
    assert len(server.secrets[NAME]) == 1


def test_parallel_writes_leave_one_version_and_the_value_that_is_read(
    secrets: SecretManagerSecrets, elsewhere: SecretManagerSecrets, server: SecretManager
) -> None:
    writers = [threading.Thread(target=secrets.write, args=("telegram", {"token": str(n)})) for n in range(5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [version.destroyed for version in server.secrets[NAME]] == [True] * 4 + [False]
    assert secrets.read("telegram") == elsewhere.read("telegram")


def test_text_that_is_no_json_is_a_store_error_that_does_not_hold_it(
    secrets: SecretManagerSecrets, server: SecretManager
) -> None:
    secrets.write("telegram", {"token": "one"})
    server.secrets[NAME][-1].data = b"t0p-secret"
    with pytest.raises(StoreError) as caught:
        SecretManagerSecrets("p", endpoint=server.address).read("telegram")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.fixture
def proxy(server: SecretManager) -> Iterator[Proxy]:
    with proxy_to(server.address) as proxy:
        yield proxy


def test_a_service_that_is_away_for_a_moment_is_asked_again(proxy: Proxy) -> None:
    secrets = SecretManagerSecrets("p", endpoint=proxy.address)
    proxy.refusals = [grpc.StatusCode.UNAVAILABLE]
    secrets.write("telegram", {"token": "one"})
    assert proxy.calls[:2] == ["AddSecretVersion", "AddSecretVersion"]
    secrets.close()


def test_a_write_that_failed_leaves_nothing_to_trust(proxy: Proxy) -> None:
    secrets = SecretManagerSecrets("p", endpoint=proxy.address)
    secrets.write("telegram", {"token": "one"})
    proxy.refusals = [grpc.StatusCode.PERMISSION_DENIED]
    with pytest.raises(StoreError):
        secrets.write("telegram", {"token": "two"})
    proxy.calls.clear()
    assert secrets.read("telegram") == {"token": "one"}
    assert proxy.calls == ["AccessSecretVersion"]
    secrets.close()


def test_what_was_closed_calls_nobody_any_more(secrets: SecretManagerSecrets) -> None:
    secrets.read("telegram")
    secrets.close()
    with pytest.raises(ValueError, match="closed channel"):
        secrets.read("slack")
