"""A holder with a Telegram that is a directory, for several processes at once.

    python -m tests.infra.holder_with_telegram DIRECTORY

`journal` in it gets a line for every line that is opened or closed and every text that is sent, with who did it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.holders import __main__ as holder
from shared.channel.connection import Listener, Position
from shared.channels.telegram_user.api import reached_by
from shared.channels.telegram_user.gateway import Gateway, Line, Post, Posted
from tests.channels.telegram_user.telegram import Telegram


@dataclass
class Journal:
    directory: Path

    def note(self, what: str) -> None:
        with (self.directory / "journal").open("a") as journal:
            journal.write(f"{os.getpid()} {what}\n")


@dataclass
class NotedLine:
    journal: Journal
    session: str

    def send(self, post: Post) -> Posted:
        self.journal.note(f"sent {post.text}")
        return Posted(number=abs(post.nonce) % 1_000_000, chat=int(post.chat))

    def position(self) -> Position | None:
        return None

    def close(self) -> None:
        self.journal.note(f"closed {self.session}")


class NotedTelegram(Telegram):
    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def listen(self, session: str, position: Position | None, listener: Listener) -> Line:
        self._journal.note(f"opened {session}")
        return NotedLine(self._journal, session)


def opener(api_id: int, api_hash: str) -> Gateway:
    return NotedTelegram(Journal(Path(sys.argv[1])))


def main() -> int:
    with reached_by(opener):
        return holder.main()


if __name__ == "__main__":
    sys.exit(main())
