"""What an account outlives, with the real library: killed hubs, killed holders, and a thousand broken connections.

    python -m tests.whatsapp.endurance [kills] [holders] [reconnects] [accounts]

Without arguments all of them, and what fifty accounts need, which takes about twenty minutes on two idle cores. Its
limits are for steps: as long as messages arrive it goes on. Prints a table of what was measured; a promise that is
broken ends it with an `AssertionError`.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from infra.local import secret_manager
from infra.sockets.whatsapp.gateway import WorkerGateway
from infra.sockets.whatsapp.line import WorkerLine
from shared.adapters.embedded.snapshots import DirectorySnapshots
from shared.adapters.google.pubsub import PubSub, ensure_topics
from shared.bootstrap import bootstrap, close
from shared.channel.connection import Listener
from shared.channels.whatsapp_web import lifecycle
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.gateway import Session
from shared.config import load_settings
from shared.deps import Deps
from shared.domain.events import InboundEvent, Topic
from shared.domain.instances import Instance
from shared.ports.store import Create, Ref
from tests.adapters.backends import emulators, google
from tests.adapters.cloud_storage import cloud_storage
from tests.crash.ledger import dead_and_reported, settled, stored_once
from tests.crash.process import HubProcess
from tests.documents import an_instance
from tests.eventually import eventually
from tests.infra.process import Process
from tests.node import executable, missing
from tests.whatsapp.playing import SERVER, Phones, playing

PATIENCE = 90.0
RETURN_PATIENCE = 600.0
"""For a hub that was killed: on a busy machine its start takes minutes, and how long it took is told."""
Rows: TypeAlias = Iterator[tuple[str, str]]
_AT_ONCE = 8
_TEXT = re.compile(r"\bm\d+\.\d+\b")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def program(phones: Phones, name: str) -> tuple[str, ...]:
    """The module and the arguments of a program of the hub's that takes these phones' server for WhatsApp."""
    return "tests.whatsapp.program", phones.root, phones.url, str(phones.certificates), name


class KilledHub(HubProcess):
    """A whole hub: it is killed with all its workers."""

    def kill(self) -> None:
        _kill_with_children(self.pid)
        super().kill()


@dataclass(frozen=True, slots=True)
class Kills:
    """`back_seconds`: from each kill until the account was connected again. `dead` are answers of unknown outcome."""

    messages: int
    back_seconds: list[float]
    dead: int

    def rows(self) -> Rows:
        back = ", ".join(f"{seconds:.1f}" for seconds in self.back_seconds)
        yield f"a hub killed {len(self.back_seconds)} times during {self.messages} messages", f"back after {back} s"
        yield "of these stored once", f"{self.messages}"
        yield "of these answered twice", "0"
        yield "answers of unknown outcome", f"{self.dead}"


def kill_hub(phones: Phones, directory: Path, kills: int, messages: int, seed: int) -> Kills:
    """Kill a hub once in each burst of messages; all are stored once, and none is answered twice."""
    directory.mkdir(exist_ok=True)
    hub = KilledHub(directory, program(phones, "infra.local.serve"))
    hub.start()
    try:
        hub.register()
        hub.post("/api/agents", {"name": "Echo"}, 201)
        device = _paired_with(hub, phones)
        return _kill_in_bursts(hub, phones, device, kills, messages, seed)
    finally:
        if hub.is_running:
            hub.kill()


def _paired_with(hub: HubProcess, phones: Phones) -> str:
    """A channel that is paired; returns the account's number."""
    channel = hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": {}}, 201)["id"]

    def code() -> str | None:
        (instance,) = hub.documents("instances", id=channel)
        return (instance["pairing"] or {}).get("text")

    device = phones.scan(str(eventually(code, PATIENCE)))
    eventually(lambda: hub.documents("instances", id=channel)[0]["status"] == "connected", PATIENCE)
    return device


