"""Which user-chosen addresses the hub calls, and how long it waits for the response."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from shared.errors import OutcomeUnknown, ProviderUnavailable
from shared.security.addresses import AddressRefused
from tests.security.calling import outgoing
from tests.stubs import Reply, Stub

Serve = Callable[[socket.socket], None]

PRODUCTION: dict[str, Any] = {"environment": "production", "jwt_secret": SecretStr("x" * 32)}


@contextmanager
def raw_server(serve: Serve) -> Iterator[str]:
    """A server that reads a request's head and then runs the test's code; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                # A client that has hung up is what most of these tests want.
                try:
                    serve(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(15)


def _drip(first: bytes, stop: threading.Event, drop: bytes = b"x") -> Serve:
    """Send `first`, then a byte now and then until nobody listens."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(first)
        while not stop.wait(0.05):
            connection.sendall(drop)

    return serve


REFUSED = [
    "http://169.254.169.254/latest/meta-data",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://METADATA.google.internal./",
    "http://metadata/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::169.254.169.254]/",
    "http://[64:ff9b:1:abcd:ef::a9fe:a9fe]/",
    "http://[::ffff:0:169.254.169.254]/",
    "http://[::169.254.169.254]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://user:hunter2@example.com/",
    "http://@example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "ftp://example.com/",
    "//example.com/",
    "http:///path",
    "http://example.com:0/",
    "http://example.com:99999/",
    "http://[::1/",
    "http://exa mple.com/",
    "http://example.com /",
    "http://exa<mple.com/",
    "http://example\u2003.com/",
]

PRIVATE = [
    "http://127.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://10.0.0.1/",
    "http://[64:ff9b:1::10.0.0.1]/",
    "http://[::ffff:0:10.0.0.1]/",
    "http://192.168.1.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://[fd12:3456::1]/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_some_addresses_are_refused_even_in_development(url: str) -> None:
    with outgoing(upstream_allowlist="0.0.0.0/0, ::/0") as http, pytest.raises(AddressRefused) as refused:
        http.request("GET", url, provider="test")
    assert "hunter2" not in refused.value.detail


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_refused_in_production(url: str) -> None:
    with outgoing(**PRODUCTION) as http, pytest.raises(AddressRefused):
        http.request("GET", url.replace("http://", "https://"), provider="test")


@pytest.mark.parametrize("name", ["looks-harmless.example", "127-0-0-1.example"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1", "fe80::1%eth0"])
def test_a_name_that_leads_to_such_an_address_is_refused_too(name: str, address: str) -> None:
    with outgoing(lambda host, port: [address], **PRODUCTION) as http, pytest.raises(AddressRefused):
        http.request("GET", f"https://{name}/", provider="test")


def test_one_bad_address_among_good_ones_is_enough(provider: Stub) -> None:
    def both(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "169.254.169.254"]

    with outgoing(both) as http, pytest.raises(AddressRefused):
        http.request("GET", provider.url.replace("127.0.0.1", "two.example"), provider="test")
    assert provider.requests == []


def test_a_private_address_may_be_called_in_development(provider: Stub) -> None:
    provider.on("GET", "/", Reply(json={"here": True}))
    with outgoing() as http:
        assert http.request("GET", provider.url, provider="test").json() == {"here": True}


@pytest.mark.parametrize("listed", ["127.0.0.1", "127.0.0.0/8"])
def test_a_listed_private_address_may_be_called_in_production_by_plain_http(provider: Stub, listed: str) -> None:
    provider.on("GET", "/", Reply(json={"here": True}))
    with outgoing(**PRODUCTION, upstream_allowlist=listed) as http:
        assert http.request("GET", provider.url, provider="test").ok


def test_a_listed_name_may_lead_to_a_private_address(provider: Stub) -> None:
    provider.on("GET", "/", Reply(json={"here": True}))
    url = provider.url.replace("127.0.0.1", "omni.internal")
    with outgoing(lambda host, port: ["127.0.0.1"], **PRODUCTION, upstream_allowlist="omni.internal") as http:
        assert http.request("GET", url, provider="test").ok
    assert provider.requests[0].headers["host"].startswith("omni.internal:")


def test_plain_http_is_refused_in_production() -> None:
    with outgoing(lambda host, port: ["93.184.215.14"], **PRODUCTION) as http, pytest.raises(AddressRefused) as refused:
        http.request("GET", "http://example.com/", provider="test")
    assert "https" in refused.value.detail


def test_a_host_is_looked_up_once_and_what_was_checked_is_what_is_called(provider: Stub) -> None:
    provider.on("GET", "/", Reply(json={"here": True}))
    lookups: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        lookups.append(host)
        return ["127.0.0.1"] if len(lookups) == 1 else ["169.254.169.254"]

    url = provider.url.replace("127.0.0.1", "rebinding.example")
    with outgoing(rebinding) as http:
        assert http.request("GET", url, provider="test").ok
        assert lookups == ["rebinding.example"]
    with outgoing(rebinding) as http, pytest.raises(AddressRefused):
        http.request("GET", url, provider="test")
    assert len(provider.requests) == 1


@pytest.mark.parametrize("host", ["nobody.invalid", "x" * 70 + ".example", "a..b"])
def test_a_host_that_cannot_be_looked_up_is_unavailable(host: str) -> None:
    def unknown(name: str, port: int) -> list[str]:
        name.encode("idna")
        raise OSError("no such host")

    with outgoing(unknown) as http, pytest.raises((ProviderUnavailable, OutcomeUnknown)):
        http.request("GET", f"http://{host}/", provider="test")


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(provider: Stub, guarded: bool, status: int) -> None:
    provider.on("GET", "/from", Reply(status, headers={"location": f"{provider.url}/to"}))
    with outgoing() as http:
        answer = http.request("GET", f"{provider.url}/from", provider="test", guarded=guarded)
    assert answer.status == status
    assert [request.path for request in provider.requests] == ["/from"]


@pytest.mark.parametrize("guarded", [True, False])
def test_a_large_answer_is_not_read(provider: Stub, guarded: bool) -> None:
    provider.on("GET", "/", Reply(text="x" * 2000))
    with outgoing() as http:
        assert http.request("GET", provider.url, provider="test", max_bytes=2000, guarded=guarded).ok
        with pytest.raises(OutcomeUnknown, match="more than 1999 bytes"):
            http.request("GET", provider.url, provider="test", max_bytes=1999, guarded=guarded)


def test_an_answer_that_grows_when_it_is_unpacked_is_not_read() -> None:
    packed = gzip.compress(b"\0" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n".encode()
    with (
        raw_server(lambda connection: connection.sendall(head + packed)) as url,
        outgoing() as http,
        pytest.raises(OutcomeUnknown, match="more than"),
    ):
        http.request("GET", url, provider="test", max_bytes=10_000)


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nx-endless: ", b"x"),
        (b"", b"H"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "body to the end", "header", "status line", "interim answers"],
)
def test_a_server_that_drips_is_left_when_the_time_is_up(first: bytes, drop: bytes, guarded: bool) -> None:
    stop = threading.Event()
    with raw_server(_drip(first, stop, drop)) as url, outgoing() as http:
        # Without an end of its own the call would go on until this sets the server still.
        fuse = threading.Timer(20, stop.set)
        fuse.start()
        with pytest.raises(OutcomeUnknown, match="no answer within"):
            http.request("GET", url, provider="test", timeout=0.5, guarded=guarded)
        assert not stop.is_set()
        fuse.cancel()
        stop.set()


def test_the_next_call_on_a_kept_connection_has_all_its_time_again(provider: Stub) -> None:
    provider.on("GET", "/", Reply(json={}, delay=0.3))
    with outgoing() as http:
        for _ in range(3):
            assert http.request("GET", provider.url, provider="test", timeout=0.6).ok


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
    ids=["cut off", "not gzip", "bad chunk", "no HTTP", "nothing"],
)
def test_a_broken_answer_is_an_unknown_outcome(answer: bytes) -> None:
    with (
        raw_server(lambda connection: connection.sendall(answer)) as url,
        outgoing() as http,
        pytest.raises(OutcomeUnknown),
    ):
        http.request("GET", url, provider="test")


def test_a_closed_port_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with outgoing() as http, pytest.raises(ProviderUnavailable):
        http.request("GET", f"http://127.0.0.1:{port}/", provider="test")


def test_all_addresses_of_a_host_share_the_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        burnt = threading.Event()
        fuse = threading.Timer(20, burnt.set)
        fuse.start()
        with (
            outgoing(lambda host, number: ["127.0.0.1"] * 200) as http,
            pytest.raises((ProviderUnavailable, OutcomeUnknown)),
        ):
            http.request("GET", f"http://many.example:{port}/", provider="test", timeout=0.3)
        assert not burnt.is_set()
        fuse.cancel()
        for client in waiting:
            client.close()


@pytest.mark.parametrize("value", ["key\r\nx-injected: 1", "ключ", "a\nb"])
def test_a_header_that_cannot_be_sent_is_a_failed_call(provider: Stub, value: str) -> None:
    with outgoing() as http, pytest.raises(OutcomeUnknown):
        http.request("GET", provider.url, provider="test", headers={"x-api-key": value})
    assert provider.requests == []


def test_json_that_is_nested_without_end_is_no_json(provider: Stub) -> None:
    provider.on("GET", "/", Reply(text="[" * 500_000))
    with outgoing() as http:
        assert http.request("GET", provider.url, provider="test").json() is None
