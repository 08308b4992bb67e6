"""Telegram over MTProto, by telethon (https://docs.telethon.dev, MIT licence)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from telethon import TelegramClient, errors
from telethon.sessions import StringSession

from shared.channel.connection import Listener, Position, SessionEnded
from shared.channelkit.loop_thread import LoopThread
from shared.channels.telegram_user.gateway import PROVIDER, CodeRequested, Line, PasswordNeeded, SignedIn
from shared.channels.telegram_user.telethon_errors import ended, login_errors
from shared.channels.telegram_user.telethon_line import ENDED, TelethonLine
from shared.errors import ProviderUnavailable

T = TypeVar("T")

# Closer up it tells what goes over the line.
logging.getLogger("telethon").setLevel(logging.WARNING)

_LOGIN_SECONDS = 40.0
_OPENING_SECONDS = 45.0


class TelethonGateway:
    """A login's steps each open a connection of their own; the lines share one thread with an event loop."""

    def __init__(self, api_id: int, api_hash: str) -> None:
        self._api_id = api_id
        self._api_hash = api_hash
        self._loop = LoopThread("telegram")

    def request_code(self, phone: str) -> CodeRequested:
        async def ask(client: TelegramClient) -> CodeRequested:
            sent = await client.send_code_request(phone)
            return CodeRequested(session=client.session.save(), code_hash=sent.phone_code_hash)

        return self._login("", ask)

    def sign_in(self, session: str, phone: str, code_hash: str, code: str) -> SignedIn | PasswordNeeded:
        async def sign(client: TelegramClient) -> SignedIn | PasswordNeeded:
            try:
                user = await client.sign_in(phone=phone, code=code, phone_code_hash=code_hash)
            except errors.SessionPasswordNeededError:
                return PasswordNeeded(session=client.session.save())
            return _signed_in(client, user)

        return self._login(session, sign)

    def check_password(self, session: str, password: str) -> SignedIn:
        async def check(client: TelegramClient) -> SignedIn:
            return _signed_in(client, await client.sign_in(password=password))

        return self._login(session, check)

    def log_out(self, session: str) -> None:
        from telethon.tl.functions.auth import LogOutRequest  # noqa: PLC0415 - as `client`: made when it is needed

        async def leave(client: TelegramClient) -> None:
            # Not `client.log_out`, which takes every refusal for success.
            try:
                await client(LogOutRequest())
            except errors.RPCError as error:
                if not ended(error):
                    raise

        self._login(session, leave)

    def listen(self, session: str, position: Position | None, listener: Listener) -> Line:
        opened = self._loop.run(self._open(session, position, listener))
        try:
            return opened.result(_OPENING_SECONDS + 5)
        except TimeoutError:
            opened.cancel()
            raise ProviderUnavailable(PROVIDER, "Telegram did not answer") from None

    def close(self) -> None:
        self._loop.close()

    def client(self, session: str, **options: Any) -> TelegramClient:
        """A client that waits for nothing on its own: pauses are for the caller to keep. Call it on an event loop."""
        return TelegramClient(
            StringSession(session or None),
            self._api_id,
            self._api_hash,
            timeout=10,
            request_retries=2,
            connection_retries=2,
            retry_delay=1,
            flood_sleep_threshold=0,
            raise_last_call_error=True,
            device_model="Omnichannel Hub",
            app_version="1.0",
            **options,
        )

    def _login(self, session: str, step: Callable[[TelegramClient], Coroutine[Any, Any, T]]) -> T:
        with login_errors():
            return asyncio.run(asyncio.wait_for(self._connected(session, step), _LOGIN_SECONDS))

    async def _connected(self, session: str, step: Callable[[TelegramClient], Coroutine[Any, Any, T]]) -> T:
        client = self.client(session, receive_updates=False)
        try:
            await client.connect()
            return await step(client)
        finally:
            await client.disconnect()

    async def _open(self, session: str, position: Position | None, listener: Listener) -> Line:
        line = TelethonLine(partial(self.client, session), position, listener)
        try:
            await asyncio.wait_for(line.open(), _OPENING_SECONDS)
        except (errors.RPCError, OSError, TimeoutError) as error:
            await line.abandon()
            if ended(error):
                raise SessionEnded(PROVIDER, ENDED) from None
            raise ProviderUnavailable(PROVIDER, f"no connection ({type(error).__name__})") from None
        return line


def _signed_in(client: TelegramClient, user: Any) -> SignedIn:
    name = " ".join(part for part in (user.first_name, user.last_name) if part)
    return SignedIn(
        session=client.session.save(),
        user_id=user.id,
        name=name or user.username or str(user.id),
        phone=f"+{user.phone}" if user.phone else None,
        username=user.username,
    )
