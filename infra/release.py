"""Moving traffic between revisions of the Cloud Run services, with gcloud and nothing else but Python.

    python3 infra/release.py ACTION PROJECT REGION PREFIX [STATE or NAME]

    hold STATE      every service stays with the revision that it has now, whatever is applied
    candidate NAME  a service's newest revision gets an address of its own, which is printed
    promote         the newest revisions get all traffic
    rollback STATE  what was held gets it back

STATE is a file that `hold` writes.
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
class Place:
    """Where the services are; their names begin with the prefix and a dash."""

    project: str
    region: str
    prefix: str


def hold(place: Place, state: Path) -> None:
    """Write down who serves, and keep it serving: what is applied next gets no traffic by itself."""
    serving = {name: revision for name, revision in _serving(place).items() if revision}
    for name, revision in serving.items():
        _update_traffic(place, name, f"--to-revisions={revision}=100")
    state.write_text(json.dumps(serving), "utf-8")


def candidate(place: Place, name: str) -> str:
    """The address of a service's newest revision alone."""
    service = f"{place.prefix}-{name}"
    _update_traffic(place, service, f"--update-tags={TAG}=LATEST")
    described = _gcloud(place, "describe", service, "--format=json")
    return next(str(part["url"]) for part in described["status"]["traffic"] if part.get("tag") == TAG)


def promote(place: Place) -> None:
    for name in _serving(place):
        _update_traffic(place, name, "--to-latest")


def rollback(place: Place, state: Path) -> None:
    """Services that are new since `hold` have nothing to go back to, and stay."""
    for name, revision in json.loads(state.read_text("utf-8")).items():
        _update_traffic(place, name, f"--to-revisions={revision}=100")


def _serving(place: Place) -> dict[str, str | None]:
    """Each service with the revision that most of its traffic goes to; None for one that never got ready."""
    services = _gcloud(place, "list", "--format=json")
    named = {service["metadata"]["name"]: service for service in services}
    return {name: _first(service) for name, service in named.items() if name.startswith(f"{place.prefix}-")}


def _first(service: dict[str, Any]) -> str | None:
    traffic = service.get("status", {}).get("traffic", [])
    shares = {part["revisionName"]: part.get("percent", 0) for part in traffic if "revisionName" in part}
    return max(shares, key=lambda revision: shares[revision]) if shares else None


def _update_traffic(place: Place, service: str, change: str) -> None:
    _gcloud(place, "update-traffic", service, change, "--format=json")


def _gcloud(place: Place, *arguments: str) -> Any:
    where = [f"--project={place.project}", f"--region={place.region}", "--quiet"]
    done = subprocess.run(["gcloud", "run", "services", *arguments, *where], stdout=subprocess.PIPE, check=True)  # noqa: S603, S607 - fixed words, and gcloud is the build step's own
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
