"""How many connections there may be: in this process, from one address, of one tenant, of its visitors, and by one
credential.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import socketio

from shared.config import Settings
from shared.http.limits import address_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """An office has one address, and a person a page open in several tabs, on a token for all of them.

    Anybody becomes a visitor of a widget, as often as they like: visitors take no place of the business's own people.
    """

    of_process: int = 5_000
    of_address: int = 500
    of_tenant: int = 2_500
    of_visitors: int = 1_500
    of_credential: int = 50


class Admission:
    """Refuses connections before anything is kept for them, whether or not they would ever show a credential."""

    def __init__(self, settings: Settings, limits: ConnectionLimits, server: socketio.AsyncServer) -> None:
        self._settings = settings
        self._limits = limits
        self._engine = server.eio
        self._by_address: defaultdict[str, set[str]] = defaultdict(set)
        self._connected = self._engine.handlers["connect"]
        self._engine.on("connect", self._connect)

    async def _connect(self, engine_id: str, environ: Mapping[str, Any]) -> object:
        address = self._address(environ)
        self._by_address[address] &= self._engine.sockets.keys()
        # The one that asks is among the engine's already.
        if len(self._engine.sockets) > self._limits.of_process:
            return _refusal("the server has as many connections as it takes", address)
        if len(self._by_address[address]) >= self._limits.of_address:
            return _refusal("there are too many connections from this address", address)
        self._by_address[address].add(engine_id)
        return await self._connected(engine_id, environ)

    def _address(self, environ: Mapping[str, Any]) -> str:
        client = environ["asgi.scope"].get("client") or ("",)
        return address_of(self._settings, environ.get("HTTP_X_FORWARDED_FOR", ""), str(client[0]))

    def forget_closed(self) -> None:
        """Let go of addresses that have no connection any more."""
        for address, engine_ids in list(self._by_address.items()):
            engine_ids &= self._engine.sockets.keys()
            if not engine_ids:
                del self._by_address[address]


def _refusal(why: str, address: str) -> str:
    logger.warning("a connection was refused", extra={"why": why, "address": address})
    return f"unavailable: {why}"
