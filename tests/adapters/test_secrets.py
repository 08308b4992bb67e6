"""What every `Secrets` promises."""

from __future__ import annotations

import pytest

from shared.errors import BadRequest
from shared.ports.secrets import Secrets


def test_secret_is_read_back(secrets: Secrets) -> None:
    secrets.write("instance-1", {"bot_token": "123:abc", "webhook_secret": "s"})

    assert secrets.read("instance-1") == {"bot_token": "123:abc", "webhook_secret": "s"}


def test_unknown_secret_is_empty(secrets: Secrets) -> None:
    assert secrets.read("unknown") == {}


def test_writing_again_replaces_the_whole_secret(secrets: Secrets) -> None:
    secrets.write("a", {"old": "1", "both": "1"})
    secrets.read("a")
    secrets.write("a", {"both": "2"})

    assert secrets.read("a") == {"both": "2"}


def test_deleted_secret_is_empty_and_can_be_written_anew(secrets: Secrets) -> None:
    secrets.write("a", {"k": "1"})
    secrets.read("a")
    secrets.delete("a")
    assert secrets.read("a") == {}

    secrets.write("a", {"k": "2"})
    assert secrets.read("a") == {"k": "2"}


def test_deleting_an_unknown_secret_is_fine(secrets: Secrets) -> None:
    secrets.delete("unknown")

    assert secrets.read("unknown") == {}


def test_secrets_do_not_mix(secrets: Secrets) -> None:
    secrets.write("a", {"k": "1"})
    secrets.write("b", {"k": "2"})
    secrets.delete("a")

    assert (secrets.read("a"), secrets.read("b")) == ({}, {"k": "2"})


@pytest.mark.parametrize(
    "value", ["", "ü 👍 नमस्ते", "-----BEGIN KEY-----\nab\n\tc\x01", '{"a": "\\u0041"}', "x" * 50_000]
)
def test_any_text_comes_back_as_it_was(secrets: Secrets, value: str) -> None:
    secrets.write("a", {"k": value, "ü": value[:10]})

    assert secrets.read("a") == {"k": value, "ü": value[:10]}


def test_empty_secret_is_fine(secrets: Secrets) -> None:
    secrets.write("a", {})

    assert secrets.read("a") == {}


def test_what_is_read_may_be_changed_without_changing_the_secret(secrets: Secrets) -> None:
    secrets.write("a", {"k": "1"})
    secrets.read("a")["k"] = "2"

    assert secrets.read("a") == {"k": "1"}


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 255])
def test_names_of_letters_digits_hyphens_and_underscores_are_fine(secrets: Secrets, name: str) -> None:
    secrets.write(name, {"k": name})

    assert secrets.read(name) == {"k": name}


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", "ü", "x" * 256, "a\n"])
def test_any_other_name_is_refused(secrets: Secrets, name: str) -> None:
    with pytest.raises(BadRequest):
        secrets.read(name)
    with pytest.raises(BadRequest):
        secrets.write(name, {"k": "v"})
    with pytest.raises(BadRequest):
        secrets.delete(name)
