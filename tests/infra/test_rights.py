"""Each function keeps within the rights of its row: a right that is missing shows here, not first on Google Cloud."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.announce.main import consume as announce
from functions.dashboard.main import blueprints as dashboard
from functions.deliver.main import consume as deliver
from functions.forge.main import blueprints as forge
from functions.normalize.main import consume as normalize
from functions.omnichat.main import blueprints as omnichat
from functions.omnihub.main import blueprints as omnihub
from functions.reply.main import consume as reply
from functions.tick.main import tick
from functions.webhooks.blueprint import api as webhooks
from infra.deployables import Roles, load
from shared.deps import Deps
from shared.domain.events import Event, Topic
from shared.ports.blobs import Blob
from shared.ports.files import FileContent
from shared.ports.store import Write
from tests.apps import create_app
from tests.eventually import eventually
from tests.pipeline.hub import Hub, telegram_rules
from tests.stubs import Reply, Stub


@dataclass
class Guard:
    """Stands before any port, lets through what the roles allow, and notes what they do not."""

    name: str
    roles: Roles
    port: Any
    refused: list[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)

    def _allow(self, allowed: bool, what: str) -> None:
        if not allowed:
            self.refused.append(f"{self.name} {what}")
            raise PermissionError(what)

    def commit(self, writes: Sequence[Write]) -> None:
        self._allow(self.roles.store == "write", "writes documents")
        self.port.commit(writes)

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        self._allow(topic in self.roles.publishes, f"publishes on {topic}")
        self.port.publish(topic, event, key, delay)

    def read(self, name: str) -> dict[str, str]:
        self._allow(name.startswith((*self.roles.reads_secrets, *self.roles.writes_secrets)), "reads a secret")
        values: dict[str, str] = self.port.read(name)
        return values

    def write(self, name: str, value: dict[str, str]) -> None:
        self._allow(name.startswith(self.roles.writes_secrets), "writes a secret")
        self.port.write(name, value)

    def delete(self, name: str) -> None:
        self._allow(name.startswith(self.roles.writes_secrets), "deletes a secret")
        self.port.delete(name)


class BlobsGuard(Guard):
    """The same before the cache of files."""

    def put(self, key: str, blob: Blob, ttl: timedelta) -> None:
        self._allow(self.roles.media, "caches a file")
        self.port.put(key, blob, ttl)


class FilesGuard(Guard):
    """The same before the kept files."""

    def put(self, tenant_id: str, chunks: Iterable[bytes], limit: int) -> FileContent:
        self._allow(self.roles.files, "keeps a file")
        content: FileContent = self.port.put(tenant_id, chunks, limit)
        return content

    def open(self, tenant_id: str, sha256: str) -> BinaryIO | None:
        self._allow(self.roles.files, "reads a kept file")
        file: BinaryIO | None = self.port.open(tenant_id, sha256)
        return file

    def exists(self, tenant_id: str, sha256: str) -> bool:
        self._allow(self.roles.files, "looks for a kept file")
        return bool(self.port.exists(tenant_id, sha256))

    def delete(self, tenant_id: str, sha256: str) -> None:  # type: ignore[override]  # of files, not of secrets
        self._allow(self.roles.files, "deletes a kept file")
        self.port.delete(tenant_id, sha256)


@dataclass
class Split:
    """The functions of the split front in one process, each with its own rights and nothing more."""

    deps: Deps
    refused: list[str] = field(default_factory=list)

    def of(self, name: str) -> Deps:
        kinds = {"store": Guard, "bus": Guard, "secrets": Guard, "blobs": BlobsGuard, "files": FilesGuard}
        roles = load().functions[name].roles
        ports = {port: kind(name, roles, getattr(self.deps, port), self.refused) for port, kind in kinds.items()}
        return replace(self.deps, **ports)  # type: ignore[arg-type]  # a guard is whatever it guards

    def client(self, name: str) -> FlaskClient:
        by_name = {"omnichat": omnichat, "omnihub": omnihub, "dashboard": dashboard, "forge": forge}
        blueprints = [webhooks] if name == "webhooks" else by_name[name]()
        return create_app(self.of(name), blueprints).test_client()

    @contextmanager
    def consuming(self) -> Iterator[None]:
        consumers: dict[Topic, Any] = {
            Topic.INBOUND: partial(normalize, self.of("normalize")),
            Topic.REPLIES: partial(reply, self.of("reply")),
            Topic.OUTBOUND: partial(deliver, self.of("deliver")),
            Topic.EVENTS: partial(announce, self.of("announce")),
        }
        stop = self.deps.bus.consume(consumers)
        yield
        stop()


@pytest.fixture
def split(deps: Deps) -> Iterator[Split]:
    # The key that development makes for itself is a secret; a deployment has JWT_SECRET.
    settings = deps.settings.model_copy(update={"jwt_secret": SecretStr("j" * 32)})
    deployment = Split(replace(deps, settings=settings))
    with deployment.consuming():
        yield deployment
    assert deployment.refused == []


def test_a_message_is_answered_with_no_more_rights_than_the_table_gives(split: Split, provider: Stub) -> None:
    telegram_rules(provider)
    owner = Hub(split.deps, split.client("omnichat"), provider)
    owner.register()
    provider.on("POST", "/hook", Reply(204))
    channel = owner.telegram()
    owner.echo_agent()
    owner.post("/api/webhooks", {"url": f"{provider.url}/hook", "topics": ["message", "status"]}, 201)
    customer = replace(owner, client=split.client("webhooks"))
    customer.customer_writes(channel, "hello")
    eventually(lambda: owner.sent_texts() or split.refused)
    tick(split.of("tick"))
    board = replace(owner, client=split.client("dashboard"))
    board.post("/messages/send", {"session_id": owner.conversation().id, "content": "anything else?"}, 202)
    eventually(lambda: len(owner.sent_texts()) == 2 or split.refused)
    eventually(lambda: len(provider.to("/hook")) >= 4 or split.refused)


def test_people_are_notified_of_a_refused_call_with_no_more_rights_than_the_table_gives(
    split: Split, provider: Stub
) -> None:
    provider.on("POST", "/hook", Reply(204))
    owner = Hub(split.deps, split.client("omnichat"), provider)
    owner.register()
    config = {"channelAccessToken": "token", "channelSecret": "secret"}
    channel = owner.post("/api/channels", {"name": "shop", "type": "LINE", "config": config}, 201)["id"]
    owner.post("/api/webhooks", {"url": f"{provider.url}/hook", "topics": ["notification"]}, 201)
    forged = {"x-line-signature": "forged"}
    refusal = split.client("webhooks").post(f"/webhook/line/{channel}", json={"events": []}, headers=forged)
    assert refusal.status_code == 401, refusal.text
    eventually(lambda: [call for call in provider.to("/hook") if b"Webhook Refused" in call.body] or split.refused)


def test_instances_and_settings_are_kept_with_no_more_rights_than_the_table_gives(split: Split, provider: Stub) -> None:
    telegram_rules(provider)
    owner = Hub(split.deps, split.client("omnichat"), provider)
    owner.register()
    hub = replace(owner, client=split.client("omnihub"))
    key = owner.post("/api/keys", {"name": "operator", "scopes": ["read", "write"]}, 201)
    hub.headers = forged_headers = {"Authorization": f"Bearer {key['key']}"}
    agent = {"agent_api_url": provider.url, "agent_api_key": "key", "default_agent": "support"}
    server = {"evolution_url": provider.url, "evolution_key": "key"}
    instance = {"name": "team", "channel_type": "whatsapp", "phone_number": "+1234567890"} | server | agent
    hub.post("/api/v1/instances", instance, 201)
    forged = replace(owner, client=split.client("forge"), headers=forged_headers)
    settings = {"host": provider.url, "api_key": "forge-key", "instance": None, "recipient": None}
    body = {"omni_enabled": False, "omni_config": settings}
    answer = forged.client.put("/api/forge/config", json=body, headers=forged.headers)
    assert answer.status_code == 200, answer.text


def test_a_right_that_is_missing_is_noticed(split: Split) -> None:
    with pytest.raises(PermissionError):
        split.of("widget").store.commit([])
    with pytest.raises(PermissionError):
        split.of("normalize").secrets.read("forge-settings")
    assert [split.refused.pop(), split.refused.pop()] == ["normalize reads a secret", "widget writes documents"]
