"""Everything that a use case may reach the outside world with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from shared.cache import TTLCache
from shared.config import Settings
from shared.domain.notifications import Notification
from shared.outgoing import Outgoing
from shared.outgoing.concurrency import Slots
from shared.ports.blobs import Blobs
from shared.ports.bus import Bus
from shared.ports.files import Files
from shared.ports.holders import Holders
from shared.ports.machine import Machine
from shared.ports.search import Search
from shared.ports.secrets import Secrets
from shared.ports.snapshots import Snapshots
from shared.ports.store import Store
from shared.security.buckets import Buckets
from shared.security.pacing import Pacer
from shared.security.passwords import Passwords
from shared.security.tally import Tally


@dataclass(frozen=True, slots=True)
class Deps:
    """One value, made once at start and handed to every use case first.

    `owner` names this process in leases. `now` is the clock, in UTC. `refusals` counts the webhooks that were refused,
    `sending` the threads that send for an account. `files` is None where no place for copies of files is set,
    `snapshots` where none for the state of sessions is, `holders` where nothing says which processes hold connections,
    `machine` where the hub does not run on one. `notify` adds a notification unless there is one with its id, and tells
    clients: for what lies below the use cases.
    """

    settings: Settings
    store: Store
    search: Search
    bus: Bus
    secrets: Secrets
    http: Outgoing
    cache: TTLCache
    now: Callable[[], datetime]
    owner: str
    buckets: Buckets
    blobs: Blobs
    sending: Slots
    notify: Callable[[Deps, Notification], None]
    files: Files | None = None
    snapshots: Snapshots | None = None
    holders: Holders | None = None
    machine: Machine | None = None
    pacer: Pacer = field(default_factory=Pacer)
    passwords: Passwords = field(default_factory=Passwords)
    refusals: Tally = field(default_factory=Tally)
