"""A channel of a new type, added to a copy of the hub exactly as CONTRIBUTING says: a folder, a line, fixtures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bench.processes import ROOT

HERE = Path(__file__).parent / "new_type"
LAST_TYPE = '    SMS = "sms", "sms_twilio", "sms_sns"\n'
LEFT_OUT = shutil.ignore_patterns("__pycache__", "captures", "mutants", "browser")
INHERITED = ("test_contract.py", "test_every_channel.py", "test_every_webhook.py", "test_quality.py")
"""The tests that run for every channel; only those of the new channel are run."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    hub = tmp_path / "hub"
    for folder in ("shared", "functions", "infra", "tests"):
        shutil.copytree(ROOT / folder, hub / folder, ignore=LEFT_OUT)
    for file in ("pyproject.toml", "README.md", "ARCHITECTURE.md"):
        shutil.copy(ROOT / file, hub / file)
    return hub


def run(hub: Path, *arguments: str) -> str:
    """A module of the copy, with the copy's code."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=hub,
        env={"PYTHONPATH": str(hub), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


def letter(number: int) -> dict[str, object]:
    written_at = f"2026-11-20T23:{number:02}:00+00:00"
    return {"id": f"letter-number-{number}", "loft": "loft-5", "text": f"letter {number}", "written_at": written_at}


def add_pigeon_post(hub: Path) -> None:
    """The steps of the walk-through that a person takes."""
    registry = hub / "shared" / "domain" / "instances.py"
    text = registry.read_text("utf-8")
    assert LAST_TYPE in text
    registry.write_text(text.replace(LAST_TYPE, LAST_TYPE + '    PIGEON = "pigeon"\n'), "utf-8")
    shutil.copytree(HERE / "pigeon", hub / "shared" / "channels" / "pigeon")
    tests = hub / "tests" / "channels" / "pigeon"
    (tests / "fixtures").mkdir(parents=True)
    shutil.copy(HERE / "examples" / "example.py", tests / "example.py")
    shutil.copy(HERE / "examples" / "conversation.py", tests / "test_conversation.py")
    letters = {f"letter__{number}": letter(number) for number in range(1, 10)}
    letters["letter__outgoing"] = letter(10) | {"outgoing": True}
    for name, body in letters.items():
        (tests / "fixtures" / f"{name}.json").write_text(json.dumps(body), "utf-8")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_walk_through_adds_a_channel_of_a_new_type(copy: Path) -> None:
    add_pigeon_post(copy)
    # What `make fix` does, beside formatting.
    run(copy, "infra.channel_index", "--write")
    run(copy, "infra.channel_tables", "--write")
    run(copy, "tests.channels.golden", "--update", "pigeon")
    assert "| `pigeon` | `pigeon` | 500 |" in (copy / "shared/channels/README.md").read_text("utf-8")
    tests = [*(f"tests/channels/{name}" for name in INHERITED), "tests/functions/dashboard/test_every_type.py"]
    output = run(copy, "pytest", "-q", "-x", "-rp", "-k", "pigeon", *tests, "tests/channels/pigeon")
    assert "test_conversation.py::test_a_letter_is_answered" in output
