"""Calls that prove nothing cost little: at most two looks at an account's credentials in the life of the cache."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.deps import Deps
from shared.ports.secrets import Secrets
from tests.channels.proofs import PROOFS, ROTATED, SECRET, Call
from tests.channels.test_shared_addresses import OTHER_ACCOUNT, OWN_ACCOUNT, brought, call, channel_for, tenant_with
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import another_process, manual_hub_of, seen_from
from tests.stubs import Received, Reply, Stub

LIFE = 30.0
"""Seconds for which the cache keeps an entry."""

MANY = 25


@dataclass
class CountingSecrets:
    """Passes everything on, and counts how often each secret was read."""

    secrets: Secrets
    reads: Counter[str] = field(default_factory=Counter)

    def read(self, name: str) -> dict[str, str]:
        self.reads[name] += 1
        return self.secrets.read(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.secrets, name)


@pytest.fixture
def vault(deps: Deps) -> CountingSecrets:
    return CountingSecrets(deps.secrets)


@pytest.fixture
def hub(deps: Deps, vault: CountingSecrets, provider: Stub) -> Hub:
    """A process that has just started: another process created the channels."""

    def me(request: Received) -> Reply:
        return Reply(json={"id": request.headers["authorization"].removeprefix("Bearer token-of-"), "name": "Page"})

    provider.on("GET", "/me", me)
    return manual_hub_of(replace(deps, secrets=vault), provider)


def fresh(hub: Hub, vault: CountingSecrets) -> Hub:
    """The hub in a new process, whose caches are empty."""
    started = seen_from(hub, another_process(hub.deps))
    vault.reads.clear()
    return started


def bot(hub: Hub) -> str:
    config = {"botToken": "7:token", "webhookSecret": SECRET}
    return str(hub.post("/api/channels", {"name": "Bot", "type": "TELEGRAM_BOT", "config": config}, 201)["id"])


def write(hub: Hub, channel: str, secret: str) -> int:
    """Post an update to the bot with `secret` as its proof; returns the HTTP status."""
    headers = PROOFS["telegram_bot"].headers(Call(secret=secret, body=b""))
    path = f"/api/telegram/bot/webhook/{channel}"
    return hub.client.post(path, json=hub.update(5, "hello"), headers=headers).status_code


def test_forged_calls_read_credentials_twice_in_the_caches_life(hub: Hub, vault: CountingSecrets) -> None:
    channel = bot(hub)
    started = fresh(hub, vault)
    assert [write(started, channel, "guess") for _ in range(MANY)] == [401] * MANY
    overlaps(hub.deps).clock.advance(seconds=LIFE - 5)
    assert write(started, channel, "another guess") == 401
    assert list(vault.reads.values()) == [2]
    overlaps(hub.deps).clock.advance(seconds=6)
    assert [write(started, channel, "guess") for _ in range(MANY)] == [401] * MANY
    assert list(vault.reads.values()) == [4]
    assert brought(hub) == []


def test_among_forged_calls_the_providers_own_are_taken_and_read_nothing_more(hub: Hub, vault: CountingSecrets) -> None:
    channel = bot(hub)
    started = fresh(hub, vault)
    secrets = ["guess", SECRET] * MANY
    assert [write(started, channel, secret) for secret in secrets] == [401, 200] * MANY
    assert list(vault.reads.values()) == [2]
    assert brought(hub) == [(hub.tenant_id, channel)] * MANY


def test_forged_calls_at_a_shared_address_read_the_credentials_of_each_account_twice(
    hub: Hub, vault: CountingSecrets
) -> None:
    for account in (OWN_ACCOUNT, OTHER_ACCOUNT):
        channel_for(hub, "facebook", account)
    started = fresh(hub, vault)
    for accounts in ((OWN_ACCOUNT, OTHER_ACCOUNT), (OTHER_ACCOUNT, OWN_ACCOUNT)):
        assert [call(started, "facebook", accounts, secret="guess") for _ in range(MANY)] == [401] * MANY
    assert list(vault.reads.values()) == [2, 2]


def test_naming_somebody_elses_account_at_ones_own_address_reads_their_credentials_twice(
    hub: Hub, vault: CountingSecrets
) -> None:
    tenant_with(hub, "facebook", OTHER_ACCOUNT, ROTATED)
    _, channel = tenant_with(hub, "facebook", OWN_ACCOUNT)
    started = fresh(hub, vault)
    assert [call(started, "facebook", (OTHER_ACCOUNT,), channel=channel) for _ in range(MANY)] == [200] * MANY
    assert sorted(vault.reads.values()) == [1, 2]


def test_a_secret_changed_in_another_process_is_good_at_once_and_behind_forged_calls_when_the_cache_has_aged(
    hub: Hub, vault: CountingSecrets
) -> None:
    channel = bot(hub)
    started = fresh(hub, vault)
    assert write(started, channel, SECRET) == 200
    hub.patch(f"/api/channels/{channel}", {"config": {"webhookSecret": ROTATED}})
    assert write(started, channel, ROTATED) == 200
    assert write(started, channel, SECRET) == 401
    hub.patch(f"/api/channels/{channel}", {"config": {"webhookSecret": "the-agreed-secret-3"}})
    assert write(started, channel, "the-agreed-secret-3") == 401, "the one second look is used up"
    overlaps(hub.deps).clock.advance(seconds=LIFE + 1)
    assert write(started, channel, "the-agreed-secret-3") == 200