def _kill_in_bursts(hub: HubProcess, phones: Phones, device: str, kills: int, messages: int, seed: int) -> Kills:
    chance = random.Random(seed)
    texts: set[str] = set()
    back_seconds: list[float] = []
    for burst in range(kills):
        point = chance.randrange(messages // 10, messages)
        for number in range(messages):
            if number == point:
                logins = phones.state()["logins"]
                began_at = time.monotonic()
                hub.kill()
                hub.start()
                eventually(lambda before=logins: phones.state()["logins"] > before, RETURN_PATIENCE)  # type: ignore[misc]
                back_seconds.append(time.monotonic() - began_at)
            text = f"m{burst}.{number}"
            phones.write(device, f"55118{number:08}@s.whatsapp.net", {"conversation": text})
            texts.add(text)
    try:
        settled(hub, len(texts), seed)
    except AssertionError as error:
        stored = {message["text"] for message in hub.documents("messages", direction="inbound")}
        unconfirmed = phones.state()["unacknowledged"]
        raise AssertionError(f"{error}; never stored: {texts - stored}; not confirmed: {unconfirmed}") from None
    stored_once(hub, texts, seed)
    answers = Counter(text for answer in phones.answers() for text in _TEXT.findall(answer))
    twice = {text: times for text, times in answers.items() if times > 1}
    assert not twice, f"seed {seed}: answered more than once: {twice}"
    dead = dead_and_reported(hub, seed)
    excused = {text for item in dead for text in _TEXT.findall(item["payload"]["text"])}
    assert texts - set(answers) <= excused, f"seed {seed}: never answered: {texts - set(answers) - excused}"
    assert not phones.state()["heldTwice"]
    return Kills(len(texts), back_seconds, len(dead))


@dataclass(frozen=True, slots=True)
class HandOvers:
    """Seconds until another holder was connected: after the first was told to end, and after it was killed."""

    graceful: float
    killed: float

    def rows(self) -> Rows:
        yield "another holder connected after the first was told to end", f"{self.graceful:.1f} s"
        yield "another holder connected after the first was killed", f"{self.killed:.1f} s"


def hand_over(phones: Phones, directory: Path) -> HandOvers:
    """An account of two holders, on the emulators, whose holder ends, and then is killed."""
    with _deployment(phones, directory) as (deps, environment):
        device = _paired_by_holder(deps, phones, first := _holder(phones, directory / "1", environment))
        with closing(first), closing(_holder(phones, directory / "2", environment)) as second:
            graceful = _seconds_until_back(phones, device, lambda: first.stop(seconds=10))
            with closing(_holder(phones, directory / "3", environment)):
                # With a lease that was renewed a moment ago.
                killed = _seconds_until_back(phones, device, lambda: _kill_with_children(second.process.pid))
    assert not phones.state()["heldTwice"]
    return HandOvers(graceful, killed)


@contextmanager
def _deployment(phones: Phones, directory: Path) -> Iterator[tuple[Deps, dict[str, str]]]:
    directory.mkdir(exist_ok=True)
    with secret_manager.serving() as vault, cloud_storage() as storage:
        environment = {
            "BACKEND": "google",
            "GOOGLE_CLOUD_PROJECT": google.project(),
            "FIRESTORE_EMULATOR_HOST": emulators.firestore(),
            "PUBSUB_EMULATOR_HOST": emulators.pubsub(),
            "SECRET_MANAGER_EMULATOR_HOST": vault.address,
            "STORAGE_EMULATOR_HOST": storage.url,
            "SESSIONS_BUCKET": "sessions-1",
            "JWT_SECRET": "a-secret-of-thirty-two-characters",
        }
        pubsub = PubSub(environment["GOOGLE_CLOUD_PROJECT"], emulator_host=environment["PUBSUB_EMULATOR_HOST"])
        ensure_topics(pubsub)
        pubsub.close()
        deps = bootstrap(load_settings(environment))
        yield deps, environment
        close(deps)


def _holder(phones: Phones, directory: Path, environment: Mapping[str, str]) -> Process:
    holder = Process(directory, *program(phones, "infra.holders.__main__"), **environment)
    assert holder.url, holder.errors
    return holder


def _paired_by_holder(deps: Deps, phones: Phones, holder: Process) -> str:
    instance: Instance = an_instance("whatsapp_web")
    deps.store.commit([Create(Ref("instances", instance.id), instance.model_dump())])
    updates: SimpleQueue[Mapping[str, Any]] = SimpleQueue()

    def hear(event: Any) -> None:
        if isinstance(event, InboundEvent):
            updates.put(event.payload)

    stop = deps.bus.consume({Topic.INBOUND: hear})
    try:
        lifecycle.connect(deps, instance, WhatsAppWebConfig())
        device = ""
        while True:
            update = updates.get(timeout=PATIENCE)
            if update["event"] == "qr" and not device:
                device = phones.scan(update["data"]["code"])
            if update["event"] == "connected":
                return device
    except Empty:
        raise AssertionError(holder.errors) from None
    finally:
        stop()


def _seconds_until_back(phones: Phones, device: str, end: Callable[[], object]) -> float:
    logins = phones.state()["logins"]
    began_at = time.monotonic()
    end()
    eventually(lambda: phones.state()["logins"] > logins and device in phones.state()["connected"], PATIENCE)
    return time.monotonic() - began_at


def _kill_with_children(pid: int) -> None:
    for each in [pid, *_children(pid)]:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(each, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Usage:
    """Resident memory in kilobytes, threads, and open files of a process."""

    memory: int
    threads: int
    files: int

    @classmethod
    def of(cls, pid: int) -> Usage:
        process = Path("/proc") / str(pid)
        pages = int((process / "statm").read_text("ascii").split()[1])
        return cls(pages * _PAGE_KB, len(list((process / "task").iterdir())), len(list((process / "fd").iterdir())))

    def __str__(self) -> str:
        return f"{self.memory // 1024} MB, {self.threads} threads, {self.files} files"


@dataclass(frozen=True, slots=True)
class Reconnects:
    """`usage` of the worker, and of the hub's own process: after the first tenth, and at the end."""

    times: int
    seconds: float
    worker: tuple[Usage, Usage]
    hub: tuple[Usage, Usage]

    def rows(self) -> Rows:
        yield f"a connection broken {self.times} times", f"{self.seconds:.0f} s"
        for name, (former, present) in (("worker", self.worker), ("hub", self.hub)):
            yield f"the {name} after the first tenth, and at the end", f"{former}; {present}"


def reconnect(phones: Phones, directory: Path, times: int) -> Reconnects:
    """Break an account's connection again and again; it comes back, and neither process grows."""
    updates: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
    ends: SimpleQueue[str] = SimpleQueue()
    gateway = WorkerGateway(DirectorySnapshots(directory), phones.worker)
    listener = Listener(on_update=updates.put, on_end=lambda _, why: ends.put(why))
    line = gateway.listen(Session(id="a" * 32, key=bytes(32), epoch=1), listener)
    try:
        device = phones.scan(_next(updates, "qr")["data"]["code"])
        _next(updates, "connected")
        began_at = time.monotonic()
        former = _usages(line)
        for number in range(times):
            if number == times // 10:
                former = _usages(line)
            phones.drop()
            _next(updates, "connected")
        present, seconds = _usages(line), time.monotonic() - began_at
        phones.write(device, "5511988887777@s.whatsapp.net", {"conversation": "Still there?"})
        assert _next(updates, "message")["data"]["message"] == {"conversation": "Still there?"}
        assert ends.empty(), ends.get()
    finally:
        line.close()
        gateway.close()
    return Reconnects(times, seconds, (former[0], present[0]), (former[1], present[1]))


def _usages(line: WorkerLine) -> tuple[Usage, Usage]:
    return Usage.of(line.pid), Usage.of(os.getpid())


def _next(updates: SimpleQueue[Mapping[str, Any]], event: str) -> Mapping[str, Any]:
    while (update := updates.get(timeout=RETURN_PATIENCE))["event"] != event:
        pass
    return update


@dataclass(frozen=True, slots=True)
class Accounts:
    """What many accounts need in one process, and how long they take: all at once, and one whose worker was killed."""

    count: int
    worker: Usage
    worker_private: int
    hub: Usage
    back_seconds: float
    one_back_seconds: float
    closing_seconds: float

    def rows(self) -> Rows:
        yield (
            f"a worker, at the median of {self.count} accounts",
            f"{self.worker}; {self.worker_private // 1024} MB its own",
        )
        yield f"the process that holds {self.count} accounts", f"{self.hub}"
        yield f"{self.count} accounts back after a restart", f"{self.back_seconds:.1f} s"
        yield "one account back after its worker was killed", f"{self.one_back_seconds:.1f} s"
        yield f"{self.count} accounts closed and sealed", f"{self.closing_seconds:.1f} s"


def hold_many(phones: Phones, directory: Path, count: int) -> Accounts:
    """Pair many accounts, close them all, and open them again."""
    gateway = WorkerGateway(DirectorySnapshots(directory), phones.worker)
    sessions = [Session(id=f"{number:032x}", key=bytes(32), epoch=1) for number in range(count)]
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda line: line.close(), list(pool.map(partial(_paired_line, phones, gateway), sessions))))
            began_at = time.monotonic()
            lines = list(pool.map(partial(_open_again, gateway, epoch=2), sessions))
            back_seconds = time.monotonic() - began_at
            usages = sorted((Usage.of(line.pid) for line in lines), key=lambda usage: usage.memory)
            private, hub = _private(lines[0].pid), Usage.of(os.getpid())
            os.kill(lines[0].pid, signal.SIGKILL)
            began_at = time.monotonic()
            lines[0].close()
            lines[0] = _open_again(gateway, sessions[0], epoch=3)
            one_back_seconds, began_at = time.monotonic() - began_at, time.monotonic()
            list(pool.map(lambda line: line.close(), lines))
            closing_seconds = time.monotonic() - began_at
    finally:
        gateway.close()
    assert not phones.state()["heldTwice"]
    return Accounts(count, usages[count // 2], private, hub, back_seconds, one_back_seconds, closing_seconds)


def _paired_line(phones: Phones, gateway: WorkerGateway, session: Session) -> WorkerLine:
    updates: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
    line = gateway.listen(session, Listener(on_update=updates.put, on_end=lambda _, why: None))
    phones.scan(_next(updates, "qr")["data"]["code"])
    _next(updates, "connected")
    return line


def _open_again(gateway: WorkerGateway, session: Session, epoch: int) -> WorkerLine:
    return gateway.listen(replace(session, epoch=epoch), Listener(lambda _: None, lambda _, why: None))


def _private(pid: int) -> int:
    """Kilobytes that no other process has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def does_not_grow(reconnects: Reconnects) -> None:
    """Threads and files stay as they are, and memory within a tenth: what leaks does so with every connection."""
    for former, present in (reconnects.worker, reconnects.hub):
        assert present.threads <= former.threads + 4, reconnects
        assert present.files <= former.files + 4, reconnects
        assert present.memory <= former.memory * 1.1, reconnects


def _children(pid: int) -> list[int]:
    """None of a process that has ended."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text("ascii").split()]
    except FileNotFoundError:
        return []


def main() -> None:
    rows: list[tuple[str, str]] = []
    scenarios: dict[str, Callable[[Phones, Path], Kills | HandOvers | Reconnects | Accounts]] = {
        "kills": lambda phones, directory: kill_hub(
            phones, directory, kills=5, messages=200, seed=random.SystemRandom().randrange(2**32)
        ),
        "holders": hand_over,
        "reconnects": lambda phones, directory: reconnect(phones, directory, times=1000),
        "accounts": lambda phones, directory: hold_many(phones, directory, count=50),
    }
    if reason := missing(SERVER):
        sys.exit(reason)
    for name in sys.argv[1:] or scenarios:
        with tempfile.TemporaryDirectory() as directory, playing(Path(directory), executable() or "node") as phones:
            figures = scenarios[name](phones, Path(directory) / name)
        sys.stdout.write(f"{figures}\n")
        sys.stdout.flush()
        rows += figures.rows()
        if isinstance(figures, Reconnects):
            does_not_grow(figures)
        if isinstance(figures, HandOvers):
            assert figures.graceful <= 5, figures
            assert figures.killed <= 45, figures
    sys.stdout.write(
        "\n".join(["| what | value |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows), ""])
    )


if __name__ == "__main__":
    main()
