"""Moving traffic between revisions of the Cloud Run services, and instances between those of the worker pools.

    python3 infra/release.py ACTION PROJECT REGION PREFIX [STATE or NAME]

    hold STATE      everything stays with the revision that it has now, whatever is applied
    candidate NAME  a service's newest revision gets an address of its own, which is printed
    promote         the newest revisions get all traffic and instances
    rollback STATE  what was held gets them back

STATE is a file that `hold` writes. This needs gcloud and nothing else but Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TAG: Final = "candidate"


@dataclass(frozen=True, slots=True)
class Kind:
    """What gcloud calls a kind of deployment, the command that moves its shares, and their name in its status."""

    group: tuple[str, ...]
    move: str
    shares: str


SERVICES: Final = Kind(("run", "services"), "update-traffic", "traffic")
POOLS: Final = Kind(("beta", "run", "worker-pools"), "update-instance-split", "instanceSplits")
"""https://docs.cloud.google.com/run/docs/managing/workerpool-instance-splits-rollbacks"""

KINDS: Final = {"services": SERVICES, "pools": POOLS}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the services and worker pools are; their names begin with the prefix and a dash."""

    project: str
    region: str
    prefix: str


def hold(place: Place, state: Path) -> None:
    """Write down what serves, and keep it serving: what is applied next gets nothing by itself."""
    revisions: dict[str, dict[str, str]] = {}
    for kind_name, kind in KINDS.items():
        revisions[kind_name] = {name: revision for name, revision in _serving(place, kind).items() if revision}
        for name, revision in revisions[kind_name].items():
            _move(place, kind, name, f"--to-revisions={revision}=100")
    state.write_text(json.dumps(revisions), "utf-8")


def candidate(place: Place, name: str) -> str:
    """The address of a service's newest revision alone."""
    service = f"{place.prefix}-{name}"
    _move(place, SERVICES, service, f"--update-tags={TAG}=LATEST")
    described = _gcloud(place, SERVICES, "describe", service, "--format=json")
    return next(str(part["url"]) for part in described["status"]["traffic"] if part.get("tag") == TAG)


def promote(place: Place) -> None:
    for kind in KINDS.values():
        for name in _serving(place, kind):
            _move(place, kind, name, "--to-latest")


def rollback(place: Place, state: Path) -> None:
    """What is new since `hold` has nothing to go back to, and stays."""
    for kind_name, revisions in json.loads(state.read_text("utf-8")).items():
        for name, revision in revisions.items():
            _move(place, KINDS[kind_name], name, f"--to-revisions={revision}=100")


def _serving(place: Place, kind: Kind) -> dict[str, str | None]:
    """Each name with the revision that has the largest share; None for one that never got ready."""
    deployed = _gcloud(place, kind, "list", "--format=json")
    named = {each["metadata"]["name"]: each.get("status", {}).get(kind.shares, []) for each in deployed}
    return {name: _first(shares) for name, shares in named.items() if name.startswith(f"{place.prefix}-")}


def _first(shares: Sequence[dict[str, Any]]) -> str | None:
    percents = {share["revisionName"]: share.get("percent", 0) for share in shares if "revisionName" in share}
    return max(percents, key=lambda revision: percents[revision]) if percents else None


def _move(place: Place, kind: Kind, name: str, change: str) -> None:
    _gcloud(place, kind, kind.move, name, change, "--format=json")


def _gcloud(place: Place, kind: Kind, *arguments: str) -> Any:
    where = [f"--project={place.project}", f"--region={place.region}", "--quiet"]
    done = subprocess.run(["gcloud", *kind.group, *arguments, *where], stdout=subprocess.PIPE, check=True)  # noqa: S603, S607 - fixed words, and gcloud is the build step's own
    return json.loads(done.stdout or b"null")


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["hold", project, region, prefix, state]:
            hold(Place(project, region, prefix), Path(state))
        case ["candidate", project, region, prefix, name]:
            sys.stdout.write(candidate(Place(project, region, prefix), name) + "\n")
        case ["promote", project, region, prefix]:
            promote(Place(project, region, prefix))
        case ["rollback", project, region, prefix, state]:
            rollback(Place(project, region, prefix), Path(state))
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
