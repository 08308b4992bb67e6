"""A process that has imported the project and collected all tests, and forks itself for each mutant.

Importing costs three seconds of a processor, most tests a tenth of one. A mutant of what is in a function needs no
import: the functions that exist get its code. Whatever else a mutant changes, or runs during the imports, is left to
a process that imports it (`trials.imported`).
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Queue
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeAlias

import pytest

from tests.mutants import forks, recording
from tests.mutants.recording import PYTEST, Recorder
from tests.mutants.trials import Finder, Trial, imported

_READY, _ENDED, _OUT_OF_TIME, _NEEDS_IMPORT = "ready", "ended", "out of time", "needs import"

Code: TypeAlias = tuple[str, str, int]
"""A function's file, qualified name and first line."""


class Processes:
    """So many such processes; each does one thing at a time."""

    def __init__(self, test_files: Sequence[Path], number: int) -> None:
        self._idle: Queue[Connection] = Queue()
        for connection in forks.serve(_collect, number, [str(each) for each in test_files]):
            self._idle.put(connection)

    def record(self, test_file: Path, seconds: float) -> Iterator[Any]:
        """As `recording.record` sends it. Raises `forks.OutOfTime`."""
        yield from self._messages("record", str(test_file), seconds=seconds)

    def run(
        self, path: str, mutant: str, limits: Mapping[str, float], seconds: float
    ) -> Iterator[tuple[str, str] | None]:
        """As `trials.Messages`."""
        deadline = time.monotonic() + seconds
        for message in self._messages("attempt", path, mutant, dict(limits), seconds=seconds):
            if message == _NEEDS_IMPORT:
                break
            yield message
        else:
            return
        yield from imported(path, mutant, limits, deadline - time.monotonic())

    def _messages(self, *request: Any, seconds: float) -> Iterator[Any]:
        with self._one() as connection:
            connection.send((request, seconds))
            while (message := connection.recv()) != _ENDED:
                if message == _OUT_OF_TIME:
                    raise forks.OutOfTime
                yield message

    @contextmanager
    def _one(self) -> Iterator[Connection]:
        connection = self._idle.get()
        while connection.recv() != _READY:
            pass
        try:
            yield connection
        finally:
            connection.send(_ENDED)
            self._idle.put(connection)


def _collect(connections: list[Connection], test_files: list[str]) -> None:
    server = _Server(connections)
    sys.setprofile(server.note_call)
    pytest.main([*PYTEST, "--continue-on-collection-errors", *test_files], plugins=[server])


@dataclass(eq=False)
class _Server:
    """A plugin of pytest that does in forks what it is asked for; each connection is served by a process of its own."""

    connections: list[Connection]
    functions: dict[Code, list[FunctionType]] = field(default_factory=lambda: defaultdict(list))
    ran_at_import: dict[int, CodeType] = field(default_factory=dict)

    def note_call(self, frame: FrameType, event: str, argument: object) -> None:
        self.ran_at_import[id(frame.f_code)] = frame.f_code

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        sys.setprofile(None)
        for each in gc.get_objects():
            if isinstance(each, FunctionType):
                self.functions[_key(each.__code__)].append(each)
        gc.freeze()
        fork = _Fork(session, self.functions, {_key(code) for code in self.ran_at_import.values()})
        connection, *others = self.connections
        for other in others:
            if not os.fork():
                forks.lead_a_group()
                connection = other
                break
        with suppress(EOFError):
            while True:
                connection.send(_READY)
                (kind, *arguments), seconds = connection.recv()
                _relay(connection, getattr(fork, kind), arguments, seconds)
        os._exit(0)


@dataclass(eq=False)
class _Fork:
    """What a fork does with the tests that were collected."""

    session: pytest.Session
    functions: Mapping[Code, list[FunctionType]]
    ran_at_import: set[Code]

    def record(self, writer: Connection, test_file: str) -> None:
        items = [item for item in self.session.items if item.nodeid.partition("::")[0] == test_file]
        recorder = Recorder(recording.started())
        self.session.config.pluginmanager.register(recorder)
        for item, following in _with_following([item for item in items if not recording.on_processes(item)]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        recorder.send(writer)

    def attempt(self, writer: Connection, path: str, mutant: str, limits: Mapping[str, float]) -> None:
        finder = Finder(path, mutant)
        if finder.module not in sys.modules:
            sys.meta_path.insert(0, finder)
        elif not self._give(path, mutant):
            writer.send(_NEEDS_IMPORT)
            return
        self.session.config.pluginmanager.register(Trial(writer, limits))
        collected = {item.nodeid: item for item in self.session.items}
        items = [collected[test] for test in limits if test in collected]
        for item, following in _with_following(items):
            item.add_marker(pytest.mark.timeout(limits[item.nodeid]))
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.session.testsfailed:
                return

    def _give(self, path: str, mutant: str) -> bool:
        """Give the mutant's code to the module's functions; whether that makes the module the mutant."""
        location = str(Path(path).absolute())
        before = _codes(compile(Path(path).read_text("utf-8"), location, "exec", dont_inherit=True))
        after = _codes(compile(mutant, location, "exec", dont_inherit=True))
        changes = [
            (code, after[name]) for name, code in before.items() if name in after and not _same(code, after[name])
        ]
        functions = [(function, new) for code, new in changes for function in self.functions.get(_key(code), ())]
        if any(_key(code) in self.ran_at_import for code, _ in changes if _key(code) in self.functions):
            return False
        if any(len(function.__code__.co_freevars) != len(new.co_freevars) for function, new in functions):
            return False
        for function, new in functions:
            function.__code__ = new
        return bool(functions)


def _relay(connection: Connection, work: Callable[..., None], arguments: list[Any], seconds: float) -> None:
    """Pass on what a fork says, until it ends, its time is over, or nobody wants to hear more."""
    reader, writer = Pipe(duplex=False)
    process_id = os.fork()
    if not process_id:
        try:
            forks.lead_a_group()
            work(writer, *arguments)
            writer.close()
        finally:
            os._exit(0)  # threads of the tests may still run
    writer.close()
    deadline = time.monotonic() + seconds
    try:
        _pass_on(reader, connection, deadline)
    finally:
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(process_id, signal.SIGKILL)
        os.waitpid(process_id, 0)
        reader.close()
    while connection.recv() != _ENDED:
        pass


def _pass_on(reader: Connection, connection: Connection, deadline: float) -> None:
    while not connection.poll():
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            connection.send(_OUT_OF_TIME)
            return
        if reader.poll(min(0.2, remaining)):
            try:
                connection.send(reader.recv())
            except EOFError:
                connection.send(_ENDED)
                return


def _with_following(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return ((item, following) for item, following in zip_longest(items, items[1:]) if item is not None)


def _key(code: CodeType) -> Code:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _codes(module: CodeType) -> dict[tuple[str, int], CodeType]:
    """The code objects in a module, by qualified name and how many of that name stand before."""
    codes: dict[tuple[str, int], CodeType] = {}
    numbers: Counter[str] = Counter()

    def walk(code: CodeType) -> None:
        for each in code.co_consts:
            if isinstance(each, CodeType):
                codes[each.co_qualname, numbers[each.co_qualname]] = each
                numbers[each.co_qualname] += 1
                walk(each)

    walk(module)
    return codes


def _same(code: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same, wherever they stand."""
    return _contents(code) == _contents(other)


def _contents(code: CodeType) -> tuple[object, ...]:
    constants = tuple(_contents(each) if isinstance(each, CodeType) else (type(each), each) for each in code.co_consts)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_code, code.co_exceptiontable, names, constants)
