"""A bot's line over a real websocket: heartbeats, resuming after every break, and what ends it for good."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest

from shared.channel.connection import Listener, OpenConnection, Position, SessionEnded
from shared.channels.discord.gateway import INTENTS
from shared.channels.discord.gateway_line import Bot, DiscordGateway
from shared.errors import ProviderRejected, ProviderUnavailable, StoreError
from tests.channels.discord.gateway_server import BOT, Gateway, gateway_server
from tests.eventually import eventually

TOKEN = "MTk4.secret"


@dataclass
class Recorder:
    """Records what a connection reports; storing an update fails `failures` times first."""

    updates: list[Mapping[str, Any]] = field(default_factory=list)
    endings: list[tuple[bool, str]] = field(default_factory=list)
    failures: int = 0

    @property
    def listener(self) -> Listener:
        return Listener(self._take, lambda final, why: self.endings.append((final, why)))

    @property
    def texts(self) -> list[str]:
        return [update["d"]["content"] for update in self.updates]

    def _take(self, update: Mapping[str, Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("Pub/Sub did not answer")
        self.updates.append(update)


Open: TypeAlias = Callable[..., OpenConnection]

PATIENT_INTERVAL = 250
"""Milliseconds between heartbeats where the connection has to last: a busy machine answers later than in 20."""


@pytest.fixture
def discord() -> Iterator[Gateway]:
    with gateway_server() as gateway:
        yield gateway


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def open_line(discord: Gateway, recorder: Recorder) -> Iterator[Open]:
    with ExitStack() as stack:

        def opened(position: Position | None = None, **bot: Any) -> OpenConnection:
            gateway = DiscordGateway()
            stack.callback(gateway.close)
            options: dict[str, Any] = {
                "token": TOKEN,
                "address": lambda: discord.url,
                "encrypted": False,
                "unit": 0.001,
            } | bot
            line = gateway.listen(Bot(**options), position, recorder.listener)
            stack.callback(line.close)
            return line

        yield opened


def say(discord: Gateway, text: str, **options: Any) -> None:
    discord.dispatch("MESSAGE_CREATE", {"content": text}, **options)


def test_a_bot_introduces_itself_and_is_told_what_is_said(
    discord: Gateway, recorder: Recorder, open_line: Open
) -> None:
    line = open_line()
    (identified,) = discord.sent(2)
    assert (identified["token"], identified["intents"]) == (TOKEN, INTENTS)
    assert {"os", "browser", "device"} == set(identified["properties"])
    assert discord.paths == ["/?v=10&encoding=json"]
    for text in ("one", "two"):
        say(discord, text)
    discord.dispatch("PRESENCE_UPDATE", {"user": {"id": "5"}})
    eventually(lambda: (line.position() or {}).get("seq") == 4)
    assert [(update["t"], update["bot_id"]) for update in recorder.updates] == [("MESSAGE_CREATE", BOT)] * 2
    assert recorder.texts == ["one", "two"]
    assert line.position() == {"session_id": "session-1", "url": f"{discord.url}/resume", "bot_id": BOT, "seq": 4}


def test_heartbeats_keep_one_connection_and_tell_what_came(discord: Gateway, open_line: Open) -> None:
    discord.interval = PATIENT_INTERVAL
    open_line()
    say(discord, "one")
    eventually(lambda: len(discord.sent(1)) > 5 and discord.sent(1)[-1] == 2)
    assert len(discord.paths) == 1


def test_a_heartbeat_that_is_asked_for_goes_out_at_once(discord: Gateway, open_line: Open) -> None:
    open_line()
    discord.say({"op": 1, "d": None})
    eventually(lambda: discord.sent(1) == [1])


def test_an_unanswered_heartbeat_is_a_dead_connection(discord: Gateway, recorder: Recorder, open_line: Open) -> None:
    discord.interval, discord.answers = 20, False
    open_line()
    discord.introduced(2)
    discord.answers = True
    assert discord.sent(6)[0] == {"token": TOKEN, "session_id": "session-1", "seq": 1}
    assert discord.closed_with[0] == 4000


@pytest.mark.parametrize(
    "end",
    [
        lambda discord: discord.say({"op": 7, "d": None}),
        lambda discord: discord.say({"op": 9, "d": True}),
        lambda discord: discord.say("no JSON"),
        lambda discord: discord.hang_up(4000),
        lambda discord: discord.hang_up(4008),
        lambda discord: discord.hang_up(1001),
    ],
    ids=["reconnect", "invalid but resumable", "garbage", "unknown error", "rate limited", "going away"],
)
def test_a_session_is_resumed_where_it_broke_and_nothing_is_missed(
    discord: Gateway, recorder: Recorder, open_line: Open, end: Callable[[Gateway], None]
) -> None:
    line = open_line()
    say(discord, "one")
    eventually(lambda: (line.position() or {}).get("seq") == 2)
    say(discord, "two", lost=True)
    end(discord)
    discord.introduced(2)
    say(discord, "three")
    eventually(lambda: recorder.texts == ["one", "two", "three"])
    assert len(discord.sent(2)) == 1
    assert discord.sent(6) == [{"token": TOKEN, "session_id": "session-1", "seq": 2}]
    assert discord.paths[1] == "/resume/?v=10&encoding=json"


@pytest.mark.parametrize(
    "end",
    [
        lambda discord: discord.say({"op": 9, "d": False}),
        lambda discord: discord.hang_up(4007),
        lambda discord: discord.hang_up(4009),
    ],
    ids=["invalid session", "invalid seq", "session timed out"],
)
def test_a_session_that_is_gone_is_begun_anew(
    discord: Gateway, recorder: Recorder, open_line: Open, end: Callable[[Gateway], None]
) -> None:
    line = open_line()
    end(discord)
    eventually(lambda: (line.position() or {}).get("session_id") == "session-2")
    say(discord, "hello")
    eventually(lambda: recorder.texts == ["hello"])
    assert (len(discord.sent(2)), discord.sent(6)) == (2, [])


def test_a_session_that_discord_has_forgotten_is_begun_anew(
    discord: Gateway, recorder: Recorder, open_line: Open
) -> None:
    line = open_line()
    discord.forget_sessions()
    discord.say({"op": 7, "d": None})
    eventually(lambda: (line.position() or {}).get("session_id") == "session-2")
    assert (len(discord.sent(2)), len(discord.sent(6))) == (2, 1)


def test_another_process_goes_on_where_this_one_stopped(discord: Gateway, recorder: Recorder, open_line: Open) -> None:
    first = open_line()
    say(discord, "one")
    eventually(lambda: (first.position() or {}).get("seq") == 2)
    position = first.position()
    first.close()
    eventually(lambda: discord.closed_with == [4000])
    say(discord, "two", lost=True)

    def never() -> str:
        raise AssertionError("resuming asks nobody where to begin")

    open_line(position, address=never)
    eventually(lambda: recorder.texts == ["one", "two"])
    assert len(discord.sent(2)) == 1


@pytest.mark.parametrize("position", [{"0": {"pts": 1}}, {"session_id": 5}])
def test_a_position_that_is_none_is_no_hindrance(discord: Gateway, open_line: Open, position: Position) -> None:
    open_line(position)
    assert len(discord.sent(2)) == 1


def test_what_cannot_be_stored_is_offered_again_and_does_not_count_as_received(
    discord: Gateway, recorder: Recorder, open_line: Open
) -> None:
    discord.interval = PATIENT_INTERVAL
    recorder.failures = 1_000_000
    line = open_line()
    say(discord, "one")
    beats = len(discord.sent(1))
    eventually(lambda: recorder.failures < 999_998 and len(discord.sent(1)) > beats + 2)
    assert (line.position() or {}).get("seq") == 1
    recorder.failures = 0
    say(discord, "two")
    eventually(lambda: recorder.texts == ["one", "two"])
    assert len(discord.paths) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (4004, "botToken"),
        (4010, "shard"),
        (4011, "servers"),
        (4012, "version"),
        (4013, "intents"),
        (4014, "MESSAGE_CONTENT"),
    ],
)
def test_a_bot_that_is_refused_is_not_tried_again(discord: Gateway, open_line: Open, code: int, reason: str) -> None:
    discord.refusals.append(code)
    with pytest.raises(SessionEnded, match=reason):
        open_line()
    assert len(discord.paths) == 1


def test_a_bot_that_is_refused_later_ends_its_line(discord: Gateway, recorder: Recorder, open_line: Open) -> None:
    open_line()
    discord.hang_up(4004)
    eventually(lambda: recorder.endings)
    ((final, why),) = recorder.endings
    assert final
    assert "botToken" in why
    assert len(discord.paths) == 1


def test_a_connection_that_fails_is_tried_again(discord: Gateway, open_line: Open) -> None:
    discord.refusals += [4000, 4008]
    open_line()
    assert len(discord.sent(2)) == 3


def test_while_no_session_may_be_begun_none_is(discord: Gateway, open_line: Open) -> None:
    answers = [ProviderUnavailable("discord", "not today")] * 3

    def address() -> str:
        if answers:
            raise answers.pop()
        return discord.url

    open_line(address=address)
    assert (answers, len(discord.paths)) == ([], 1)


def test_a_token_that_the_api_refuses_is_refused_here(discord: Gateway, open_line: Open) -> None:
    def address() -> str:
        raise ProviderRejected("discord", "check config.botToken")

    with pytest.raises(SessionEnded, match="botToken"):
        open_line(address=address)
    assert discord.paths == []


def test_a_token_longer_than_a_frame_may_be_is_not_sent(discord: Gateway, open_line: Open) -> None:
    with pytest.raises(SessionEnded, match="botToken"):
        open_line(token="x" * 5000)
    assert discord.frames == []


def test_a_token_goes_nowhere_in_clear(discord: Gateway, open_line: Open) -> None:
    with pytest.raises(ProviderUnavailable, match="not encrypted"):
        open_line(encrypted=True, patience=0.2)
    assert discord.paths == []


def test_the_token_is_in_no_log(discord: Gateway, open_line: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    line = open_line()
    discord.say({"op": 7, "d": None})
    discord.introduced(2)
    line.close()
    messages = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert not [text for text in messages if TOKEN in text]
