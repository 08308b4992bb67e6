"""Whether a deployed hub does its work, asked from outside, with nothing but Python.

    python3 infra/smoke.py https://hub.example.com

Ends with status 0, or with 1 and a line for each answer that was wrong.
"""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

PATIENCE: Final = 120.0
"""Seconds for all of it: a first instance has to start, and a load balancer hears of a new service late."""

_TIMEOUT: Final = 15.0
_PAUSE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """A request that changes nothing, and the status that it must be answered with."""

    method: str
    path: str
    status: int
    contains: str = ""


CHECKS: Final = (
    Check("GET", "/health/live", 200),
    # The store answers.
    Check("GET", "/health/ready", 200, "healthy"),
    Check("GET", "/capabilities", 200),
    Check("GET", "/api/v1/openapi.json", 200, "openapi"),
    Check("GET", "/widget/embed.js", 200),
    Check("GET", "/console", 200),
    # Each dialect is there, and closed.
    Check("GET", "/api/auth/me", 401),
    Check("GET", "/api/v1/instances", 401),
    Check("GET", "/api/health", 401),
    Check("GET", "/api/forge/config", 401),
    Check("GET", "/sessions/active", 401),
    # Providers get through, and an unknown instance is looked for in the store.
    Check("POST", "/webhook/telegram_bot/smoke-test", 404, "request_id"),
    Check("GET", "/no-such-path", 404, "request_id"),
)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or urlsplit(arguments[0]).scheme not in ("http", "https"):
        sys.stderr.write("give the address of the hub\n")
        return 2
    wrong = list(failures(arguments[0], PATIENCE))
    sys.stdout.writelines(f"{line}\n" for line in wrong or [f"all {len(CHECKS)} answers are right"])
    return 1 if wrong else 0


def failures(url: str, patience: float) -> Iterator[str]:
    """What is still wrong after so many seconds, one line each."""
    deadline = time.monotonic() + patience
    for check in CHECKS:
        problem = _problem(url, check)
        while problem and time.monotonic() < deadline:
            time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
            problem = _problem(url, check)
        if problem:
            yield f"{check.method} {check.path}: {problem}"


def _problem(url: str, check: Check) -> str | None:
    parts = urlsplit(url)
    connected = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connected(parts.netloc, timeout=_TIMEOUT)
    try:
        connection.request(check.method, check.path, b"{}" if check.method == "POST" else None, _HEADERS)
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    if answer.status != check.status:
        return f"{answer.status} instead of {check.status}"
    return None if check.contains in body else f"an answer without {check.contains!r}"


_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "hub-smoke-test"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
