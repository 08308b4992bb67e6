"""`functions/functions.yaml`, typed: what is deployed, and the topics between."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.events import Topic

TABLE: Final = Path(__file__).parents[1] / "functions" / "functions.yaml"

Front = Literal["single", "split"]
Kind = Literal["http", "event", "schedule", "container", "worker"]
Pattern = Annotated[str, Field(pattern=r"^/([^*]*|([^*]*/)?\*)$")]
"""A URL map's pattern: `*` stands only at the end, after a slash."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Instances(_Row):
    """How many processes of one deployable may run."""

    min: int = Field(ge=0)
    max: int = Field(ge=1, le=100)


class Roles(_Row):
    """What a deployable's service account may do; whatever is left out it may not."""

    store: Literal["read", "write"]
    publishes: tuple[Topic, ...] = ()
    reads_secrets: tuple[str, ...] = ()
    writes_secrets: tuple[str, ...] = ()
    media: bool = False
    files: bool = False
    sessions: bool = False
    traces: bool = False
    pulls: tuple[str, ...] = ()
    listens: tuple[Topic, ...] = ()
    scales: tuple[str, ...] = ()
    erases: tuple[Topic, ...] = ()


class Deployable(_Row):
    """One Cloud Run service, or a worker pool, which nobody calls. `timeout` is in seconds, `cpu` in processors."""

    kind: Kind
    fronts: tuple[Front, ...] = Field(min_length=1)
    public: bool
    paths: tuple[Pattern, ...] = ()
    topic: Topic | None = None
    schedule: str | None = None
    memory: str = Field(pattern=r"^\d+(Mi|Gi)$")
    cpu: int = Field(ge=1, le=8)
    concurrency: int = Field(default=1, ge=1, le=1000)
    timeout: int = Field(default=1, ge=1, le=3600)
    instances: Instances
    environment: dict[str, str]
    secrets: tuple[str, ...]
    roles: Roles

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Deployable:
        ways = {
            "http": bool(self.paths),
            "container": bool(self.paths),
            "event": self.topic is not None,
            "schedule": self.schedule is not None,
            "worker": True,
        }
        ways_in = [bool(self.paths), self.topic is not None, self.schedule is not None]
        if not ways[self.kind] or sum(ways_in) != (self.kind != "worker"):
            raise ValueError(f"a deployable of kind {self.kind} needs exactly the way in that fits it")
        return self

    def serves(self, path: str) -> int:
        """How long the pattern is that matches `path`, 0 for none: in a URL map the longest wins."""
        return max((len(pattern) for pattern in self.paths if _matches(pattern, path)), default=0)


class Subscription(_Row):
    """One subscription of a topic; times are in seconds."""

    push: str | None = None
    pull: str | None = None
    retained: bool = False
    filter: str | None = None
    ordered: bool
    ack_deadline: int = Field(ge=10, le=600)
    min_backoff: int | None = Field(default=None, ge=0, le=600)
    max_backoff: int | None = Field(default=None, ge=0, le=600)
    max_delivery_attempts: int | None = Field(default=None, ge=5, le=100)
    retention: int = Field(ge=600, le=31 * 86400)

    @model_validator(mode="after")
    def _has_one_reader(self) -> Subscription:
        if [self.push is not None, self.pull is not None, self.retained].count(True) != 1:
            raise ValueError("a subscription is pushed, pulled or retained")
        retried = (self.min_backoff, self.max_backoff, self.max_delivery_attempts)
        if not self.retained and None in retried:
            raise ValueError("a subscription with a reader needs its pauses and its number of attempts")
        return self


class TopicRow(_Row):
    """A topic's subscriptions by their names; its dead-letter topic follows from its own name."""

    subscriptions: dict[str, Subscription]


class Table(_Row):
    """The whole file."""

    functions: dict[str, Deployable]
    topics: dict[Topic, TopicRow]

    def of(self, front: Front) -> dict[str, Deployable]:
        """What is deployed with this front."""
        return {name: row for name, row in self.functions.items() if front in row.fronts}

    def backend(self, path: str, front: Front = "split") -> str | None:
        """The deployable that a URL map sends `path` to; None where no pattern matches."""
        lengths = {name: row.serves(path) for name, row in self.of(front).items()}
        best = max(lengths, key=lambda name: lengths[name])
        return best if lengths[best] else None


def load(path: Path = TABLE) -> Table:
    """Read the table. Raises pydantic's `ValidationError` for what Terraform could not use."""
    return Table.model_validate(yaml.safe_load(path.read_text("utf-8")))


def _matches(pattern: str, path: str) -> bool:
    if pattern.endswith("/*"):
        # A URL map's /a/* takes /a/ and everything below, but not /a itself.
        return path.startswith(pattern[:-1])
    return pattern == path
