"""Outgoing HTTP: time-outs, no redirects, bounded answers, and the address check at connect time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from shared.config import Settings
from shared.logs import spanning
from shared.outgoing.answer import Answer
from shared.outgoing.concurrency import ConcurrencyLimits
from shared.outgoing.lookup import AT_ONCE, Lookup
from shared.security.addresses import AddressPolicy, AddressRefused, Resolve, resolve

if TYPE_CHECKING:
    from urllib3 import PoolManager

__all__ = ["MAX_ANSWER", "Answer", "Outgoing"]

MAX_ANSWER = 1024 * 1024


class Outgoing:
    """Calls other systems. Thread-safe; its pools are made on first use, for their library is slow to import."""

    def __init__(self, settings: Settings, resolve: Resolve = resolve) -> None:
        self.limits = ConcurrencyLimits(settings.threads)
        self._policy = AddressPolicy(settings)
        # What tenants have looked up takes nothing from the deployment's own hosts.
        self._lookup, self._own_lookup = Lookup(resolve), Lookup(resolve, per_tenant=AT_ONCE)
        self._trusted: PoolManager | None = None
        self._guarded: PoolManager | None = None
        self._lock = threading.Lock()

    def check(self, url: str, field: str) -> None:
        """Refuse at once a user's URL that could never be called; raises an `AddressRefused` that names the field."""
        try:
            self._policy.check_url(url)
        except AddressRefused as refused:
            raise AddressRefused.of_field(field, refused.detail) from refused

    def request(
        self,
        method: str,
        url: str,
        *,
        provider: str,
        json: object = None,
        form: Mapping[str, str | Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        guarded: bool = True,
        max_bytes: int = MAX_ANSWER,
        listen: Callable[[bytes], None] | None = None,
    ) -> Answer:
        """Do one call, which has `timeout` seconds from connecting to the answer's last byte.

        The body is `json`, or `form` as a web form sends it. `listen` gets the pieces of a success as they come.
        `guarded` is for URLs that a user may set; an operator's own setting is trusted. Raises
        `AddressRefused`, `Overloaded` inside a request that got no slot,
        `ProviderUnavailable` when nothing was sent, and `OutcomeUnknown` when
        the request may have arrived.
        """
        from shared.outgoing.calls import Call, carry_out  # noqa: PLC0415 - imports urllib3, which costs cold start

        if guarded:
            self._policy.check_url(url)
        self.limits.acquire()  # `limits.end_request` gives it back, when the request is answered
        call = Call(method, url, provider, json, headers or {}, params or {}, timeout, max_bytes, form, listen)
        with spanning(f"{method} {provider}"):
            return carry_out(self._pools(guarded), call)

    def _pools(self, guarded: bool) -> PoolManager:
        pools = self._guarded if guarded else self._trusted
        return pools or self._make_pools(guarded)

    def _make_pools(self, guarded: bool) -> PoolManager:
        from shared.outgoing.pools import connecting, new_pools  # noqa: PLC0415 - imports urllib3

        with self._lock:
            self._guarded = self._guarded or new_pools(connecting(self._lookup, self._policy))
            self._trusted = self._trusted or new_pools(connecting(self._own_lookup, None))
        return self._guarded if guarded else self._trusted

    def close(self) -> None:
        for pools in (self._guarded, self._trusted):
            if pools is not None:
                pools.clear()
