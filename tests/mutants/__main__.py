"""Change the hub in small ways, one at a time, and see whether the tests notice.

    python -m tests.mutants [--since REV | --paths PATH ...] [--sample 100] [--seed N] [--minutes 20]

Without paths: in the files that differ from `--since`, which is where the branch
left main. The first run over a tree records which lines each test runs, which is not bounded by
`--minutes`; the records stay in `.cache/mutants` until the code or the tests change.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tests.mutants import equivalents, forks, recording, signatures
from tests.mutants.choosing import Choice
from tests.mutants.collected import Processes
from tests.mutants.copies import standing_in_a_copy
from tests.mutants.equivalents import Equivalent
from tests.mutants.mutations import Mutation, changed_lines, difference, mutations
from tests.mutants.reporting import Tried, table
from tests.mutants.sampling import shuffled
from tests.mutants.trials import judge

ROOT = Path(__file__).parents[2]
CACHE = Path(".cache/mutants")
PROJECT = ("shared", "functions", "infra")
_RECORDING_SECONDS = 1800.0
"""The longest that the tests of one file may take."""


@dataclass(frozen=True, slots=True)
class Options:
    paths: list[str]
    since: str | None
    kind: str
    tests: list[str]
    sample: int
    seed: int
    minutes: float
    seconds: float
    workers: int


def parse(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--paths", nargs="+", default=[], metavar="PATH", help="folders and files to mutate")
    where.add_argument("--since", metavar="REV", help="mutate what differs from this commit")
    parser.add_argument("--kind", default="", help="only changes of this kind, as they are printed: 'drop an argument'")
    parser.add_argument("--tests", nargs="+", default=["tests"], metavar="PATH", help="ask only these tests")
    parser.add_argument("--sample", type=int, default=100, help="so many mutants at most")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="the same again")
    parser.add_argument("--minutes", type=float, default=20.0, help="begin no mutant after so long")
    parser.add_argument("--seconds", type=float, default=60.0, help="the time that the tests have for one mutant")
    parser.add_argument("--workers", type=int, default=2, help="mutants at a time")
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    paths = list(_python_files(options.paths) if options.paths else _changed_since(options.since or _base()))
    if not paths:
        print("no file of the hub has changed; name some with --paths")
        return 0
    with standing_in_a_copy(ROOT, ROOT / CACHE / "trees") as copy:
        _start_emulators()
        test_files = list(_chosen(recording.test_files(copy), options.tests))
        processes = Processes(test_files, options.workers)
        records = _recorded(copy, test_files, processes, options.workers)
        print(f"{len(paths)} files, seed {options.seed}", flush=True)
        tried = _tried(paths, records, processes, options)
    print(f"\n{table(tried)}")
    return 0


def _python_files(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if not path.startswith(PROJECT) or not (ROOT / path).exists():
            sys.exit(f"{path}: name files and folders in {', '.join(PROJECT)}, from the root of the project")
        files = sorted((ROOT / path).rglob("*.py")) if (ROOT / path).is_dir() else [ROOT / path]
        yield from (str(file.relative_to(ROOT)) for file in files)


def _chosen(test_files: Iterable[Path], paths: Sequence[str]) -> Iterator[Path]:
    yield from (each for each in test_files if any(each.is_relative_to(path) for path in paths))


def _changed_since(revision: str) -> Iterator[str]:
    for path in _git("diff", "--name-only", revision, "--", *PROJECT).splitlines():
        if path.endswith(".py") and (ROOT / path).exists():
            yield path


def _base() -> str:
    """Where the branch left main; on main itself the commit before."""
    main = next(name for name in ("origin/main", "main", "HEAD") if _git("rev-parse", "--verify", "-q", name))
    base = _git("merge-base", "HEAD", main)
    return base if base != _git("rev-parse", "HEAD") else "HEAD~1"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _start_emulators() -> None:
    """Once for all tests, where they can run; they end with this process."""
    from tests.adapters.backends import emulators  # noqa: PLC0415  forked processes must not import the hub with this

    if emulators.missing() is None:
        os.environ["FIRESTORE_EMULATOR_HOST"] = emulators.firestore()  # noqa: TID251  no setting of the hub
        os.environ["PUBSUB_EMULATOR_HOST"] = emulators.pubsub()  # noqa: TID251  no setting of the hub


def _recorded(
    copy: Path, test_files: Sequence[Path], processes: Processes, workers: int
) -> Iterator[recording.Recorded]:
    records = recording.Records(copy, ROOT / CACHE / "records")
    missing = records.missing(test_files)

    def record(test_file: Path) -> None:
        with contextlib.suppress(forks.OutOfTime):
            for passed, failed in processes.record(test_file, _RECORDING_SECONDS):
                records.write(test_file, passed)
                for test in failed:
                    print(f"left out, as it fails without any change: {test}", flush=True)

    if missing:
        print(f"recording which lines the tests of {len(missing)} files run", flush=True)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(record, missing))
    unrecorded = records.missing(test_files)
    for test_file in unrecorded:
        print(f"left out, as its tests do not come to an end: {test_file}", flush=True)
    records.prune(recording.test_files(copy))
    return records.read(set(test_files) - set(unrecorded))


def _tried(
    paths: Sequence[str], records: Iterable[recording.Recorded], processes: Processes, options: Options
) -> list[Tried]:
    """A sample of the mutants; one that counts as none is replaced by another."""
    sources = {str(path): path.read_text("utf-8") for top in PROJECT for path in sorted(Path(top).rglob("*.py"))}
    project = signatures.read((Path(path).stem, source) for path, source in sources.items())
    test_sources = {str(path): path.read_text("utf-8") for path in recording.test_files(Path())}
    choice = Choice(records, sources, test_sources)
    unnoticeable = equivalents.read(equivalents.FILE.read_text("utf-8"))
    possible = (each for path in paths for each in mutations(path, sources[path], project))
    of_kind = [each for each in possible if options.kind in each.change.kind]
    candidates = _mutants(shuffled(of_kind, options.seed), sources, unnoticeable)
    deadline = time.monotonic() + 60 * options.minutes

    def attempt(candidate: tuple[Mutation, str]) -> Tried | None:
        if time.monotonic() > deadline:
            return None
        mutation, mutant = candidate
        result = judge(mutation.path, mutant, choice.tests(mutation), options.seconds, messages=processes.run)
        tried = Tried(mutation, difference(mutation.path, sources[mutation.path], mutant), result)
        print(tried.report, flush=True)
        return tried

    tried: list[Tried] = []
    with ThreadPoolExecutor(options.workers) as pool:
        while batch := list(islice(candidates, options.sample - len(tried))):
            results = [each for each in pool.map(attempt, batch) if each is not None]
            tried += [each for each in results if each.result.verdict.counts]
            if len(results) < len(batch):
                print(f"the {options.minutes:g} minutes are over")
                break
    return tried


def _mutants(
    ordered: Iterable[Mutation], sources: dict[str, str], unnoticeable: Collection[Equivalent]
) -> Iterator[tuple[Mutation, str]]:
    for mutation in ordered:
        source = sources[mutation.path]
        mutant = mutation.mutant(source)
        if mutant is not None:
            lines = changed_lines(difference(mutation.path, source, mutant))
            if Equivalent(mutation.path, mutation.place.scope, lines) not in unnoticeable:
                yield mutation, mutant


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
