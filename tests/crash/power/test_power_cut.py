"""The power fails: what the embedded backend has acknowledged is there when it is back, whole and readable.

A run is recorded, and the disk as a cut would have left it is looked at for
many moments of it.
"""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from shared.deps import Deps
from shared.domain.events import Event, InboundEvent, Topic
from shared.ports.store import Ref
from tests.crash.power import work
from tests.crash.power.disk import Disk, Image, Kind, Record, restore
from tests.crash.power.recording import Recording
from tests.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CUTS = 20


@pytest.fixture
def recording(tmp_path: Path, recorder: Path) -> Recording:
    root = tmp_path / "disk"
    root.mkdir()
    return Recording(recorder, root, tmp_path / "records")


def _work(recording: Recording, acknowledgements: str, *number: str) -> list[Record]:
    paths = [str(recording.root / name) for name in ("data", acknowledgements)]
    return recording.records_of("-m", "tests.crash.power.work", *paths, *number)


def test_a_cut_at_any_moment_takes_nothing_that_was_acknowledged(
    recording: Recording, tmp_path: Path, seed: int
) -> None:
    disk, chance = Disk(recording.root), Random(seed)
    records = _work(recording, "acknowledged")
    moments = _moments(records, chance)
    for moment, record in enumerate(records):
        disk.follow(record)
        if moment in moments:
            survival = chance.choice([0.0, 0.5, 0.9])
            why = f"seed {seed}, moment {moment} of {len(records)}, survival {survival}"
            _look(disk, tmp_path / "after", chance, survival, why)
    assert _seen(disk) == _seen(Disk(recording.root)), "there is something that the recorder does not see"


def test_what_a_process_made_and_did_not_live_to_sync_is_kept_by_the_next(recording: Recording, tmp_path: Path) -> None:
    disk = Disk(recording.root)
    _follow_without_names(disk, _work(recording, "forgotten", "0"))
    for record in _work(recording, "acknowledged", "1"):
        disk.follow(record)
    _look(disk, tmp_path / "after", Random(), survival=0.0, why="names were not kept")


def test_a_key_is_kept_before_anything_is_sealed_with_it_whoever_made_it(recording: Recording, tmp_path: Path) -> None:
    disk = Disk(recording.root)
    path = recording.root / "secrets.key"
    code = "import pathlib, sys; from shared.security.sealed import load_key; load_key(pathlib.Path(sys.argv[1]))"
    _follow_without_names(disk, recording.records_of("-c", code, str(path)))
    for record in recording.records_of("-c", code, str(path)):
        disk.follow(record)
    restore(disk.after_a_cut(Random(), survival=0.0), tmp_path / "after")
    assert (tmp_path / "after" / "secrets.key").read_bytes() == path.read_bytes()


def _follow_without_names(disk: Disk, records: list[Record]) -> None:
    """As if the process had been killed each time before it could sync a directory."""
    for record in records:
        if not (record.kind is Kind.SYNCED and stat.S_ISDIR(record.mode)):
            disk.follow(record)


def _moments(records: list[Record], chance: Random) -> set[int]:
    """Some of all, and some of those at which a name was changed or the database itself was written."""
    database = {each.inode for each in records if each.path.endswith("hub.db")}
    changes = (Kind.NAMED, Kind.RENAMED, Kind.REMOVED)
    rare = [n for n, each in enumerate(records) if each.kind in changes or each.inode in database]
    return {*chance.sample(rare, CUTS), *chance.sample(range(len(records)), CUTS)}


def _seen(disk: Disk) -> Image:
    """Without what is mapped into memory, which nobody needs to keep."""
    return {path: entry for path, entry in disk.as_it_is().items() if not path.endswith("-shm")}


def _look(disk: Disk, after: Path, chance: Random, survival: float, why: str) -> None:
    acknowledged = _acknowledged(disk)
    restore(disk.after_a_cut(chance, survival), after)
    with work.opened(after / "data") as deps:
        assert _missing(deps, acknowledged) == [], why
        assert _halves(deps) == [], why
        assert _damaged_files(deps) == [], why
    with closing(sqlite3.connect(after / "data" / "hub.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], why


def _acknowledged(disk: Disk) -> list[tuple[str, str]]:
    """Kind and name of all that the process was told is safe. It was told so, whatever the disk has kept of that."""
    _, lines = disk.as_it_is().get("acknowledged", (0, b""))
    return [(kind, name) for kind, _, name in (line.partition(" ") for line in (lines or b"").decode().splitlines())]


def _missing(deps: Deps, acknowledged: list[tuple[str, str]]) -> list[tuple[str, str]]:
    events = _published(deps, sum(kind == "event" for kind, _ in acknowledged))

    def is_there(kind: str, name: str) -> bool:
        match kind:
            case "commit":
                return len(deps.store.get([Ref("left", name), Ref("right", name)])) == 2
            case "large":
                document = Ref("large", str(int(name) % work.REWRITTEN))
                return int(deps.store.get([document])[document].data["number"]) >= int(name)
            case "secret":
                return deps.secrets.read(name) == {"token": name}
        return name in events

    return [each for each in acknowledged if not is_there(*each)]


def _published(deps: Deps, most: int) -> set[str]:
    """The names of the events that a consumer gets, as soon as there are so many or a while has passed."""
    names: set[str] = set()

    def consume(event: Event) -> None:
        assert isinstance(event, InboundEvent)
        names.add(event.instance_id)

    stop = deps.bus.consume({Topic.INBOUND: consume})
    with suppress(AssertionError):
        eventually(lambda: len(names) >= most, timeout=30)
    stop()
    return names


def _halves(deps: Deps) -> list[str]:
    """What is left of commits that were not carried out as a whole."""
    left, right = ({each.id for each in deps.store.find(name, limit=1000).documents} for name in ("left", "right"))
    return sorted(left ^ right)


def _damaged_files(deps: Deps) -> list[str]:
    names = [str(number) for number in range(work.ROUNDS)]
    return [name for name in names if deps.blobs.get(name) not in (None, work.blob(name))]
