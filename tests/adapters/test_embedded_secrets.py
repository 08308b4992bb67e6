"""What is particular to secrets in SQLite: nothing on the disk tells them."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.secrets import SealedSecrets
from shared.errors import ConfigurationInvalid
from shared.security.sealed import load_key, seal, unseal

TOKEN = "8123456789:AAF-plain-text-of-a-token"


def open_secrets(directory: Path, key_file: str = "secrets.key") -> SealedSecrets:
    return SealedSecrets(Database(directory), directory / key_file)


def test_no_file_holds_the_plain_text(tmp_path: Path) -> None:
    secrets = open_secrets(tmp_path)
    secrets.write("instance-1", {"bot_token": TOKEN})
    secrets.write("instance-1", {"bot_token": TOKEN + "2"})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    secrets.close()
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert any(b"instance-1" in content for content in before.values())
    assert not any(TOKEN[:12].encode() in content for content in (*before.values(), *after.values()))


def test_secrets_are_there_after_reopening(tmp_path: Path) -> None:
    first = open_secrets(tmp_path)
    first.write("a", {"token": TOKEN})
    first.close()

    second = open_secrets(tmp_path)
    assert second.read("a") == {"token": TOKEN}
    second.close()


def test_key_file_is_made_for_the_owner_only(tmp_path: Path) -> None:
    secrets = open_secrets(tmp_path)
    secrets.write("a", {})
    secrets.close()

    assert stat.S_IMODE((tmp_path / "secrets.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if "key" in path.name] == ["secrets.key"]


def test_threads_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(load_key, [tmp_path / "secrets.key"] * 16))

    assert set(keys) == {(tmp_path / "secrets.key").read_bytes()}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o602])
def test_key_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secrets.key"
    load_key(path)
    path.chmod(mode)

    with pytest.raises(ConfigurationInvalid, match="0600"):
        load_key(path)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_file_that_holds_no_key_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secrets.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigurationInvalid, match="holds no key"):
        load_key(path)

    assert path.read_bytes() == content


def test_key_file_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="cannot be used"):
        load_key(tmp_path / "missing" / "secrets.key")


def test_secret_sealed_with_another_key_is_a_configuration_error_without_its_content(tmp_path: Path) -> None:
    first = open_secrets(tmp_path)
    first.write("a", {"token": TOKEN})
    first.close()
    (tmp_path / "secrets.key").unlink()

    second = open_secrets(tmp_path)
    with pytest.raises(ConfigurationInvalid, match="the secret a was not sealed with this key file") as raised:
        second.read("a")
    assert TOKEN not in str(raised.value)
    second.close()


def test_row_moved_under_another_name_does_not_open(tmp_path: Path) -> None:
    database = Database(tmp_path)
    secrets = SealedSecrets(database, tmp_path / "secrets.key")
    secrets.write("victim", {"token": TOKEN})
    database.write(lambda connection: connection.execute("UPDATE secrets SET name = 'attacker'"))

    with pytest.raises(ConfigurationInvalid):
        secrets.read("attacker")
    secrets.close()


@pytest.mark.parametrize("position", [0, 11, 12, -1])
def test_tampered_ciphertext_does_not_open(position: int) -> None:
    key = b"k" * 32
    sealed = bytearray(seal(key, "a", b"plain"))
    sealed[position] ^= 1

    with pytest.raises(ConfigurationInvalid):
        unseal(key, "a", bytes(sealed))


def test_cut_off_ciphertext_does_not_open() -> None:
    with pytest.raises(ConfigurationInvalid):
        unseal(b"k" * 32, "a", b"")


def test_same_secret_is_sealed_differently_each_time() -> None:
    assert seal(b"k" * 32, "a", b"plain") != seal(b"k" * 32, "a", b"plain")
