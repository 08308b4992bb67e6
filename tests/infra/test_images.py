"""What the Dockerfiles say is done in a directory: the same files, the same installs, the same command, as nobody."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from infra.deployables import load
from tests.infra.dockerfiles import ROOT, build, copy, stages

NAMES = ("functions", "hub", "sockets")
NOBODY = 65534
PATIENCE = 60.0
"""Seconds to wait for what needs one or two; the machine may be busy."""


@pytest.mark.parametrize("name", NAMES)
def test_bases_are_pinned_by_digest_and_slim(name: str) -> None:
    bases = {stage.base for stage in stages(name)}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases.pop())


@pytest.mark.parametrize("name", NAMES)
def test_the_image_runs_as_nobody_and_its_process_gets_signals(name: str) -> None:
    first, last = stages(name)
    assert last.all("USER") == [f"{NOBODY}:{NOBODY}"]
    assert len(last.command()) > 1
    assert "pip" not in " ".join(last.all("RUN")), "the last stage holds no tools"
    assert "--frozen --no-dev" in " ".join(first.all("RUN"))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_copied_is_there_and_let_through(name: str) -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    assert "*" in ignore
    for rest in stages(name)[0].all("COPY"):
        for source in rest.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in allowed, source


def test_the_version_of_uv_is_that_of_the_makefile() -> None:
    expected = re.findall(r"uv==([\d.]+)", (ROOT / "Makefile").read_text("utf-8"))
    for name in NAMES:
        assert re.findall(r"uv==([\d.]+)", " ".join(stages(name)[0].all("RUN"))) == expected


@dataclass(frozen=True, slots=True)
class Image:
    app: Path
    environment: dict[str, str]
    command: list[str]


@pytest.fixture
def image() -> Iterator[Image]:
    """Outside of pytest's own directory, which only its owner may enter."""
    root = Path(tempfile.mkdtemp(prefix="image-"))
    root.chmod(0o755)
    environment = build("functions", root)
    environment["PATH"] = f"{root}/opt/venv/bin:{os.defpath}"
    yield Image(root / "app", environment, stages("functions")[-1].command())
    shutil.rmtree(root)


@pytest.mark.slow
def test_the_images_are_built_and_serve_each_kind_of_function(image: Image) -> None:
    """One test, because the image takes a while to make."""
    _holds_what_is_locked(image)
    for name in ("webhooks", "hub", "normalize"):
        assert name in load().functions
        _serves_and_ends_in_time(image, name)
    _has_all_that_it_imports(image, "sockets", {"PORT": "0"}, "BACKEND: must be google")
    _has_all_that_it_imports(image, "hub", {"PORT": "many"}, "the hub cannot start: PORT: ")


def _locked() -> set[tuple[str, str]]:
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    return {(package["name"], package["version"]) for package in lock["package"] if "version" in package}


def _holds_what_is_locked(image: Image) -> None:
    python = image.app.parent / "opt" / "venv" / "bin" / "python"
    code = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    listed = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    installed = {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in map(str.split, listed)}
    assert installed <= _locked()
    names = {name for name, _ in installed}
    assert {"flask", "gunicorn", "google-cloud-firestore"} <= names
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & names


def _as_nobody(command: list[str]) -> list[str]:
    """Where we are root, in a file system that is read-only but for /tmp, as the user of the image.

    Elsewhere the user stays, and the rights of the files are the protection.
    """
    if os.geteuid() != 0 or sys.platform != "linux":
        return command
    closed = "mount --bind /tmp /tmp && mount -o remount,bind,ro /"
    possible = subprocess.run(["unshare", "--mount", "sh", "-c", closed], capture_output=True, check=False)
    dropped = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    if possible.returncode != 0:
        return dropped
    return ["unshare", "--mount", "sh", "-c", f'{closed} && exec "$@"', "sh", *dropped]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_live(url: str, run: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _lives(url):
        assert run.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline, "it did not answer"
        time.sleep(0.05)


def _lives(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/live", timeout=20).ok
    except requests.ConnectionError:
        return False


def _serves_and_ends_in_time(image: Image, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="hub-", dir="/tmp") as data:
        Path(data).chmod(0o777)
        port = _free_port()
        environment = image.environment | {
            "FUNCTION_SOURCE": f"functions/{name}/main.py",
            "FUNCTION_TARGET": "handler",
            "DATA_DIR": f"{data}/data",
            # In the container it is all addresses at PORT.
            "GUNICORN_CMD_ARGS": f"--bind=127.0.0.1:{port}",
        }
        url = f"http://127.0.0.1:{port}"
        with Path(data, "log").open("wb") as log:
            run = subprocess.Popen(_as_nobody(image.command), cwd=image.app, env=environment, stderr=log)
        try:
            _wait_until_live(url, run)
            assert requests.get(f"{url}/health/ready", timeout=20).json()["status"] == "healthy"
            if os.geteuid() == 0:
                assert Path(data, "data").stat().st_uid == NOBODY
            run.send_signal(signal.SIGTERM)
            assert run.wait(10) == 0, Path(data, "log").read_text()
        finally:
            run.kill()
            run.wait()


def _has_all_that_it_imports(image: Image, name: str, variables: dict[str, str], complaint: str) -> None:
    """An image has the same installs, but other files; with wrong settings it says what it needs."""
    app = image.app.parent / name
    copy(name, app)
    python, *arguments = stages(name)[-1].command()
    command = [str(image.app.parent / "opt" / "venv" / "bin" / python), *arguments]
    ended = subprocess.run(
        _as_nobody(command), cwd=app, env=image.environment | variables, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert complaint in ended.stderr


def test_the_data_of_the_image_of_one_machine_lies_in_its_volume() -> None:
    last = stages("hub")[-1]
    assert last.all("VOLUME") == [last.environment()["DATA_DIR"]]
    assert last.all("HEALTHCHECK")
