"""A log line is one JSON object, knows its request and trace, and holds no secret."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest

from shared.logs import MASK, ConsoleFormatter, JSONFormatter, current_trace, masked, tracing

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _line(message: str, *arguments: object, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("test").makeRecord("test", logging.INFO, "f", 1, message, arguments, None, extra=extra)
    text = JSONFormatter().format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_line_carries_the_request_and_the_trace() -> None:
    with tracing("req-1", TRACE):
        line = _line("hello %s", "world", status=200)
    assert (line["message"], line["severity"], line["status"]) == ("hello world", "INFO", 200)
    assert (line["request_id"], line["trace_id"]) == ("req-1", "0af7651916cd43dd8448eb211c80319c")


def test_on_google_cloud_a_line_names_its_trace_as_cloud_logging_wants_it() -> None:
    formatter = JSONFormatter("my-hub")
    record = logging.makeLogRecord({"msg": "hello"})
    assert "logging.googleapis.com/trace" not in json.loads(formatter.format(record)), "there is no trace"
    with tracing("req-1", TRACE):
        line = json.loads(formatter.format(record))
        embedded = _line("hello")
    assert line["logging.googleapis.com/trace"] == "projects/my-hub/traces/0af7651916cd43dd8448eb211c80319c"
    assert line["logging.googleapis.com/spanId"] == "b7ad6b7169203331"
    assert not [name for name in embedded if "google" in name]


@pytest.mark.parametrize(
    "name",
    ["password", "api_key", "apikey", "botToken", "evolution_key", "Authorization", "secret", "X-Hub-Signature-256"],
)
def test_values_under_a_secrets_name_are_masked_however_deep(name: str) -> None:
    assert masked({"a": [{name: "hidden", "b": 1}]}) == {"a": [{name: MASK, "b": 1}]}
    assert "hidden" not in json.dumps(_line("x", config={name: "hidden"}))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hidden",
        "POST https://api.telegram.org/bot123:hidden/sendMessage",
        "https://graph.example/me?access_token=hidden&x=1",
        "GET /webhook?token=hidden",
    ],
)
def test_credentials_inside_a_text_are_cut_out(text: str) -> None:
    assert "hidden" not in _line(text)["message"]
    assert "hidden" not in json.dumps(_line("x", detail=text))


@pytest.mark.parametrize("header", [None, "", "nonsense", "00-zz-zz-01", "a\nb"])
def test_a_trace_that_is_none_is_replaced(header: str | None) -> None:
    with tracing(header, header) as trace:
        assert current_trace() is trace
        assert len(trace.trace_id) == 32
        assert "\n" not in trace.request_id
    assert current_trace() is None


def test_processes_that_are_forks_of_one_draw_different_ids() -> None:
    program = """if True:
        import os
        from shared.logs import tracing
        for _ in range(2):
            if not (child := os.fork()):
                with tracing() as trace:
                    print(trace.trace_id)
                os._exit(print(end="", flush=True) or 0)
            os.waitpid(child, 0)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert len(set(done.stdout.split())) == 2


def _for_a_person(message: str, error: Exception | None = None, **extra: Any) -> str:
    failure = (type(error), error, None) if error else None
    record = logging.getLogger("test").makeRecord("test", logging.WARNING, "f", 1, message, (), failure, extra=extra)
    return ConsoleFormatter().format(record)


def test_at_a_terminal_a_line_begins_with_the_time_and_what_happened() -> None:
    with tracing("req-1", TRACE):
        line = _for_a_person("a message died", channel="slack", why="no such room", token="hidden")
    time, event = line[:23], line[24:]
    assert time[4] + time[10] + time[13] + time[19] == "- :."
    assert event == ('WARNING a message died channel=slack why="no such room" token=*** request_id=req-1 (test)')


def test_what_a_stranger_wrote_cannot_steer_the_terminal() -> None:
    line = _for_a_person("hello\x1b[2J\r\nERROR forged", ValueError("a\x07b"), sender="\u202eevil\x9b")
    head, *rest = line.splitlines()
    assert head.endswith(r"hello\x1b[2J\r\nERROR forged sender=\u202eevil\x9b (test)")
    assert [text.strip() for text in rest] == [r"ValueError: a\x07b"]


@pytest.mark.parametrize(("form", "begins"), [("json", "{"), ("console", "2"), (None, "{")])
def test_the_form_of_lines_is_what_is_asked_for_and_json_where_nobody_looks_on(form: str | None, begins: str) -> None:
    program = f"""if True:
        import logging
        from shared.logs import configure_logs
        configure_logs("INFO", None, {form!r})
        logging.getLogger("x").info("hello")
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.startswith(begins)


def test_at_a_terminal_lines_are_for_a_person_unless_told_otherwise() -> None:
    program = """if True:
        import logging
        from shared.logs import configure_logs
        configure_logs("INFO")
        logging.getLogger("x").info("hello")
        configure_logs("INFO", None, "json")
        logging.getLogger("x").info("hello")
    """
    terminal, attached = os.openpty()
    try:
        subprocess.run([sys.executable, "-c", program], stderr=attached, check=True, timeout=60)
        first, second = os.read(terminal, 10_000).decode().splitlines()
    finally:
        os.close(attached)
        os.close(terminal)
    assert first.endswith("INFO    hello (x)")
    assert json.loads(second)["message"] == "hello"
