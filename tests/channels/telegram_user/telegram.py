"""A Telegram in this process, at the seam where the hub speaks to it: accounts, codes, sessions and lines."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from shared.channel.connection import Listener, Position, SessionEnded
from shared.channels.telegram_user.gateway import (
    PROVIDER,
    CodeRequested,
    Gateway,
    Line,
    PasswordNeeded,
    Post,
    Posted,
    SignedIn,
)
from shared.errors import BadRequest, HubError, ProviderUnavailable


@dataclass
class Account:
    phone: str
    user_id: int
    password: str | None = None
    code: str = "12345"


@dataclass
class FakeLine:
    """A fake connection: it records what is sent, and reports `at` as its position."""

    telegram: Telegram
    session: str
    began_at: Position | None
    listener: Listener
    at: Position | None = None
    open: bool = True

    def send(self, post: Post) -> Posted:
        if not self.open:
            raise ProviderUnavailable(PROVIDER, "the line is closed")
        if self.telegram.refusals:
            raise self.telegram.refusals.pop(0)
        self.telegram.sent.append(post)
        return Posted(number=next(self.telegram.numbers), chat=post.chat if isinstance(post.chat, int) else 99)

    def position(self) -> Position | None:
        return self.at

    def close(self) -> None:
        self.open = False

    def bring(self, update: Mapping[str, Any]) -> None:
        """Deliver an update, again and again until the listener accepts it."""
        deadline = time.monotonic() + 10
        while True:
            try:
                self.listener.on_update(update)
                return
            except HubError:
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def end(self, *, final: bool) -> None:
        self.open = False
        self.listener.on_end(final, "ended by the test; log in again")


@dataclass
class Telegram:
    """The state that tests read and set; also the gateway, whose sessions any process may use."""

    accounts: dict[str, Account] = field(default_factory=dict)
    pending: dict[str, Account] = field(default_factory=dict)
    sessions: dict[str, Account] = field(default_factory=dict)
    logged_out: list[str] = field(default_factory=list)
    lines: list[FakeLine] = field(default_factory=list)
    sent: list[Post] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    down: bool = False
    opened_twice: bool = False
    numbers: Any = field(default_factory=lambda: count(500))

    def add(self, phone: str = "+491701234567", user_id: int = 77, password: str | None = None) -> Account:
        self.accounts[phone] = Account(phone, user_id, password)
        return self.accounts[phone]

    def opener(self, api_id: int, api_hash: str) -> Gateway:
        assert (api_id, api_hash) == (1, "hash")
        return self

    def request_code(self, phone: str) -> CodeRequested:
        self._reach()
        if phone not in self.accounts:
            raise BadRequest("phone: has no Telegram account", {"phone": "has no Telegram account"})
        session = f"half-open-{next(self.numbers)}"
        self.pending[session] = self.accounts[phone]
        return CodeRequested(session=session, code_hash=f"hash-of-{session}")

    def sign_in(self, session: str, phone: str, code_hash: str, code: str) -> SignedIn | PasswordNeeded:
        self._reach()
        account = self.pending[session]
        assert (account.phone, code_hash) == (phone, f"hash-of-{session}")
        if code != account.code:
            raise BadRequest("code: is wrong", {"code": "is wrong"})
        if account.password is None:
            return self._signed_in(session)
        moved = f"{session}-with-code"
        self.pending[moved] = self.pending.pop(session)
        return PasswordNeeded(session=moved)

    def check_password(self, session: str, password: str) -> SignedIn:
        self._reach()
        assert session.endswith("-with-code")
        if self.pending[session].password != password:
            raise BadRequest("password: is wrong", {"password": "is wrong"})
        return self._signed_in(session)

    def log_out(self, session: str) -> None:
        self._reach()
        self.sessions.pop(session, None)
        self.logged_out.append(session)

    def listen(self, session: str, position: Position | None, listener: Listener) -> Line:
        self._reach()
        if session not in self.sessions:
            raise SessionEnded(PROVIDER, "the session was ended; log in again")
        self.opened_twice |= any(line.open for line in self.lines if line.session == session)
        line = FakeLine(self, session, position, listener)
        self.lines.append(line)
        return line

    def close(self) -> None:
        pass

    def open_lines(self) -> list[FakeLine]:
        return [line for line in self.lines if line.open]

    def _reach(self) -> None:
        if self.down:
            raise ProviderUnavailable(PROVIDER, "Telegram did not answer")
        if self.refusals:
            raise self.refusals.pop(0)

    def _signed_in(self, session: str) -> SignedIn:
        account = self.pending.pop(session)
        whole = f"whole-account-{next(self.numbers)}"
        self.sessions[whole] = account
        return SignedIn(session=whole, user_id=account.user_id, name="Ann Lee", phone=account.phone)


def update(number: int, text: str = "Hello", chat: int = 5, **fields: Any) -> dict[str, Any]:
    """The update for a message of a private chat."""
    person = {"id": chat, "type": "user", "first_name": "Bo", "access_hash": "9001"}
    message = {"id": number, "chat": person, "sender": person, "date": "2026-11-21T10:00:00Z", "text": text}
    return {"message": message | fields}
