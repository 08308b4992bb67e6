"""One account's open connection, by telethon."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from typing import Any, TypeVar

from telethon import TelegramClient, errors, events, utils
from telethon.tl import functions, types

from shared.channel.connection import Listener, Position
from shared.channels.telegram_user.gateway import PROVIDER, Post, Posted
from shared.channels.telegram_user.telethon_errors import ended, sending_errors
from shared.channels.telegram_user.telethon_requests import posted, request_for
from shared.channels.telegram_user.telethon_updates import deleted, message_update, typing
from shared.errors import ProviderUnavailable

T = TypeVar("T")

_log = logging.getLogger(__name__)

ENDED = "the session was ended in Telegram; log in again"

_SENDING_SECONDS = 50.0
_CLOSING_SECONDS = 3.0
_LOOK_SECONDS = 60.0
"""How often Telegram is asked whether the session is still good; of itself it does not tell an idle client."""

_LONGEST_PAUSE = 30.0
_MOST_CHANNELS = 500
"""Channels whose places are kept; telethon finds the others' by itself once something comes from them."""


class TelethonLine:
    """All of it runs on the loop that `open` was awaited on; `send`, `position` and `close` are for other threads."""

    def __init__(self, client: Callable[..., TelegramClient], position: Position | None, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._position = position
        # One update after the other, so that their order stays and none is forgotten in a queue of telethon's.
        self._client = client(catch_up=position is not None, sequential_updates=True)
        self._busy = False
        self._closing = False
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        _restore(self._client.session, self._position)
        self._client.add_event_handler(self._on_message, events.NewMessage())
        self._client.add_event_handler(self._on_edit, events.MessageEdited())
        self._client.add_event_handler(self._on_deletion, events.MessageDeleted())
        self._client.add_event_handler(self._on_typing, events.Raw(types.UpdateUserTyping))
        await self._client.connect()
        state = await self._client(functions.updates.GetStateRequest())
        self._position = self._position or {"0": _place_of(state)}
        # So that telethon need not ask in the middle of an update.
        await self._client.get_me()
        self._watching = asyncio.create_task(self._watch())

    async def abandon(self) -> None:
        self._closing = True
        if self._watching is not None:
            self._watching.cancel()
        await self._client.disconnect()

    def send(self, post: Post) -> Posted:
        with sending_errors():
            return self._call(self._send(post), _SENDING_SECONDS)

    def position(self) -> Position | None:
        try:
            return self._call(self._place(), 5)
        except (TimeoutError, ProviderUnavailable):
            return None

    def close(self) -> None:
        try:
            self._call(self.abandon(), _CLOSING_SECONDS)
        except (TimeoutError, ProviderUnavailable, OSError):
            _log.info("a line to Telegram was left without a farewell")

    def _call(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        if not self._loop.is_running():
            work.close()
            raise ProviderUnavailable(PROVIDER, "the line is closed")
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(seconds)
        except TimeoutError:
            running.cancel()
            raise
        except CancelledError:
            # The line was closed meanwhile.
            raise ConnectionError from None

    async def _send(self, post: Post) -> Posted:
        peer = await self._peer(post)
        try:
            result = await self._client(request_for(post, peer))
        except (errors.RandomIdDuplicateError, errors.MessageNotModifiedError):
            return Posted(number=None, chat=_chat(peer))
        except errors.MsgIdInvalidError:
            if post.form not in ("text", "file", "place") or post.reply_to is None:
                raise
            # What it answers is gone; the answer is not.
            result = await self._client(request_for(post, peer, reply=False))
        return posted(result, post, _chat(peer))

    async def _peer(self, post: Post) -> Any:
        if isinstance(post.chat, int) and post.access_hash is not None:
            if post.chat > 0:
                return types.InputPeerUser(post.chat, post.access_hash)

            real, kind = utils.resolve_id(post.chat)
            if kind is types.PeerChannel:
                return types.InputPeerChannel(real, post.access_hash)
        try:
            return await self._client.get_input_entity(post.chat)
        except ValueError:
            # Who is not known in this process may stand in the account's latest chats.
            await self._client.get_dialogs(limit=200)
            return await self._client.get_input_entity(post.chat)

    async def _place(self) -> Position | None:
        if self._busy:
            return None
        return _saved(self._client.session) or self._position

    async def _on_message(self, event: Any) -> None:
        await self._said(event, edited=False)

    async def _on_edit(self, event: Any) -> None:
        await self._said(event, edited=True)

    async def _said(self, event: Any, *, edited: bool) -> None:
        self._busy = True
        try:
            chat, sender = await _known(event.get_chat), await _known(event.get_sender)
            update = message_update(event.message, chat, sender, edited=edited)
            if update is not None:
                await self._hand_over(update)
        finally:
            self._busy = False

    async def _on_deletion(self, event: Any) -> None:
        self._busy = True
        try:
            await self._hand_over(deleted(event.deleted_ids, event.chat_id))
        finally:
            self._busy = False

    async def _on_typing(self, event: Any) -> None:
        """Told once: soon it is worth nothing."""
        update = typing(event)
        if update is not None:
            try:
                await asyncio.to_thread(self._listener.on_update, update)
            except Exception:  # noqa: BLE001 - whatever it is, the next message matters more
                _log.info("nobody was told that somebody writes in Telegram", exc_info=True)

    async def _hand_over(self, update: dict[str, Any]) -> None:
        """Again and again until it is taken: Telegram counts it as received already."""
        pause = 0.5
        while not self._closing:
            try:
                await asyncio.to_thread(self._listener.on_update, update)
                return
            except Exception:  # noqa: BLE001 - whatever it is, the update must come again
                _log.exception("an update of Telegram's could not be stored, it is tried again")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _watch(self) -> None:
        """Until the connection ends: ask now and then, and tell when the session is no good any more."""
        is_over, why = False, "the connection to Telegram ended"
        try:
            while self._client.is_connected():
                await asyncio.wait([self._client.disconnected], timeout=_LOOK_SECONDS)
                await self._client(functions.updates.GetStateRequest())
        except (errors.RPCError, OSError, TimeoutError) as error:
            is_over = ended(error)
            why = ENDED if is_over else f"{why} ({type(error).__name__})"
        if self._closing:
            return
        self._closing = True
        await self._client.disconnect()
        await asyncio.to_thread(self._listener.on_end, is_over, why)


async def _known(get: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The person or chat, None where Telegram does not tell."""
    try:
        return await get()
    except (errors.RPCError, ValueError, OSError):
        return None


def _chat(peer: Any) -> int:

    return 0 if isinstance(peer, types.InputPeerSelf) else int(utils.get_peer_id(peer))


def _restore(session: Any, position: Position | None) -> None:
    """Have telethon go on from where another process stopped; it knows channels by their hashes alone."""
    for key, place in (position or {}).items():
        when = datetime.fromtimestamp(place.get("date", 0), UTC)
        state = types.updates.State(place["pts"], place.get("qts", 0), when, place.get("seq", 0), unread_count=0)
        session.set_update_state(int(key), state)
        if "access_hash" in place:
            channel = types.InputPeerChannel(int(key), int(place["access_hash"]))
            session.process_entities(types.contacts.ResolvedPeer(None, [], [channel]))


def _place_of(state: Any) -> dict[str, int]:
    return {"pts": state.pts, "qts": state.qts, "date": int(state.date.timestamp()), "seq": state.seq}


def _saved(session: Any) -> Position | None:
    """What telethon put down of itself, as it does every minute; None before the first time."""
    states = dict(session.get_update_states())
    account = states.pop(0, None)
    if account is None:
        return None
    place: Position = {"0": _place_of(account)}
    for channel_id, state in list(states.items())[:_MOST_CHANNELS]:
        try:
            entity = session.get_input_entity(types.PeerChannel(channel_id))
        except ValueError:
            continue
        place[str(channel_id)] = {"pts": state.pts, "access_hash": str(entity.access_hash)}
    return place
