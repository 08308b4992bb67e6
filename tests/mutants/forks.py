"""Functions run in forked processes, in a group of their own that ends with them, with a limit in seconds."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

Work: TypeAlias = Callable[..., None]
"""A function of a module: it gets the connection to send messages on, or several, then the arguments."""

_SERVER = multiprocessing.get_context("forkserver")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def start(loaded: str = "tests.mutants.preloading") -> None:
    """Start the server that forks, with a module loaded that it finds from the working directory it is started in."""
    _SERVER.set_forkserver_preload([loaded])
    forkserver.ensure_running()


class OutOfTime(Exception):
    """The limit was reached, and the process was killed."""


def messages(work: Work, *arguments: Any, seconds: float) -> Iterator[Any]:
    """Yield what the work sends, until it ends; raises `OutOfTime`."""
    reader, writer = _SERVER.Pipe(duplex=False)
    process = _SERVER.Process(target=_run, args=(writer, work, arguments))
    process.start()
    writer.close()
    deadline = time.monotonic() + seconds
    try:
        while reader.poll(max(0.0, deadline - time.monotonic())):
            try:
                yield reader.recv()
            except EOFError:
                return
        raise OutOfTime
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.kill()
        process.join()
        reader.close()


def serve(work: Work, number: int, *arguments: Any) -> list[Connection]:
    """Run work that also receives, over so many connections, which it gets as a list; it ends with this process."""
    pipes = [_SERVER.Pipe() for _ in range(number)]
    _SERVER.Process(target=_run, args=([their_end for _, their_end in pipes], work, arguments), daemon=True).start()
    for _, their_end in pipes:
        their_end.close()
    return [own_end for own_end, _ in pipes]


def lead_a_group() -> None:
    """Have this process lead a group of its own, and end with the process that forked it."""
    os.setsid()
    if sys.platform == "linux":  # the fork server ends with the tool, however that ended, and takes its forks along
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _run(connections: Any, work: Work, arguments: tuple[Any, ...]) -> None:
    lead_a_group()
    sys.dont_write_bytecode = False  # the next process need not compile the project again
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    work(connections, *arguments)
    os._exit(0)  # threads of the tests may still run
