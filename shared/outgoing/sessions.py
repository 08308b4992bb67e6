"""`requests` sessions whose connections check the address they are about to connect to."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from shared.security.addresses import AddressPolicy, resolve

if TYPE_CHECKING:
    from urllib3._base_connection import BaseHTTPConnection

# A server may close an idle connection just as we write to it, and then nobody
# knows whether the request was read. A connection this old is opened anew.
_MAX_IDLE_SECONDS = 3.0


def _connect(connection: HTTPConnection, policy: AddressPolicy) -> socket.socket:
    """Look the host up once, check every address, and connect to a checked one."""
    host, port = connection._dns_host, connection.port
    try:
        addresses = resolve(host, port)
    except OSError as error:
        raise NewConnectionError(connection, f"{host} cannot be looked up") from error
    for address in addresses:
        policy.check_address(host, address)
    last: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=_seconds(connection.timeout))
        except OSError as error:
            last = error
    raise NewConnectionError(connection, f"{host} does not accept connections") from last


def _seconds(timeout: object) -> float | None:
    return float(timeout) if isinstance(timeout, (int, float)) else None


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


def _checked(policy: AddressPolicy) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    class Checked(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, policy)

    class SecureChecked(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, policy)

    return Checked, SecureChecked


def _pools(policy: AddressPolicy | None) -> dict[str, type[HTTPConnectionPool]]:
    class Pool(_Recycling, HTTPConnectionPool):
        pass

    class SecurePool(_Recycling, HTTPSConnectionPool):
        pass

    if policy is not None:
        Pool.ConnectionCls, SecurePool.ConnectionCls = _checked(policy)
    return {"http": Pool, "https": SecurePool}


class _Adapter(HTTPAdapter):
    def __init__(self, policy: AddressPolicy | None) -> None:
        self._policy = policy
        super().__init__(pool_connections=100, pool_maxsize=64, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: object) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, retries=False)
        self.poolmanager.pool_classes_by_scheme = _pools(self._policy)


def new_session(policy: AddressPolicy | None) -> requests.Session:
    """A session without proxies, cookies or credentials from files; with `policy` every connection is checked."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(_NoCookies())
    adapter = _Adapter(policy)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    def set_ok(self, cookie: object, request: object) -> bool:
        return False
