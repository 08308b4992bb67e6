"""A bot's line: connection after connection, resumed after every break."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from shared import pseudorandom
from shared.channel.connection import Listener, OpenConnection, Position, SessionEnded
from shared.channelkit.loop_thread import LoopThread
from shared.channels.discord.api import PROVIDER
from shared.channels.discord.gateway_connection import Connection
from shared.channels.discord.gateway_frames import Ending, Session
from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable

_log = logging.getLogger(__name__)

# Closer up it tells what goes over the line, the token included.
_socket_log = logging.getLogger(f"{__name__}.socket")
_socket_log.setLevel(logging.WARNING)

_CLOSING_SECONDS = 3.0
_CLOSED_BY_US = 4000
"""1000 and 1001 would end the session, which whoever comes next shall resume."""

_MOST_BYTES = 16 * 1024 * 1024
_TRIES_TO_RESUME = 5
_LONGEST_PAUSE = 60.0
_QUERY = "?v=10&encoding=json"


@dataclass(frozen=True, slots=True)
class Bot:
    """`address` tells where a session is begun, and raises a `ProviderError`; without `encrypted` it may be in clear.

    In seconds: a line must be open within `patience`, and pauses between two
    connections grow from `unit`.
    """

    token: str
    address: Callable[[], str]
    encrypted: bool = True
    unit: float = 1.0
    patience: float = 45.0


class GatewayLine:
    """All of it runs on the loop that `open` was awaited on; `position` and `close` are for other threads."""

    def __init__(self, bot: Bot, position: Position | None, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        self._bot = bot
        self._listener = listener
        self._session = Session.at(position)
        self._failures = 0
        self._why = "it did not answer"
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._running = asyncio.create_task(self._run())

    async def open(self) -> None:
        """Wait until Discord has taken the bot; raises `SessionEnded` or `ProviderUnavailable`."""
        try:
            async with asyncio.timeout(self._bot.patience):
                await self._opened
        except TimeoutError:
            await self.abandon()
            raise ProviderUnavailable(PROVIDER, f"the gateway could not be reached: {self._why}") from None

    async def abandon(self) -> None:
        self._running.cancel()
        await asyncio.wait([self._running], timeout=_CLOSING_SECONDS)

    def position(self) -> Position | None:
        return self._session.model_dump() if self._session else None

    def close(self) -> None:
        if not self._loop.is_running():
            return
        closed = asyncio.run_coroutine_threadsafe(self.abandon(), self._loop)
        try:
            closed.result(_CLOSING_SECONDS + 1)
        except (TimeoutError, CancelledError):
            _log.info("a line to Discord was left without a farewell")

    async def _run(self) -> None:
        while True:
            ending = await self._try()
            self._why = ending.why
            if ending.fatal:
                break
            if not ending.resumable or self._failures >= _TRIES_TO_RESUME:
                self._session = None
            _log.info("a gateway connection ended: %s", ending.why)
            await asyncio.sleep(self._pause(ending))
        if self._opened.done():
            await asyncio.to_thread(self._listener.on_end, True, ending.why)
        else:
            self._opened.set_exception(SessionEnded(PROVIDER, ending.why))

    async def _try(self) -> Ending:
        self._failures += 1
        try:
            return await self._connect()
        except ProviderRejected as error:
            return Ending(error.reason, fatal=True)
        except ProviderError as error:
            return Ending(error.reason)
        except (OSError, TimeoutError, WebSocketException) as error:
            return Ending(f"no connection ({type(error).__name__})")
        except Exception:  # noqa: BLE001 - whatever it is, the line must not end unnoticed
            _log.exception("a line to Discord failed and is tried again")
            return Ending("an error of the hub's own")

    async def _connect(self) -> Ending:
        session = self._session
        url = session.url if session else await asyncio.to_thread(self._bot.address)
        socket = await connect(
            self._checked(url),
            compression=None,
            proxy=None,
            ping_interval=None,  # Discord has heartbeats of its own.
            close_timeout=1,
            max_size=_MOST_BYTES,
            logger=_socket_log,
        )
        try:
            return await Connection(socket, self._bot.token, session, self._take, self._established).serve()
        finally:
            await socket.close(_CLOSED_BY_US)

    def _checked(self, url: str) -> str:
        """The token goes there: in clear only where Discord's API is called in clear, too."""
        if not url.startswith("wss://" if self._bot.encrypted else ("ws://", "wss://")):
            raise ProviderUnavailable(PROVIDER, "the gateway's address is not encrypted; check DISCORD_API_URL")
        return url.partition("?")[0].rstrip("/") + "/" + _QUERY

    def _established(self, session: Session) -> None:
        self._session = session
        self._failures = 0
        if not self._opened.done():
            self._opened.set_result(None)
        _log.info("a gateway session goes on")

    def _pause(self, ending: Ending) -> float:
        """Longer with every try that was for nothing; Discord wants 1 to 5 s before a session is begun anew."""
        chance = pseudorandom.uniform(0, 1)
        if not ending.resumable:
            return self._bot.unit * (1 + 4 * chance)
        longest = min(self._bot.unit * 2.0 ** min(self._failures, 32), _LONGEST_PAUSE)
        return longest * chance if self._failures else self._bot.unit * chance

    async def _take(self, update: Mapping[str, Any]) -> None:
        """Again and again until it is taken; meanwhile what follows waits."""
        pause = self._bot.unit / 2
        while True:
            try:
                await asyncio.to_thread(self._listener.on_update, update)
                return
            except Exception:  # noqa: BLE001 - whatever it is, the update must come again
                _log.exception("an update of Discord's could not be stored, it is tried again")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)


class DiscordGateway:
    """The lines share one thread with an event loop."""

    def __init__(self) -> None:
        self._loop = LoopThread("discord")

    def listen(self, bot: Bot, position: Position | None, listener: Listener) -> OpenConnection:
        """Open a line; raises `SessionEnded` or `ProviderUnavailable`."""
        return self._loop.run(_opened(bot, position, listener)).result()

    def close(self) -> None:
        self._loop.close()


async def _opened(bot: Bot, position: Position | None, listener: Listener) -> OpenConnection:
    line = GatewayLine(bot, position, listener)
    await line.open()
    return line
