"""A copy of the project for the tests to run in, so that edits and mutants do not affect each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def standing_in_a_copy(root: Path, directory: Path) -> Iterator[Path]:
    """Copy what git has or would take, and make it the working directory and the first place of imports.

    A copy whose process is gone, however that ended, is deleted by the next one.
    """
    for old in directory.glob("*"):
        if not _is_running(int(old.name)):
            shutil.rmtree(old, ignore_errors=True)
    copy = directory / str(os.getpid())
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    try:
        yield copy
    finally:
        sys.path.remove(str(copy))
        os.chdir(root)
        shutil.rmtree(copy, ignore_errors=True)


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True
