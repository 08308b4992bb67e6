"""One call through a pool, and what its failures mean for whoever has to decide whether to try again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlencode

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)
from urllib3.util import Url, make_headers, parse_url

from shared.errors import OutcomeUnknown, ProviderDown
from shared.logs import current_trace
from shared.outgoing.answer import Answer

_LONGEST_CONNECT = 10.0
_CHUNK = 65_536
_ALWAYS = {"user-agent": "omnichannel-hub", "accept": "*/*", "accept-encoding": "gzip, deflate"}


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask of whom; `timeout` is seconds for all of it.

    `payload` goes out as JSON unless it is None, or as it is when it is bytes (their
    content type is among `headers`), `form` as a web form sends it. `listen` gets what a
    success says piece by piece, as it comes.
    """

    method: str
    url: str
    provider: str
    payload: object
    headers: Mapping[str, str]
    params: Mapping[str, str]
    timeout: float
    max_bytes: int
    form: Mapping[str, str | Sequence[str]] | None = None
    listen: Callable[[bytes], None] | None = None


def carry_out(pools: PoolManager, call: Call) -> Answer:
    """Do the call. Raises `ProviderDown` when nothing was sent, else `OutcomeUnknown`."""
    try:
        return _read(_send(pools, call), call)
    except (NewConnectionError, ConnectTimeoutError) as error:
        raise ProviderDown(call.provider, "no connection") from error
    except ReadTimeoutError as error:
        raise OutcomeUnknown(call.provider, f"no answer within {call.timeout:g} s") from error
    except ProtocolError as error:
        raise OutcomeUnknown(call.provider, "the connection ended without an answer") from error
    # A header that is no Latin-1, or JSON that has no number for what is infinite, is a ValueError.
    except (HTTPError, OSError, ValueError) as error:
        raise OutcomeUnknown(call.provider, f"the call failed: {type(error).__name__}") from error


def _send(pools: PoolManager, call: Call) -> BaseHTTPResponse:
    url = parse_url(call.url)
    pool = pools.connection_from_host(url.host, url.port, url.scheme)
    return pool.urlopen(
        call.method,
        _target(url, call.params),
        body=_body(call),
        headers=_headers(call, url),
        timeout=Timeout(total=call.timeout, connect=min(call.timeout, _LONGEST_CONNECT)),
        retries=False,
        redirect=False,
        preload_content=False,
    )


def _body(call: Call) -> bytes | None:
    if call.form is not None:
        return urlencode(call.form, doseq=True).encode()
    if isinstance(call.payload, bytes):
        return call.payload
    return None if call.payload is None else json.dumps(call.payload, allow_nan=False).encode()


def _target(url: Url, params: Mapping[str, str]) -> str:
    if not params:
        return url.request_uri
    return f"{url.request_uri}{'&' if url.query else '?'}{urlencode(params)}".replace("?&", "?")


def _headers(call: Call, url: Url) -> dict[str, str]:
    headers = _ALWAYS | {name.lower(): value for name, value in call.headers.items()}
    if any("\r" in value or "\n" in value for value in headers.values()):
        raise ValueError("a header's value is one line")
    if call.form is not None:
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    elif call.payload is not None:
        headers.setdefault("content-type", "application/json")
    if url.auth is not None:
        headers.setdefault("authorization", make_headers(basic_auth=unquote(url.auth))["authorization"])
    if trace := current_trace():
        headers.setdefault("traceparent", trace.traceparent)
    return headers


def _listened(response: BaseHTTPResponse, call: Call, listen: Callable[[bytes], None]) -> bytes:
    """Read the body as it comes. The time-out bounds the whole of it, however slowly it drips."""
    give_up_at = time.monotonic() + call.timeout
    body = b""
    while len(body) <= call.max_bytes and (chunk := response.read1(_CHUNK, decode_content=True)):
        body += chunk
        listen(chunk)
        if time.monotonic() > give_up_at:
            raise OutcomeUnknown(call.provider, f"no complete answer within {call.timeout:g} s")
    return body


def _read(response: BaseHTTPResponse, call: Call) -> Answer:
    try:
        if call.listen is not None and 200 <= response.status < 300:
            body = _listened(response, call, call.listen)
        else:
            body = response.read(call.max_bytes + 1, decode_content=True)
    finally:
        response.close()
    if len(body) > call.max_bytes:
        raise OutcomeUnknown(call.provider, f"answered with more than {call.max_bytes} bytes")
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)
