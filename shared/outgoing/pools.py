"""Pools of kept connections, which look their host up themselves and check the address they are about to connect to."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from functools import cache
from http.client import HTTPResponse
from ssl import SSLContext
from typing import TYPE_CHECKING

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from shared.outgoing.lookup import Lookup
from shared.security.addresses import AddressPolicy

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3._base_connection import BaseHTTPConnection

# A server may close an idle connection just as we write to it, and then nobody
# knows whether the request was read. A connection this old is opened anew.
_MAX_IDLE_SECONDS = 3.0
_LONGEST_CONNECT = 10.0
_HOSTS = 100
_IDLE_PER_HOST = 64

Connect = Callable[[HTTPConnection], socket.socket]


def connecting(lookup: Lookup, policy: AddressPolicy | None) -> Connect:
    """How to connect: look the host up once, check every address, try one after the other; all share the time."""

    def connect(connection: HTTPConnection) -> socket.socket:
        until = time.monotonic() + _seconds(connection.timeout)
        host, port = connection._dns_host, connection.port
        try:
            addresses = lookup.addresses(host, port, until - time.monotonic())
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(connection, f"{host} cannot be looked up") from error
        if policy is not None:
            for address in addresses:
                policy.check_address(host, address)
        return _first_connected(connection, addresses, until)

    return connect


def _first_connected(connection: HTTPConnection, addresses: list[str], until: float) -> socket.socket:
    last: OSError | None = None
    for address in addresses:
        try:
            seconds = max(until - time.monotonic(), 0.001)
            connected = socket.create_connection((address, connection.port), timeout=seconds)
        except OSError as error:
            last = error
        else:
            # Head and body are two packets: the second would wait until the server has confirmed the first.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
    raise NewConnectionError(connection, f"{connection.host} does not accept connections") from last


def _seconds(timeout: object) -> float:
    return float(timeout) if isinstance(timeout, (int, float)) else _LONGEST_CONNECT


class _Until(io.RawIOBase):
    """Reads a socket until a moment: a socket's own time-out begins anew with every byte that drips in."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        timeout = sock.gettimeout()
        self._until = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if self._until is not None:
            seconds = self._until - time.monotonic()
            if seconds <= 0:
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(seconds)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer whose status line, headers and body together must come within the socket's time-out."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None):
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self.fp = io.BufferedReader(_Until(sock))


class _Recycling:
    """Mixed into a pool: closes a connection that lay idle too long before it is used again."""

    def _get_conn(self, timeout: float | None = None) -> BaseHTTPConnection:
        connection: BaseHTTPConnection = super()._get_conn(timeout)  # type: ignore[misc]  # the pool mixed with
        if time.monotonic() - getattr(connection, "idle_since", 0.0) > _MAX_IDLE_SECONDS:
            connection.close()
        return connection

    def _put_conn(self, conn: BaseHTTPConnection | None) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()  # type: ignore[attr-defined]  # our own mark
        super()._put_conn(conn)  # type: ignore[misc]  # the pool mixed with


def _pools(connect: Connect) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        response_class = _TimedResponse

        def _new_conn(self) -> socket.socket:
            return connect(self)

    class Secure(HTTPSConnection):
        response_class = _TimedResponse

        def _new_conn(self) -> socket.socket:
            return connect(self)

        def connect(self) -> None:
            try:
                super().connect()
            except (OSError, HTTPError) as error:
                self.close()
                if isinstance(error, NewConnectionError):
                    raise
                raise NewConnectionError(self, f"no TLS with {self.host}: {type(error).__name__}") from error

    class Pool(_Recycling, HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(_Recycling, HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": Pool, "https": SecurePool}


@cache
def _trust() -> SSLContext:
    """Made once per process: reading the list of authorities takes longer than a call."""
    context = create_urllib3_context()
    context.load_verify_locations(certifi.where())
    return context


def new_pools(connect: Connect) -> PoolManager:
    """Pools for any host, without proxies and without retries; certificates are verified."""
    pools = PoolManager(
        num_pools=_HOSTS, maxsize=_IDLE_PER_HOST, retries=False, ssl_context=_trust(), cert_reqs="CERT_REQUIRED"
    )
    pools.pool_classes_by_scheme = _pools(connect)
    return pools
