"""A lost or wrong `secrets.key`: nothing starts by mistake, and what cannot be read can be entered again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.errors import ConfigurationInvalid
from tests.functions.keys import key_for
from tests.pipeline.hub import telegram_rules
from tests.security.tenants import Business, business
from tests.stubs import Stub

TOKEN = "7:token-of-the-bot"


def lose(key_file: Path) -> None:
    key_file.unlink()


def replace_key(key_file: Path) -> None:
    key_file.write_bytes(b"k" * 32)


def cut(key_file: Path) -> None:
    key_file.write_bytes(b"k" * 31)


LOSSES: list[Callable[[Path], None]] = [lose, replace_key]


@contextmanager
def opened(settings: Settings) -> Iterator[Deps]:
    deps = bootstrap(settings)
    try:
        yield deps
    finally:
        close(deps)


@contextmanager
def reopened(settings: Settings, former: Business) -> Iterator[Business]:
    """A start that was told to go on, for the owner of the tenant that was there before."""
    with opened(settings.model_copy(update={"accept_lost_secrets": True})) as deps:
        owner = business(deps, "somebody-else")
        yield Business(owner.client, key_for(deps, former.tenant_id), former.tenant_id)


@pytest.fixture
def earlier(settings: Settings, provider: Stub) -> tuple[Business, str]:
    """The tenant of a hub that has ended, and the id of its Telegram channel."""
    telegram_rules(provider)
    with opened(settings) as deps:
        owner = business(deps, "owner")
        body = {"name": "bot", "type": "TELEGRAM_BOT", "config": {"botToken": TOKEN}}
        channel: Any = owner.call("POST", "/api/channels", body).json
    return owner, channel["id"]


@pytest.mark.parametrize("damage", LOSSES)
def test_the_start_is_refused_and_changes_nothing(
    settings: Settings, earlier: tuple[Business, str], damage: Callable[[Path], None]
) -> None:
    key_file = settings.data_dir / "secrets.key"
    right_key = key_file.read_bytes()
    damage(key_file)
    with pytest.raises(ConfigurationInvalid, match="ACCEPT_LOST_SECRETS"):
        bootstrap(settings)
    assert not key_file.exists() or key_file.read_bytes() == b"k" * 32
    key_file.write_bytes(right_key)
    key_file.chmod(0o600)
    with opened(settings) as deps:
        assert deps.secrets.read(f"instance-{earlier[1]}")["bot_token"] == TOKEN


def test_a_damaged_key_file_is_refused_whatever_was_said(settings: Settings, earlier: tuple[Business, str]) -> None:
    cut(settings.data_dir / "secrets.key")
    for accept in (False, True):
        with pytest.raises(ConfigurationInvalid, match="holds no key"):
            bootstrap(settings.model_copy(update={"accept_lost_secrets": accept}))


def test_without_any_secret_no_key_is_needed(settings: Settings) -> None:
    with opened(settings):
        pass
    with opened(settings):
        pass


@pytest.mark.parametrize("damage", LOSSES)
def test_a_channel_whose_credentials_are_lost_says_so_everywhere(
    settings: Settings, earlier: tuple[Business, str], damage: Callable[[Path], None]
) -> None:
    former, channel_id = earlier
    damage(settings.data_dir / "secrets.key")
    with reopened(settings, former) as owner:
        for path in ("/api/channels", f"/api/channels/{channel_id}"):
            body: Any = owner.call("GET", path).json
            [channel] = body if isinstance(body, list) else [body]
            assert channel["status"] == "ERROR"
            assert "enter the credentials again" in channel["statusDetail"]
        for path in ("/api/v1/instances", "/api/v1/instances/bot", "/channels/integrations", "/integrations/status"):
            assert owner.call("GET", path).status_code == 200, path
        assert owner.call("GET", "/api/v1/instances/bot/status").json["status"] == "error"  # type: ignore[index]
        update = {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"}}}
        assert owner.client.post(f"/webhook/telegram_bot/{channel_id}", json=update).status_code == 503


def test_the_channel_works_again_with_its_credentials_entered_again(
    settings: Settings, earlier: tuple[Business, str]
) -> None:
    former, channel_id = earlier
    lose(settings.data_dir / "secrets.key")
    with reopened(settings, former) as owner:
        owner.call("PATCH", f"/api/channels/{channel_id}", {"name": "renamed"})
        assert owner.call("GET", f"/api/channels/{channel_id}").json["status"] == "ERROR"  # type: ignore[index]
        changed: Any = owner.call("PATCH", f"/api/channels/{channel_id}", {"config": {"botToken": TOKEN}}).json
        assert changed["status"] == "CONNECTED"
    with opened(settings):
        pass


def test_the_channel_can_be_deleted(settings: Settings, earlier: tuple[Business, str]) -> None:
    former, channel_id = earlier
    lose(settings.data_dir / "secrets.key")
    with reopened(settings, former) as owner:
        assert owner.call("DELETE", f"/api/channels/{channel_id}").status_code in (200, 204)
        assert owner.call("GET", "/api/channels").json == []
    with opened(settings):
        pass
