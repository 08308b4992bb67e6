"""What the server in the functions' image does with any function."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra.bench.processes import ROOT, first_answer, served

pytestmark = pytest.mark.slow

FUNCTION = """
from werkzeug.wrappers import Response
from shared.errors import PayloadTooLarge

def handler(request):
    if request.path == "/bug":
        raise ValueError("hunter2")
    if request.path == "/unread":
        raise PayloadTooLarge("send less")
    return Response(str(len(request.get_data())))
"""
MEGABYTES = 30


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def url(tmp_path: Path, log: Path) -> Iterator[str]:
    source = tmp_path / "main.py"
    source.write_text(FUNCTION)
    with served(source, {"DATA_DIR": str(tmp_path / "data")}, log) as port:
        first_answer(port, "GET", "/", None)
        yield f"http://127.0.0.1:{port}"


def test_an_error_that_nobody_expected_is_for_the_log_only(url: str, log: Path) -> None:
    answer = requests.get(f"{url}/bug", timeout=20)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert "ValueError: hunter2" in log.read_text()


def test_who_sends_more_than_is_read_gets_the_answer_and_may_go_on(url: str) -> None:
    with requests.Session() as client:
        for body in (bytes(MEGABYTES * 1024 * 1024), (bytes(1024 * 1024) for _ in range(MEGABYTES))):
            refused = client.post(f"{url}/unread", data=body, timeout=60)
            assert (refused.status_code, refused.json()["detail"]) == (413, "send less")
            assert client.post(url, data=b"abc", timeout=20).text == "3"


def test_a_body_in_chunks_arrives_whole(url: str) -> None:
    assert requests.post(url, data=(b"abc" for _ in range(1000)), timeout=20).text == "3000"


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("", "handler", "FUNCTION_SOURCE: must be the path of a Python file"),
        ("functions/nobody/main.py", "handler", "FUNCTION_SOURCE: must be the path of a Python file"),
        ("functions/tick/main.py", "hand", "FUNCTION_TARGET: must be the name of a function in functions/tick/main.py"),
    ],
)
def test_a_function_that_is_not_there_does_not_start(source: str, target: str, expected: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config=infra/images/gunicorn.conf.py", "--bind=127.0.0.1:0"],
        cwd=ROOT,
        env={"DATA_DIR": str(tmp_path), "FUNCTION_SOURCE": source, "FUNCTION_TARGET": target},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr.splitlines()) == (2, [f"the function cannot start: {expected}"])
