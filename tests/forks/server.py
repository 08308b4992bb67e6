"""A process that has loaded the hub and forks itself into its programs.

    python -m tests.forks.server <descriptor of a Unix socket>

Each order on the socket is a line of JSON and comes with three descriptors: standard output, standard error, and where
the fate of the program is written: a line with its process id and, when it has ended, one with its exit status. The
server ends when the other end of the socket is closed.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from importlib import import_module
from pkgutil import resolve_name
from typing import Any, NoReturn

_LOADED = (
    "functions.deliver.main",
    "functions.normalize.main",
    "functions.reply.main",
    "functions.tick.main",
    "google.cloud.firestore_v1",
    "google.cloud.pubsub_v1",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "infra.holders.__main__",
    "infra.local.serve",
    "infra.sockets.__main__",
    "requests",
    "shared.adapters.embedded",
    "shared.adapters.google.bus",
    "shared.adapters.google.store",
)
"""What takes long to load. Nothing here reads the environment or starts a thread when it is loaded."""


def main() -> None:
    """Serve orders; returns when there are no more, or ends as one of the programs."""
    for name in _LOADED:
        import_module(name)
    import_module("functions.hub.main").blueprints()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that write fates
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        while True:
            line, descriptors = _next_order(orders)
            if not line:
                return
            if os.fork() == 0:
                break
            for descriptor in descriptors:
                os.close(descriptor)
    _run(json.loads(line), *descriptors)


def _next_order(orders: socket.socket) -> tuple[bytes, list[int]]:
    """Nothing at the end."""
    line, descriptors, *_ = socket.recv_fds(orders, 65536, 3)
    while line and not line.endswith(b"\n"):
        line += orders.recv(65536)
    return line, descriptors


def _run(order: dict[str, Any], output: int, errors: int, fate: int) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        os.close(output)
        os.close(errors)
        os.write(fate, b"%d\n" % pid)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(fate, b"%d\n" % status)
        os._exit(0)
    os.close(fate)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.chdir(order["directory"])
    environment = os.environ  # noqa: TID251  the program's, which reads its settings there
    environment.clear()
    environment.update(order["environment"])
    sys.argv = [order["program"], *order["arguments"]]
    sys.exit(resolve_name(order["program"])())


if __name__ == "__main__":
    main()
