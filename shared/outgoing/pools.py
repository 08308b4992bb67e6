"""`requests` sessions whose connections check the address they are about to connect to."""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from shared.security.addresses import AddressPolicy, Resolve

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3._base_connection import BaseHTTPConnection

# A server may close an idle connection just as we write to it, and then nobody
# knows whether the request was read. A connection this old is opened anew.
_MAX_IDLE_SECONDS = 3.0
_LONGEST_CONNECT = 10.0


def _connect(connection: HTTPConnection, policy: AddressPolicy, resolve: Resolve) -> socket.socket:
    """Look the host up once, check every address, and connect to a checked one; all addresses share the time."""
    host, port = connection._dns_host, connection.port
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, f"{host} cannot be looked up") from error
    for address in addresses:
        policy.check_address(host, address)
    until = time.monotonic() + _seconds(connection.timeout)
    last: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=max(until - time.monotonic(), 0.001))
        except OSError as error:
            last = error
    raise NewConnectionError(connection, f"{host} does not accept connections") from last


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
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(left)
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


class _Timed(HTTPConnection):
    response_class = _TimedResponse


class _SecureTimed(HTTPSConnection):
    response_class = _TimedResponse


def _checked(policy: AddressPolicy, resolve: Resolve) -> tuple[type[_Timed], type[_SecureTimed]]:
    class Checked(_Timed):
        def _new_conn(self) -> socket.socket:
            return _connect(self, policy, resolve)

    class SecureChecked(_SecureTimed):
        def _new_conn(self) -> socket.socket:
            return _connect(self, policy, resolve)

    return Checked, SecureChecked


def _pools(guard: tuple[AddressPolicy, Resolve] | None) -> dict[str, type[HTTPConnectionPool]]:
    class Pool(_Recycling, HTTPConnectionPool):
        ConnectionCls = _Timed

    class SecurePool(_Recycling, HTTPSConnectionPool):
        ConnectionCls = _SecureTimed

    if guard is not None:
        Pool.ConnectionCls, SecurePool.ConnectionCls = _checked(*guard)
    return {"http": Pool, "https": SecurePool}


class _Adapter(HTTPAdapter):
    def __init__(self, guard: tuple[AddressPolicy, Resolve] | None) -> None:
        self._guard = guard
        super().__init__(pool_connections=100, pool_maxsize=64, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: object) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, retries=False)
        self.poolmanager.pool_classes_by_scheme = _pools(self._guard)


def new_session(guard: tuple[AddressPolicy, Resolve] | None) -> requests.Session:
    """A session without proxies, cookies or credentials from files.

    With `guard` every host is looked up by it and every connection is checked.
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(_NoCookies())
    adapter = _Adapter(guard)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    def set_ok(self, cookie: object, request: object) -> bool:
        return False
