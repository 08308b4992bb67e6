"""Whom the adapters call where no emulator is set, and with which rights: Google itself, without any traffic here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.api_core.exceptions import GoogleAPIError, ServiceUnavailable
from google.auth.exceptions import GoogleAuthError, RefreshError

from shared.adapters.google.blobs import BucketBlobs
from shared.adapters.google.bucket import Bucket
from shared.adapters.google.calls import errors
from shared.adapters.google.pubsub import PubSub
from shared.errors import StoreError
from tests.stubs import Reply, Stub, stub_server


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """Where the operator's credentials are to be exchanged for a token, which is refused."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with stub_server() as stub:
        stub.on("POST", "/token", Reply(401, {"error": "invalid_grant"}))
        account = {
            "type": "service_account",
            "client_email": "hub@example.com",
            "token_uri": f"{stub.url}/token",
            "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        }
        path = tmp_path / "account.json"
        path.write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        yield stub


def test_pub_sub_is_googles_own(tokens: Stub) -> None:
    pubsub = PubSub("project")
    assert pubsub.publisher.transport.host == "pubsub.googleapis.com:443"
    assert pubsub.subscriber.transport.host == "pubsub.googleapis.com:443"
    pubsub.close()


def test_the_bucket_is_called_with_the_right_to_read_and_write_files_alone(tokens: Stub) -> None:
    blobs = BucketBlobs(Bucket("media-1"), lambda: datetime.now(UTC))
    with pytest.raises(StoreError, match="did not answer"):
        blobs.get("key")
    blobs.close()
    assertion = parse_qs(tokens.to("/token")[0].body.decode())["assertion"][0]
    claims = jwt.decode(assertion, options={"verify_signature": False})
    assert claims["scope"] == "https://www.googleapis.com/auth/devstorage.read_write"


@pytest.mark.parametrize("error", [GoogleAPIError, ServiceUnavailable, GoogleAuthError, RefreshError])
def test_what_googles_clients_raise_is_a_store_error(error: type[Exception]) -> None:
    with pytest.raises(StoreError) as refused, errors("Firestore"):
        raise error("a secret")
    assert refused.value.detail == f"Firestore did not answer: {error.__name__}"
    assert isinstance(refused.value.__cause__, error)


def test_what_others_raise_stays_what_it_is() -> None:
    with pytest.raises(ValueError, match="ours"), errors("Firestore"):
        raise ValueError("ours")
