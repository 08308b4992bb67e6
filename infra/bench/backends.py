"""The backends that are measured, each as the environments of hubs over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import emulators

Environment = dict[str, str]


@dataclass(frozen=True, slots=True)
class Pressure:
    """How hard a whole hub is pressed: `flood` webhooks as fast as it takes them, then `paced` at `pace` a second."""

    flood: int
    pace: float
    paced: int


@dataclass(frozen=True, slots=True)
class Backend:
    """`empty` gives the environment of a hub that holds nothing yet; each name has one of its own."""

    empty: Callable[[str], Environment]
    pressure: Pressure


def embedded(directory: Path, provider: str) -> Backend:
    """`provider` is the address of a Telegram."""

    def empty(name: str) -> Environment:
        return _common(provider) | {"DATA_DIR": str(directory / name)}

    return Backend(empty, Pressure(flood=2000, pace=200.0, paced=1200))


@contextmanager
def google(provider: str) -> Iterator[Backend]:
    """Google's clients over emulators, which end with the block.

    Raises `OSError` or `RuntimeError`, whose last line tells why, when they cannot run.
    """
    if reason := emulators.missing():
        raise RuntimeError(reason)
    with emulators.running() as variables:

        def empty(name: str) -> Environment:
            project = {"BACKEND": "google", "GOOGLE_CLOUD_PROJECT": f"bench-{name}"}
            return _common(provider) | variables | project

        yield Backend(empty, Pressure(flood=300, pace=10.0, paced=150))


def _common(provider: str) -> Environment:
    return {"TELEGRAM_API_URL": provider, "REPLY_DEBOUNCE_SECONDS": "0"}
