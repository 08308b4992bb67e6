"""The always-on container as real processes on the emulators: every one tells its own clients of everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from queue import Empty

import pytest
import requests

from infra.local import secret_manager
from shared.adapters.google.pubsub import PubSub, ensure_topics
from shared.bootstrap import bootstrap, close
from shared.channelkit import auth
from shared.channels.telegram_user.gateway import PROVIDER
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.domain.events import OutboundEvent, Topic
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.domain.outbox import OutboxItem, OutboxPayload
from shared.ports.store import Create, Ref, Set
from shared.usecases import realtime
from shared.usecases.outbox import enqueueing
from tests.adapters.backends import emulators, google
from tests.eventually import eventually
from tests.infra.clients import Client, stored_instance, stored_unsendable, token_for
from tests.infra.process import ColdProcess, Process, Start

pytestmark = pytest.mark.slow

COMMAND = ("infra.sockets.__main__",)
HOLDER = ("infra.holders.__main__",)


@pytest.fixture
def environment() -> dict[str, str]:
    """A project of its own on the emulators."""
    missing = emulators.missing()
    if missing and emulators.environment("REQUIRE_EMULATORS") == "1":
        pytest.fail(f"REQUIRE_EMULATORS=1, but {missing}")
    if missing:
        pytest.skip(missing)
    return {
        "BACKEND": "google",
        "GOOGLE_CLOUD_PROJECT": google.project(),
        "FIRESTORE_EMULATOR_HOST": emulators.firestore(),
        "PUBSUB_EMULATOR_HOST": emulators.pubsub(),
        "JWT_SECRET": "a-secret-of-thirty-two-characters",
        "PORT": "0",
    }


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    return load_settings(environment)


@pytest.fixture
def pubsub(settings: Settings) -> Iterator[PubSub]:
    pubsub = PubSub(settings.google_cloud_project or "", emulator_host=settings.pubsub_emulator_host)
    ensure_topics(pubsub)
    yield pubsub
    pubsub.close()


@pytest.fixture
def deps(settings: Settings, pubsub: PubSub) -> Iterator[Deps]:
    deps = bootstrap(settings)
    yield deps
    close(deps)


@pytest.fixture
def start(environment: dict[str, str], pubsub: PubSub, tmp_path: Path) -> Iterator[Start]:
    numbers = count(1)
    with ExitStack() as stack:

        def started(*command: str, **variables: str) -> Process:
            directory = tmp_path / f"container-{next(numbers)}"
            process = Process(directory, *(command or COMMAND), **(environment | variables))
            stack.enter_context(closing(process))
            assert process.url, process.errors
            return process

        yield started


@contextmanager
def _client(container: Process, token: str) -> Iterator[Client]:
    with closing(Client("websocket")) as client:
        client.connect(container.url, auth={"token": token})
        yield client


def _get(container: Process, path: str) -> tuple[int, object]:
    answer = requests.get(f"{container.url}{path}", timeout=10)
    return answer.status_code, answer.json()


def _stop(container: Process) -> int:
    """Cloud Run grants ten seconds after SIGTERM, then it kills."""
    return container.stop(seconds=10)


def _feeds(pubsub: PubSub) -> list[str]:
    subscriptions = pubsub.subscriber.list_subscriptions(request={"project": f"projects/{pubsub.project}"})
    return [each.name for each in subscriptions if "-feed-" in each.name]


def test_both_processes_tell_their_own_clients_everything_and_a_stranger_nothing(
    start: Start, deps: Deps, pubsub: PubSub
) -> None:
    instance = stored_instance(deps)
    stored_instance(deps, "theirs", tenant_id="t2")
    containers = [start(), start()]
    assert len(_feeds(pubsub)) == 2
    with ExitStack() as stack:
        own_clients = [stack.enter_context(_client(each, token_for(deps, "t1"))) for each in containers]
        strangers = [stack.enter_context(_client(each, token_for(deps, "t2"))) for each in containers]
        for client in own_clients:
            client.enter("i1")
        assert not any(each.ask("join-channel", "i1")["ok"] for each in strangers)
        for client in strangers:
            client.enter("theirs")
        for number in range(20):
            payload = {"qr": str(number), "expires_at": "2026-11-21T10:00:00+00:00"}
            realtime.emit(deps, "t1", instance.id, realtime.WHATSAPP_QR, payload)
        for client in own_clients:
            came = [client.next() for _ in range(20)]
            assert [payload["qr"] for _, payload in came] == [str(number) for number in range(20)]
        realtime.emit(deps, "t2", "theirs", realtime.WHATSAPP_CONNECTED, {})
        # What came to the strangers came after the others' events, so that those would be here by now.
        assert [each.next()[0] for each in strangers] == [realtime.WHATSAPP_CONNECTED] * 2
        for each in (*own_clients, *strangers):
            with pytest.raises(Empty):
                each.came.get_nowait()


def test_sigterm_drains_and_leaves_no_subscription_behind(start: Start, deps: Deps, pubsub: PubSub) -> None:
    stored_instance(deps)
    first, second = start(), start()
    with _client(first, token_for(deps, "t1")) as client:
        assert client.ask("join-channel", "i1") == {"ok": True}
        assert _stop(first) == 0, first.errors
        client.disconnects.get(timeout=10)
    assert len(_feeds(pubsub)) == 1
    assert _stop(second) == 0
    assert _feeds(pubsub) == []


def test_a_subscription_expires_after_its_process_was_killed(start: Start, pubsub: PubSub) -> None:
    container = start()
    container.close()
    (name,) = _feeds(pubsub)
    left = pubsub.subscriber.get_subscription(subscription=name)
    assert left.enable_message_ordering
    assert left.message_retention_duration.total_seconds() == 600
    assert left.expiration_policy.ttl.total_seconds() == 86400


def test_health_is_told_without_a_credential(start: Start) -> None:
    container = start()
    assert _get(container, "/health/live") == (200, {"status": "healthy"})
    assert _get(container, "/health/ready") == (200, {"status": "healthy"})
    status, body = _get(container, "/anything")
    assert status == 404
    assert json.dumps(body).startswith('{"detail"')


def test_a_process_that_hears_no_more_is_neither_ready_nor_alive(start: Start, pubsub: PubSub) -> None:
    container = start()
    (feed,) = _feeds(pubsub)
    pubsub.subscriber.delete_subscription(subscription=feed)
    eventually(lambda: _get(container, "/health/ready")[0] == 503, timeout=40)
    assert _get(container, "/health/live") == (503, {"status": "unhealthy"})


@pytest.mark.parametrize("lost", ["feed", "outbound"])
def test_a_holder_that_hears_no_more_ends_for_another_to_begin(start: Start, pubsub: PubSub, lost: str) -> None:
    holder = start(*HOLDER)
    (feed,) = _feeds(pubsub)
    name = feed if lost == "feed" else pubsub.subscription(Topic.OUTBOUND)
    pubsub.subscriber.delete_subscription(subscription=name)
    assert holder.process.wait(40) == 1


def test_a_holder_sends_what_goes_over_a_line_and_leaves_the_rest_to_the_functions(start: Start, deps: Deps) -> None:
    start(*HOLDER)
    functions_item, own_item = stored_unsendable(deps, "c1"), stored_unsendable(deps, "c2")
    # With one key, so that the second is handed out after the first.
    deps.bus.publish(Topic.OUTBOUND, OutboundEvent(tenant_id="t1", conversation_id="c1"), key="k")
    deps.bus.publish(Topic.OUTBOUND, OutboundEvent(tenant_id="t1", conversation_id="c2", runtime="socket"), key="k")
    eventually(lambda: deps.store.get([own_item])[own_item].data["status"] == "DEAD")
    assert deps.store.get([functions_item])[functions_item].data["status"] == "PENDING"


def _account(deps: Deps) -> Instance:
    instance = stored_instance(deps).model_copy(
        update={"type": ChannelType.TELEGRAM_USER, "adapter": PROVIDER, "status": InstanceStatus.CONNECTED}
    )
    deps.store.commit([Set(Ref("instances", instance.id), instance.model_dump())])
    auth.move(deps, instance, None, auth.AuthState.CONNECTED, {"session": "of-ann"})
    return instance


def _say(deps: Deps, instance: Instance, text: str) -> None:
    item = OutboxItem(
        id=f"m-{text}",
        tenant_id="t1",
        conversation_id=f"c-{text}",
        instance_id=instance.id,
        payload=OutboxPayload(message_id=f"m-{text}", text=text, external_conversation_id="5"),
        created_at=deps.now(),
        updated_at=deps.now(),
    )
    deps.store.commit([Create(Ref("outbox", item.id), item.model_dump())])
    enqueueing.wake(deps, "t1", item.conversation_id, instance)


def test_one_of_two_processes_holds_an_account_sends_for_both_and_hands_it_on_when_it_ends(
    start: Start, environment: dict[str, str], pubsub: PubSub, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"

    def noted(what: str) -> list[str]:
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [line.split()[0] for line in lines if what in line]

    with secret_manager.serving() as vault:
        variables = {"SECRET_MANAGER_EMULATOR_HOST": vault.address, "TELEGRAM_API_ID": "1", "TELEGRAM_API_HASH": "x"}
        deps = bootstrap(load_settings(environment | variables))
        account = _account(deps)
        module = ("tests.infra.holder_with_telegram", str(tmp_path))
        containers = {
            str(process.process.pid): process for process in (start(*module, **variables), start(*module, **variables))
        }
        (holder,) = eventually(lambda: noted("opened of-ann"))
        texts = [f"text-{number}" for number in range(8)]
        for text in texts:
            _say(deps, account, text)
        eventually(lambda: all(noted(f"sent {text}") for text in texts), timeout=30)
        assert {pid for text in texts for pid in noted(f"sent {text}")} == {holder}
        assert len(noted("sent")) == len(texts)
        assert _stop(containers.pop(holder)) == 0
        assert noted("closed of-ann") == [holder]
        (other,) = containers
        eventually(lambda: noted("opened of-ann") == [holder, other], timeout=40)
        _say(deps, account, "text-9")
        eventually(lambda: noted("sent text-9") == [other], timeout=30)
        close(deps)


@pytest.mark.parametrize(("command", "name"), [(COMMAND, "sockets"), (HOLDER, "holder")])
def test_they_want_the_cloud(tmp_path: Path, command: tuple[str, ...], name: str) -> None:
    with closing(ColdProcess(tmp_path, *command)) as refused:
        assert refused.process.wait(60) == 2
        assert refused.errors.splitlines()[-1].startswith(f"the {name} cannot start: BACKEND")
