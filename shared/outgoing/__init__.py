"""Outgoing HTTP: one session with time-outs, no redirects, bounded answers, and the address check at connect time."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.config import Settings
from shared.errors import OutcomeUnknown, ProviderUnavailable
from shared.logs import current_trace
from shared.security.addresses import AddressPolicy, Resolve, resolve

if TYPE_CHECKING:
    import requests

MAX_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; None when it is not, or is nested too deeply to be read."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after(self) -> float | None:
        """The `Retry-After` header in seconds, when it is a number."""
        try:
            return max(0.0, float(self.headers.get("retry-after", "")))
        except ValueError:
            return None


class Outgoing:
    """Calls other systems. Thread-safe; the session is made on first use, for `requests` is slow to import."""

    def __init__(self, settings: Settings, resolve: Resolve = resolve) -> None:
        self._policy = AddressPolicy(settings)
        self._resolve = resolve
        self._trusted: requests.Session | None = None
        self._guarded: requests.Session | None = None
        self._lock = threading.Lock()

    def check(self, url: str) -> None:
        """Refuse at once a user's URL that could never be called; raises `AddressRefused`."""
        self._policy.check_url(url)

    def request(
        self,
        method: str,
        url: str,
        *,
        provider: str,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        guarded: bool = True,
        max_bytes: int = MAX_ANSWER,
    ) -> Answer:
        """Do one call, which has `timeout` seconds from connecting to the answer's last byte.

        `guarded` is for URLs that a user may set; an operator's own setting is
        trusted. Raises `AddressRefused`, `ProviderUnavailable` when nothing was
        sent, and `OutcomeUnknown` when the request may have arrived.
        """
        if guarded:
            self._policy.check_url(url)
        return _call(self._session(guarded), method, url, provider, json, headers, params, timeout, max_bytes)

    def _session(self, guarded: bool) -> requests.Session:
        session = self._guarded if guarded else self._trusted
        return session or self._make_sessions(guarded)

    def _make_sessions(self, guarded: bool) -> requests.Session:
        from shared.outgoing.sessions import new_session  # noqa: PLC0415 - imports requests, which costs cold start

        with self._lock:
            self._guarded = self._guarded or new_session((self._policy, self._resolve))
            self._trusted = self._trusted or new_session(None)
        return self._guarded if guarded else self._trusted

    def close(self) -> None:
        for session in (self._guarded, self._trusted):
            if session is not None:
                session.close()


def _call(
    session: requests.Session,
    method: str,
    url: str,
    provider: str,
    payload: object,
    headers: Mapping[str, str] | None,
    params: Mapping[str, str] | None,
    timeout: float,
    max_bytes: int,
) -> Answer:
    import requests  # noqa: PLC0415 - costs cold start
    from urllib3 import Timeout  # noqa: PLC0415 - costs cold start
    from urllib3.exceptions import HTTPError, ReadTimeoutError  # noqa: PLC0415 - costs cold start

    sent = dict(headers or {})
    if trace := current_trace():
        sent.setdefault("traceparent", trace.traceparent)
    try:
        with session.request(
            method,
            url,
            json=payload,
            headers=sent,
            params=params,
            timeout=Timeout(total=timeout, connect=min(timeout, 10.0)),  # type: ignore[arg-type]  # requests takes it
            allow_redirects=False,
            stream=True,
        ) as response:
            body = response.raw.read(max_bytes + 1, decode_content=True)
            if len(body) > max_bytes:
                raise OutcomeUnknown(provider, f"answered with more than {max_bytes} bytes")
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)
    except requests.ConnectTimeout as error:
        raise ProviderUnavailable(provider, "no connection within the time-out") from error
    except requests.ConnectionError as error:
        if _never_connected(error):
            raise ProviderUnavailable(provider, "no connection") from error
        raise OutcomeUnknown(provider, "the connection ended without an answer") from error
    except (requests.Timeout, ReadTimeoutError) as error:
        raise OutcomeUnknown(provider, f"no answer within {timeout:g} s") from error
    # What goes wrong while the body is read comes as urllib3's own; a header that is no Latin-1 as UnicodeError.
    except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
        raise OutcomeUnknown(provider, f"the call failed: {type(error).__name__}") from error


def _never_connected(error: BaseException) -> bool:
    from urllib3.exceptions import MaxRetryError, NewConnectionError  # noqa: PLC0415 - costs cold start

    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(cause, NewConnectionError)
