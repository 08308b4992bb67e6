"""From settings to `Deps`: the only place that chooses adapters."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from shared import spans
from shared.cache import TTLCache
from shared.config import Settings
from shared.deps import Deps
from shared.domain.events import Topic
from shared.domain.notifications import Notification
from shared.errors import ConfigurationInvalid
from shared.outgoing import Outgoing
from shared.outgoing.concurrency import Slots
from shared.ports.blobs import Blobs
from shared.ports.bus import Bus, Consumer, Feed
from shared.ports.files import Files
from shared.ports.holders import Holders
from shared.ports.machine import Backup, Machine
from shared.ports.search import Search
from shared.ports.secrets import Secrets
from shared.ports.snapshots import Snapshots
from shared.ports.store import Store
from shared.security.buckets import Buckets


def utc_now() -> datetime:
    return datetime.now(UTC)


def bootstrap(settings: Settings, *, durable: bool = True) -> Deps:
    """Open the backend that the settings name.

    Raises `ConfigurationInvalid` when it cannot be opened, and when it holds secrets that nothing opens any more,
    unless `ACCEPT_LOST_SECRETS` says to go on; the channels whose secrets they are then are in error. Also raises it
    for keys that do not belong together.
    Tests that cut no power do without `durable`: then SQLite does not wait for the disk.
    """
    _check_key_pair(settings)
    spans.start(settings)
    backend = _google(settings) if settings.backend == "google" else _embedded(settings, durable)
    store, search, bus, vault, blobs, files, snapshots, holders, machine = backend
    deps = Deps(
        settings=settings,
        store=store,
        search=search,
        bus=bus,
        secrets=vault,
        http=Outgoing(settings),
        cache=TTLCache(time.monotonic),
        now=utc_now,
        owner=secrets.token_hex(8),
        buckets=Buckets(time.monotonic),
        blobs=blobs,
        sending=Slots(settings.threads),
        notify=_notify,
        files=files,
        snapshots=snapshots,
        holders=holders,
        machine=machine,
    )
    if settings.backend == "embedded":
        try:
            _check_secrets(deps)
        except ConfigurationInvalid:
            close(deps)
            raise
    return deps


def _notify(deps: Deps, notification: Notification) -> None:
    from shared.usecases.reporting.notifications import notify_once  # noqa: PLC0415 - costs cold start, and is rare

    notify_once(deps, notification)


def _check_secrets(deps: Deps) -> None:
    from shared.adapters.embedded.secrets import SealedSecrets  # noqa: PLC0415 - one backend is loaded, not both

    names = deps.secrets.unreadable() if isinstance(deps.secrets, SealedSecrets) else []
    if not names:
        return
    if not deps.settings.accept_lost_secrets:
        raise ConfigurationInvalid(
            f"DATA_DIR: {len(names)} secrets in it were not sealed with {deps.settings.data_dir / 'secrets.key'}. "
            "Put the right file there, or set ACCEPT_LOST_SECRETS=true and enter the channels' credentials again"
        )
    from shared.usecases.instances import lost_secrets  # noqa: PLC0415 - needed once in the life of a deployment

    lost_secrets.mark(deps, names)


def _check_key_pair(settings: Settings) -> None:
    private, public = settings.jwt_private_key, settings.jwt_public_key
    if private is None or public is None:
        return
    from shared.security.tokens import Ed25519Key  # noqa: PLC0415 - few processes have both, and it costs cold start

    if Ed25519Key(private.get_secret_value()).public.raw != public:
        raise ConfigurationInvalid("JWT_PUBLIC_KEY: is not the public key of JWT_PRIVATE_KEY")


_Backend: TypeAlias = tuple[
    Store, Search, Bus, Secrets, Blobs, Files | None, Snapshots | None, Holders | None, Machine | None
]


def _embedded(settings: Settings, durable: bool) -> _Backend:
    from shared.adapters.embedded.blobs import FileBlobs  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.bus import SqliteBus  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.engine.database import Database  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.files import DirectoryFiles  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.holders import OneHolder  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.machine import DirectoryMachine  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.search import SqliteSearch  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.secrets import SealedSecrets  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.snapshots import DirectorySnapshots  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.embedded.store import SqliteStore  # noqa: PLC0415 - one backend is loaded, not both

    database = Database(settings.data_dir, synchronous="FULL" if durable else "OFF")
    bus = SqliteBus(database, min_backoff=settings.retry_min_seconds, max_backoff=settings.retry_max_seconds)
    vault = SealedSecrets(database, settings.data_dir / "secrets.key")
    blobs = FileBlobs(settings.data_dir / "blobs", utc_now)
    reserve = settings.disk_reserve_mb * 1024 * 1024
    files = DirectoryFiles(settings.data_dir / "files", reserve)
    snapshots = DirectorySnapshots(settings.data_dir / "sessions")
    machine = DirectoryMachine(database, settings.data_dir, reserve)
    return SqliteStore(database), SqliteSearch(database), bus, vault, blobs, files, snapshots, OneHolder(), machine


def _google(settings: Settings) -> _Backend:
    from shared.adapters.google.blobs import BucketBlobs, NoBlobs  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.google.bucket import Bucket  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.google.bus import PubSubBus  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.google.files import BucketFiles  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.google.holders import WorkerPoolHolders  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.google.search import FirestoreSearch  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.google.secrets import SecretManagerSecrets  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.google.snapshots import BucketSnapshots  # noqa: PLC0415 - one backend is loaded, not both
    from shared.adapters.google.store import FirestoreStore  # noqa: PLC0415 - one backend is loaded, not both

    project = settings.google_cloud_project or ""

    def bucket(name: str) -> Bucket:
        return Bucket(name, settings.storage_emulator_host)

    store = FirestoreStore(project, settings.firestore_database, emulator_host=settings.firestore_emulator_host)
    return (
        store,
        FirestoreSearch(store),
        PubSubBus(project, emulator_host=settings.pubsub_emulator_host),
        SecretManagerSecrets(project, endpoint=settings.secret_manager_emulator_host),
        BucketBlobs(bucket(settings.media_bucket), utc_now) if settings.media_bucket else NoBlobs(),
        BucketFiles(bucket(settings.files_bucket)) if settings.files_bucket else None,
        BucketSnapshots(bucket(settings.sessions_bucket)) if settings.sessions_bucket else None,
        WorkerPoolHolders(settings.holders_pool, settings.holders_max, settings.cloud_run_emulator_host)
        if settings.holders_pool
        else None,
        None,
    )


def restore(settings: Settings, archive: Path) -> Backup:
    """Fill an empty `DATA_DIR` with a backup; raises `Collision`, `BadRequest`, on Google `ConfigurationInvalid`."""
    if settings.backend != "embedded":
        raise ConfigurationInvalid("BACKEND: must be embedded; Firestore has backups of its own (terraform/README.md)")
    from shared.adapters.embedded import archive as archives  # noqa: PLC0415 - one backend is loaded, not both

    members = archives.restore(archive, settings.data_dir).members.values()
    return Backup(len(members), sum(member.size for member in members))


def ensure_emulated_topics(settings: Settings) -> None:
    """Make on the Pub/Sub emulator what the local runner pulls from; on Google Cloud deployment does that."""
    if settings.backend != "google" or settings.pubsub_emulator_host is None:
        return
    from shared.adapters.google.pubsub import PubSub, ensure_topics  # noqa: PLC0415 - one backend is loaded, not both

    pubsub = PubSub(settings.google_cloud_project or "", emulator_host=settings.pubsub_emulator_host)
    ensure_topics(pubsub, ack_deadline=60)
    pubsub.close()


def feed(deps: Deps, topic: Topic, consumer: Consumer) -> Feed:
    """Hand all of a topic's events to this process as well, whoever else has them, until the feed is closed.

    Raises `ConfigurationInvalid` on the embedded backend, which one process has to itself.
    """
    if deps.settings.backend != "google":
        raise ConfigurationInvalid("BACKEND: must be google; on one machine infra.local.serve does it all")
    from shared.adapters.google.bus import PubSubBus  # noqa: PLC0415 - one backend is loaded, not both

    if not isinstance(deps.bus, PubSubBus):
        raise ConfigurationInvalid("BACKEND: the bus is not Pub/Sub")
    return deps.bus.feed(topic, consumer, name=deps.owner)


def close(deps: Deps) -> None:
    """Let go of everything that `bootstrap` opened."""
    deps.bus.close()
    deps.store.close()
    deps.secrets.close()
    deps.http.close()
    deps.blobs.close()
    for port in (deps.files, deps.snapshots, deps.holders):
        if port is not None:
            port.close()
