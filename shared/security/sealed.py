"""Encryption at rest with a key that lies in a file only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from shared.errors import ConfigurationInvalid, SecretLost

KEY_BYTES = 32
_NONCE_BYTES = 12


def load_key(path: Path) -> bytes:
    """Return the key in the file, which is made with mode 0600 when it is not there.

    Processes that start together agree on one key. Raises `ConfigurationInvalid`
    when others than the owner may use the file, or when it holds no key.
    """
    try:
        if not path.exists():
            _make_key_file(path)
        # Also where another process made the file, and may have died since: whoever has the key seals with it at once,
        # and that must not outlive the key in a power cut.
        sync_directory(path.parent)
        mode = path.stat().st_mode
        key = path.read_bytes()
    except OSError as error:
        raise ConfigurationInvalid(f"the key file {path} cannot be used: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigurationInvalid(f"the key file {path} must have mode 0600")
    if len(key) != KEY_BYTES:
        raise ConfigurationInvalid(
            f"the key file {path} holds no key of {KEY_BYTES} bytes: put the right one in its place"
        )
    return key


def seal(key: bytes, name: str, plain: bytes) -> bytes:
    """Encrypt (AES-256-GCM); what comes out can only be opened under the same name."""
    # cryptography takes long to import, and few processes ever open a secret.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  cold start, see above

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, name.encode())


def unseal(key: bytes, name: str, sealed: bytes) -> bytes:
    """Decrypt what `seal` made; raises `SecretLost` when the key or the name is another."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  cold start, as above
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  cold start, as above

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError):
        raise SecretLost(f"the secret {name} was not sealed with this key file") from None


def _make_key_file(path: Path) -> None:
    # Written apart and linked into place: the file never exists half written, and the first of several wins.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def sync_directory(directory: Path) -> None:
    """Have the disk keep which files there are; what is in them is synced by whoever writes them."""
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
