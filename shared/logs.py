"""Logs: one line per event, with the request and trace they belong to, and secrets masked by key name.

A line is JSON, or on a terminal what a person reads more easily.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from shared import pseudorandom

_SECRET_KEY = re.compile(
    r"(?i)(pass(word|wd)?$|secret|token|api_?key|authorization|credential|signature|cookie|private_?key|hash$|^key$|_key$)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+")
_TELEGRAM_PATH = re.compile(r"/bot\d+:[\w-]+")
_QUERY_SECRET = re.compile(r"(?i)([?&](?:access_token|token|key|apikey|appsecret_proof|hub\.verify_token)=)[^&\s\"']+")
_SUSPECT = re.compile(r"(?i)\bbearer\s|\bbasic\s|/bot\d|[?&]")
MASK = "***"

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(frozen=True, slots=True)
class Trace:
    """Where an event comes from: carried through HTTP headers and the bus."""

    request_id: str
    traceparent: str

    @property
    def trace_id(self) -> str:
        return self.traceparent.split("-")[1]

    @property
    def span_id(self) -> str:
        return self.traceparent.split("-")[2]


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[\w.:-]{1,100}")


def current_trace() -> Trace | None:
    """The trace of whatever this thread is doing now."""
    return _current.get()


Recorder: TypeAlias = Callable[[str, str, str], AbstractContextManager[str]]
"""Records a span of a kind (`server`, `consumer`, `client`) and name under a `traceparent`; gives its own."""

_recorders: list[Recorder] = []


def record_spans(recorder: Recorder | None) -> None:
    """Have spans recorded from now on, or no more; without a recorder they cost nothing."""
    _recorders[:] = [] if recorder is None else [recorder]


@contextmanager
def tracing(
    request_id: str | None = None, traceparent: str | None = None, *, kind: str = "server", span: str | None = None
) -> Iterator[Trace]:
    """Work under a trace: the given one (W3C `traceparent`) where it is well formed, else a new one.

    With a name the work is recorded as a span of the trace.
    """
    if not traceparent or not _TRACEPARENT.fullmatch(traceparent):
        traceparent = f"00-{pseudorandom.hex_digits(128)}-{pseudorandom.hex_digits(64)}-01"
    if not request_id or not _REQUEST_ID.fullmatch(request_id):
        request_id = pseudorandom.hex_digits(64)
    with _under(Trace(request_id, traceparent), kind, span) as trace:
        yield trace


@contextmanager
def spanning(span: str) -> Iterator[Trace | None]:
    """Record a call to somebody else as a span of the current trace, if there is one."""
    trace = current_trace()
    if trace is None or not _recorders:
        yield trace
        return
    with _under(trace, "client", span) as inner:
        yield inner


@contextmanager
def _under(trace: Trace, kind: str, span: str | None) -> Iterator[Trace]:
    recorded = _recorders[0](kind, span, trace.traceparent) if span and _recorders else nullcontext(trace.traceparent)
    with recorded as parent:
        inner = Trace(trace.request_id, parent)
        token = _current.set(inner)
        try:
            yield inner
        finally:
            _current.reset(token)


def masked(value: Any) -> Any:
    """A copy with every value under a secret's name replaced, and credentials inside text cut out."""
    if isinstance(value, Mapping):
        return {k: MASK if v is not None and _is_secret(str(k)) else masked(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item) for item in value]
    return _clean(value) if isinstance(value, str) else value


@lru_cache(maxsize=1000)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _clean(text: str) -> str:
    if not _SUSPECT.search(text):
        return text
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _TELEGRAM_PATH.sub(f"/bot{MASK}", text)
    return _QUERY_SECRET.sub(rf"\1{MASK}", text)


class JSONFormatter(logging.Formatter):
    """Formats for Cloud Logging: `severity`, `message`, and whatever `extra` held.

    With a Google Cloud project a line names its trace and span as Cloud Logging
    wants them, so that a trace shows its lines
    (https://cloud.google.com/logging/docs/structured-logging#special-payload-fields).
    """

    def __init__(self, project: str | None = None) -> None:
        super().__init__()
        self._traces = f"projects/{project}/traces/" if project else None

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": _clean(record.getMessage()),
        }
        if trace := current_trace():
            line["request_id"] = trace.request_id
            line["trace_id"] = trace.trace_id
            if self._traces:
                line["logging.googleapis.com/trace"] = self._traces + trace.trace_id
                line["logging.googleapis.com/spanId"] = trace.span_id
        line |= masked({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["error"] = _clean(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class ConsoleFormatter(logging.Formatter):
    """Formats for a person at a terminal: time, severity, what happened, and then whatever `extra` held.

    What could steer the terminal is escaped, for a line may hold what a stranger wrote.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")[:-6]
        fields = masked({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if trace := current_trace():
            fields["request_id"] = trace.request_id
        parts = [moment, f"{record.levelname:<7}", _printable(_clean(record.getMessage()))]
        parts += [f"{key}={_printable(_one_word(value))}" for key, value in fields.items()]
        line = " ".join([*parts, f"({record.name})"])
        if record.exc_info:
            trace_lines = _clean(self.formatException(record.exc_info)).splitlines()
            line = "\n    ".join([line, *map(_printable, trace_lines)])
        return line


def _one_word(value: object) -> str:
    text = str(value)
    return text if text and not re.search(r"[\s\"]", text) else json.dumps(value, ensure_ascii=False, default=str)


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class _Lines(logging.Handler):
    """Writes each record as one line to standard error.

    Only the writing is done one thread at a time: threads that wait for each
    other while lines are put together would cost a busy hub more than the lines.
    """

    def createLock(self) -> None:
        self.lock = None
        self._writing = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + "\n"
            with self._writing:
                sys.stderr.write(line)
                sys.stderr.flush()
        except Exception:  # noqa: BLE001 - as with every handler of logging: the work goes on without its line
            self.handleError(record)


LogFormat: TypeAlias = Literal["json", "console"]


def configure_logs(level: str, project: str | None = None, form: LogFormat | None = None) -> None:
    """Send every log line to standard error; the project is Google Cloud's, where the hub runs there.

    Unless told the form, lines are for a person where standard error is a terminal, and JSON elsewhere.
    """
    form = form or ("console" if sys.stderr.isatty() else "json")
    handler = _Lines(level)
    handler.setFormatter(ConsoleFormatter() if form == "console" else JSONFormatter(project))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("urllib3", "werkzeug", "google", "uvicorn.access", "engineio", "socketio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
