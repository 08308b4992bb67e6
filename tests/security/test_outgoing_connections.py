"""How the hub connects to what it calls, and what it sends there."""

from __future__ import annotations

import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from urllib3.connection import HTTPConnection

from shared.errors import OutcomeUnknown, ProviderUnavailable
from shared.outgoing.lookup import Lookup
from shared.outgoing.pools import connecting
from shared.security.addresses import resolve
from tests.security.calling import outgoing
from tests.stubs import Reply, Stub


def test_a_look_up_that_never_ends_is_left_when_the_time_is_up() -> None:
    released = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        released.wait(20)
        return ["127.0.0.1"]

    with outgoing(hanging) as http, pytest.raises(ProviderUnavailable):
        http.request("GET", "http://slow.example/", provider="test", timeout=0.2)
    assert not released.is_set()
    released.set()


def test_an_address_is_not_looked_up_on_a_thread() -> None:
    threads: list[threading.Thread] = []

    def noting(host: str, port: int) -> list[str]:
        threads.append(threading.current_thread())
        return [host]

    assert Lookup(noting).addresses("127.0.0.1", 80, patience=1) == ["127.0.0.1"]
    assert threads == [threading.current_thread()]


def test_a_server_without_a_trusted_certificate_is_sent_nothing(tmp_path: Path) -> None:
    received: list[bytes] = []
    with (
        tls_server(received, certificate(tmp_path)) as url,
        outgoing(lambda host, port: ["127.0.0.1"]) as http,
        pytest.raises(ProviderUnavailable),
    ):
        http.request("POST", url, provider="test", json={"text": "a secret"})
    assert received == []


@contextmanager
def tls_server(received: list[bytes], chain: Path) -> Iterator[str]:
    """A server with a self-signed certificate; `received` gets what a client sends after the TLS handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        try:
            connection, _ = listener.accept()
            with connection, context.wrap_socket(connection, server_side=True) as secure:
                received.append(secure.recv(65_536))
        except OSError:
            return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{listener.getsockname()[1]}/"
    finally:
        thread.join(15)
        listener.close()


def certificate(directory: Path) -> Path:
    """A file with a key and a certificate for `localhost`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed_certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + signed_certificate.public_bytes(Encoding.PEM))
    return file


def test_the_second_packet_of_a_request_does_not_wait_for_the_first_to_be_confirmed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connect = connecting(Lookup(resolve), None)
        with connect(HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)) as connected:
            assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_is_asked_arrives_as_it_was_given(provider: Stub) -> None:
    provider.on("POST", "/", Reply(json={}))
    url = provider.url.replace("http://", "http://user:pass%20word@")
    with outgoing() as http:
        params = {"page": "ä b", "x": "&"}
        headers = {"X-Key": "k"}
        http.request("POST", f"{url}/a?b=1#c", provider="test", json={}, params=params, headers=headers, guarded=False)
        http.request("POST", f"{provider.url}/plain", provider="test", params={"only": "1"})
    first, second = provider.requests
    assert first.path == "/a?b=1&page=%C3%A4+b&x=%26"
    assert first.body == b"{}"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["x-key"] == "k"
    assert first.headers["authorization"] == "Basic " + b64encode(b"user:pass word").decode()
    assert second.path == "/plain?only=1"
    assert second.body == b""
    assert "content-type" not in second.headers


def test_a_number_that_json_has_not_is_a_failed_call(provider: Stub) -> None:
    with outgoing() as http, pytest.raises(OutcomeUnknown):
        http.request("POST", provider.url, provider="test", json={"x": float("nan")})
    assert provider.requests == []
