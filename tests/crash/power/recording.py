"""Runs a process and records its file operations below a directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adapters.backends import emulators
from tests.crash.power.disk import Record, records_in

ROOT = Path(__file__).parents[3]
SOURCE = Path(__file__).with_name("recorder.c")


def compiled_recorder(directory: Path) -> Path:
    """Compile the recorder; skips the test where that cannot be, and fails it where REQUIRE_EMULATORS=1."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        missing = "the recorder of a power cut needs Linux and a C compiler"
        if emulators.environment("REQUIRE_EMULATORS") == "1":
            pytest.fail(f"REQUIRE_EMULATORS=1, but {missing}")
        pytest.skip(missing)
    library = directory / "recorder.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, timeout=60)
    return library


@dataclass(frozen=True)
class Recording:
    """What processes with `environment` do below `root`, in `log`."""

    library: Path
    root: Path
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "RECORDED_DIRECTORY": str(self.root),
            "RECORD": str(self.log),
        }

    def records(self) -> list[Record]:
        return list(records_in(self.log.read_bytes())) if self.log.exists() else []

    def records_of(self, *command: str) -> list[Record]:
        """Run a command of Python's; returns what it did."""
        before = len(self.records())
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.defpath} | self.environment
        subprocess.run([sys.executable, *command], env=environment, check=True, timeout=300)
        return self.records()[before:]
