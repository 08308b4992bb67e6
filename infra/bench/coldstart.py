"""From starting a function's process to its first answer, against a function that does nothing; and what it imports.

Ours are started as their image starts them, the other one as functions-framework starts any function.
"""

from __future__ import annotations

import base64
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from infra.bench.backends import Environment
from infra.bench.processes import HELLO, ROOT, first_answer, framework_served, served
from shared.domain.events import EndpointEvent, Event, InboundEvent, OutboundEvent, ReplyEvent

ROUNDS = 5
_IMPORTED = re.compile(r"import time:\s+(\d+) \|")
_TENANT = "bench"
_KEY = "the owner's"


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds of the median start; `ratio` is the median of the ratios to a hello-world started right before.

    `work` is the ratio of processor time, which a busy machine changes less;
    `imports` is seconds spent importing the function's module.
    """

    seconds: float
    ratio: float
    work: float
    imports: float


@dataclass(frozen=True, slots=True)
class _Taken:
    """One start: seconds until the answer, and processor seconds until the end."""

    seconds: float
    work: float


def _pushed(event: Event) -> dict[str, object]:
    data = base64.b64encode(event.model_dump_json().encode()).decode()
    return {"message": {"data": data, "messageId": "1"}, "subscription": "bench"}


def _requests(webhook_path: str) -> dict[str, tuple[str, str, object]]:
    """For each function a request of its own kind: what has to be there before it can be answered is part of it."""
    received = "2026-01-01T00:00:00Z"
    inbound = InboundEvent.model_validate(
        {"tenant_id": _TENANT, "instance_id": "x", "channel": "telegram_bot", "payload": {}, "received_at": received}
    )
    return {
        "webhooks": ("POST", webhook_path, {"update_id": 1}),
        "normalize": ("POST", "/", _pushed(inbound)),
        "reply": ("POST", "/", _pushed(ReplyEvent(tenant_id=_TENANT, conversation_id="x", message_id="y"))),
        "deliver": ("POST", "/", _pushed(OutboundEvent(tenant_id=_TENANT, conversation_id="x"))),
        "announce": ("POST", "/", _pushed(EndpointEvent(tenant_id=_TENANT, endpoint_id="x", lane="y"))),
        "tick": ("POST", "/", {}),
        "omnichat": ("GET", "/api/conversations", None),
        "omnihub": ("GET", "/api/v1/instances", None),
        "dashboard": ("GET", "/sessions/active", None),
        "omega": ("GET", "/api/health", None),
        "forge": ("GET", "/api/forge/config", None),
        "widget": ("GET", "/widget/embed.js", None),
        "console": ("GET", "/console", None),
        "hub": ("GET", "/api/conversations", None),
    }


def measure(environment: Environment, webhook_path: str, log: Path) -> dict[str, Start]:
    """The functions take turns, each right after the hello-world that it is held against.

    `webhook_path` is that of a bot which the hub of `environment` has.
    """
    starts: dict[str, list[tuple[_Taken, _Taken]]] = {}
    variables = {**environment, "API_KEY": _KEY}
    for _ in range(ROUNDS):
        for name, request in _requests(webhook_path).items():
            hello = _start(partial(framework_served, HELLO, variables, log), ("GET", "/", None))
            source = ROOT / "functions" / name / "main.py"
            function = _start(partial(served, source, variables, log), request)
            starts.setdefault(name, []).append((function, hello))
    return {
        name: Start(
            seconds=median(function.seconds for function, _ in pairs),
            ratio=median(function.seconds / hello.seconds for function, hello in pairs),
            work=median(function.work / hello.work for function, hello in pairs),
            imports=_import_seconds(f"functions.{name}.main"),
        )
        for name, pairs in starts.items()
    }


def _start(server: Callable[[], AbstractContextManager[int]], request: tuple[str, str, object]) -> _Taken:
    worked = _worked()
    started = time.perf_counter()
    with server() as port:
        status = first_answer(port, *request, {"X-API-Key": _KEY})
        seconds = time.perf_counter() - started
    if status >= 400:
        raise RuntimeError(f"{request[:2]} was answered with {status}")
    return _Taken(seconds, _worked() - worked)


def _worked() -> float:
    """Processor seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _import_seconds(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return sum(int(microseconds) for microseconds in _IMPORTED.findall(done.stderr)) / 1e6
