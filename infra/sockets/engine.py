"""The Socket.IO library's server, set up for the hub, with its gaps closed."""

from __future__ import annotations

import asyncio
import logging

import socketio
from engineio.payload import Payload

from infra.sockets.credentials import origin_allowed
from shared.config import Settings

MAX_FRAME = 32 * 1024
"""Bytes of one client message: a token or a channel id, and generous room."""

FAREWELL_SECONDS = 1.0
"""How long a client has to close its connection by itself, and to fetch the last packets of one that was closed."""


def socketio_server(settings: Settings, max_packets: int) -> socketio.AsyncServer:
    """Make a server that takes up to `max_packets` client messages in one request.

    Handlers of one client run one after the other (`async_handlers`), so that a
    flood slows down only its sender.
    """
    # A client that joins all its rooms before it has a websocket sends the
    # packets in one request, and the library refuses more than 16 in one.
    Payload.max_decode_packets = max_packets
    server = socketio.AsyncServer(
        async_mode="asgi",
        async_handlers=False,
        cors_allowed_origins=lambda origin, environ: origin_allowed(settings, origin, environ),
        max_http_buffer_size=MAX_FRAME,
        logger=logging.getLogger("socketio"),
        engineio_logger=logging.getLogger("engineio"),
    )
    _free_what_waits(server)
    return server


def _free_what_waits(server: socketio.AsyncServer) -> None:
    """Free the tasks of a connection that closes: the library can leave them waiting, some of them for ever.

    A request for events does not notice that the client closed, and one whose
    content was refused waits until somebody fetches the last packets. What
    comes afterwards is refused as unknown, where the library would raise.
    """
    engine = server.eio
    closed = engine.handlers["disconnect"]

    def forget(engine_id: str, queue: asyncio.Queue[object]) -> None:
        engine.sockets.pop(engine_id, None)
        if queue.empty():
            queue.put_nowait(None)

    async def freed(engine_id: str, reason: object) -> None:
        connection = engine.sockets.get(engine_id)
        if connection is not None:
            loop = asyncio.get_running_loop()
            # Later, because closing may still put a packet there, which would do.
            loop.call_soon(forget, engine_id, connection.queue)
            loop.call_later(FAREWELL_SECONDS, _drain, connection.queue)
        await closed(engine_id, reason)

    engine.on("disconnect", freed)


def _drain(queue: asyncio.Queue[object]) -> None:
    while not queue.empty():
        queue.get_nowait()
        queue.task_done()
    queue.put_nowait(None)
