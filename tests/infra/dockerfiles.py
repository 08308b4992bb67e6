"""Reads Dockerfiles, and executes them in a directory instead of an image."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "infra" / "images"


@dataclass(frozen=True, slots=True)
class Instruction:
    word: str
    rest: str


@dataclass(slots=True)
class Stage:
    """The instructions between two FROM lines."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [instruction.rest for instruction in self.instructions if instruction.word == word]

    def environment(self) -> dict[str, str]:
        pairs = [pair.partition("=") for rest in self.all("ENV") for pair in rest.split()]
        return {name: value for name, _, value in pairs}

    def command(self) -> list[str]:
        command: list[str] = json.loads(self.all("CMD")[-1])
        return command


def stages(name: str) -> list[Stage]:
    """The stages of `infra/images/<name>.Dockerfile`."""
    parsed_stages: list[Stage] = []
    for line in (IMAGES / f"{name}.Dockerfile").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, alias = rest.partition(" AS ")
            parsed_stages.append(Stage(base, alias))
        else:
            parsed_stages[-1].instructions.append(Instruction(word, rest))
    return parsed_stages


def copy(name: str, app: Path) -> None:
    """Only the files that the image gets."""
    for rest in stages(name)[0].all("COPY"):
        _copy(rest, app)


def build(name: str, root: Path) -> dict[str, str]:
    """Carry out the first stage with `root` in the place of `/`, and return the environment of the last one.

    The interpreter is this machine's, and uv uses its cache; all else is as
    written. Both stages have the same folders, so that the second copies nothing.
    """
    first, last = stages(name)
    environment = {name: _moved(value, root) for name, value in first.environment().items()}
    app = root / "app"
    app.mkdir(parents=True)
    for instruction in first.instructions:
        if instruction.word == "COPY":
            _copy(instruction.rest, app)
        elif instruction.word == "RUN":
            _run(_moved(instruction.rest, root), app, environment)
    return {name: _moved(value, root) for name, value in last.environment().items()}


def _moved(text: str, root: Path) -> str:
    return re.sub(r"(?<![\w.])/(uv|opt|app)\b", rf"{root}/\1", text)


def _copy(rest: str, app: Path) -> None:
    *sources, target = rest.split()
    for source in sources:
        there, here = ROOT / source, app / target
        if there.is_dir():
            shutil.copytree(there, here, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            destination = here / there.name if target.endswith("/") or target == "./" else here
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(there, destination)


def _run(command: str, app: Path, environment: dict[str, str]) -> None:
    # `python` is the image's there, and ours here; a container has no cache to link to, this machine does.
    command = re.sub(r"\bpython -m", f"{sys.executable} -m", command).replace(" --no-cache ", " ")
    command = command.removesuffix(" --no-cache")
    machine = os.environ  # noqa: TID251 - its proxy and its certificates
    own = (
        dict(machine)
        | environment
        | {
            "UV_LINK_MODE": "hardlink",
            "UV_COMPILE_BYTECODE": "0",  # half a minute of work that changes nothing but the speed of the start
            "UV_PYTHON": sys.executable,
        }
    )
    done = subprocess.run(["sh", "-ceu", command], cwd=app, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
