"""One connection to the gateway, from HELLO to its end (https://docs.discord.com/developers/events/gateway)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from shared import pseudorandom
from shared.channels.discord import gateway
from shared.channels.discord.gateway_frames import (
    Ending,
    Frame,
    Op,
    Session,
    closing,
    frame,
    heartbeat,
    interval,
    introduction,
)
from shared.errors import PayloadInvalid

T = TypeVar("T")

HELLO_SECONDS = 20.0
_MOST_WAITING = 500
"""Dispatches that wait to be taken. Beyond, nothing more is read: the heartbeats stay unanswered, and Discord keeps
what comes until the session is resumed from the last one that was taken."""

Take = Callable[[Mapping[str, Any]], Awaitable[None]]
Established = Callable[[Session], None]


class Connection:
    """`take` gets what `accept` knows, one after the other; a dispatch counts as received once it has returned.

    `established` is called when Discord has taken the introduction.
    """

    def __init__(
        self, socket: ClientConnection, token: str, session: Session | None, take: Take, established: Established
    ) -> None:
        self._socket = socket
        self._token = token
        self._session = session
        self._take = take
        self._established = established
        self._came: asyncio.Queue[Frame] = asyncio.Queue(_MOST_WAITING)
        self._seq = session.seq if session else None
        self._answered = True

    async def serve(self) -> Ending:
        """Until it ends."""
        greeted = await _until_closed(self._greet())
        if isinstance(greeted, Ending):
            return greeted
        tasks = [
            asyncio.create_task(_until_closed(work))
            for work in (self._receive(), self._beat(greeted), self._hand_over())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _greet(self) -> float | Ending:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                pause = interval(frame(await self._socket.recv()))
        except TimeoutError:
            return Ending("Discord did not say HELLO")
        await self._socket.send(introduction(self._token, self._session))
        return pause

    async def _beat(self, pause: float) -> Ending:
        """The first heartbeat comes at a moment of its own, so that not all bots of a broken server beat at once."""
        await asyncio.sleep(pause * pseudorandom.uniform(0, 1))
        while self._answered:
            self._answered = False
            await self._socket.send(heartbeat(self._seq))
            await asyncio.sleep(pause)
        return Ending("Discord did not answer a heartbeat")

    async def _receive(self) -> Ending:
        while True:
            came = frame(await self._socket.recv())
            if came.op == Op.DISPATCH:
                self._seq = came.s if came.s is not None else self._seq
                await self._came.put(came)
            elif came.op == Op.HEARTBEAT:
                await self._socket.send(heartbeat(self._seq))
            elif came.op == Op.ACK:
                self._answered = True
            elif came.op == Op.RECONNECT:
                return Ending("Discord asked to connect anew")
            elif came.op == Op.INVALID_SESSION:
                return Ending("Discord does not know the session", resumable=came.d is True)

    async def _hand_over(self) -> Ending:
        while True:
            came = await self._came.get()
            if came.t == "READY":
                self._session = Session.from_ready(came.d)
            if self._session is None:
                continue
            if came.t in ("READY", "RESUMED"):
                self._established(self._session)
            elif came.t and isinstance(came.d, dict):
                update = gateway.update(self._session.bot_id, came.t, came.d)
                if update is not None:
                    await self._take(update)
            if came.s is not None:
                self._session.seq = came.s


async def _until_closed(work: Coroutine[Any, Any, T]) -> T | Ending:
    try:
        return await work
    except ConnectionClosed as closed:
        return closing(closed.rcvd.code if closed.rcvd else None)
    except PayloadInvalid as error:
        return Ending(error.detail)
