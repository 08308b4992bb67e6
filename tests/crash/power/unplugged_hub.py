"""A hub whose machine loses power."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random
from typing import IO

from tests.crash.power.disk import Disk, part_of, restore
from tests.crash.power.recording import Recording
from tests.crash.process import HubProcess
from tests.forks.fork import Running


class UnpluggedHub(HubProcess):
    """Each `kill` is a power cut: of what the disk was not asked to keep, chance decides what is left.

    While it runs nobody else may write to its data, for the disk would not know of that.
    """

    def __init__(self, directory: Path, recorder: Path, seed: int, **settings: str) -> None:
        directory.mkdir()
        super().__init__(directory, **settings)
        self._recording = Recording(recorder, directory, directory.with_suffix(".records"))
        self._environment |= self._recording.environment
        self._chance = Random(seed)
        self._disk = Disk(directory)

    def start(self) -> None:
        self._recording.log.unlink(missing_ok=True)
        self._disk = Disk(self._recording.root)
        super().start()

    def _launched(self, stdout: IO[bytes], stderr: IO[bytes]) -> Running:
        """Started, not forked: the recorder has to be there before Python is."""
        command = [sys.executable, "-m", *self._program]
        return subprocess.Popen(command, cwd=self._directory, env=self._environment, stdout=stdout, stderr=stderr)

    def kill(self) -> None:
        super().kill()
        for record in self._recording.records():
            self._disk.follow(record)
        image = self._disk.after_a_cut(self._chance, survival=self._chance.choice([0.0, 0.5, 0.9]))
        restore(part_of(image, self.data.name), self.data)
