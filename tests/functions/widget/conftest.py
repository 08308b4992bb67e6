"""A running hub with a widget, and visitors of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
from werkzeug.test import TestResponse

from tests.pipeline.hub import Hub


@dataclass(frozen=True)
class Visitor:
    """A visitor of a web page: their session, and the requests that they send."""

    hub: Hub
    path: str
    session: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session['token']}"}

    def say(self, text: str, status: int = 202, **more: Any) -> Any:
        answer = self.hub.client.post(f"{self.path}/messages", json={"text": text} | more, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.json

    def read(self, **query: Any) -> TestResponse:
        return self.hub.client.get(f"{self.path}/messages", query_string=query, headers=self.headers)

    def texts(self) -> list[tuple[str, str]]:
        page: Any = self.read().json
        return [(message["author"], message["text"]) for message in page["messages"]]


NewVisitor: TypeAlias = Callable[..., Visitor]


def make_widget(hub: Hub, label: str = "Shop", **config: Any) -> str:
    """Create a widget channel; returns its id."""
    return str(hub.post("/api/channels", {"name": label, "type": "WIDGET", "config": config}, 201)["id"])


def begin(hub: Hub, instance: str, **visitor_fields: str) -> Visitor:
    answer = hub.client.post(f"/widget/{instance}/session", json=visitor_fields)
    assert answer.status_code == 201, answer.text
    session: Any = answer.json
    return Visitor(hub, f"/widget/{instance}", session)


@pytest.fixture
def widget(hub: Hub) -> str:
    return make_widget(hub)


@pytest.fixture
def visitor(hub: Hub, widget: str) -> Visitor:
    return begin(hub, widget)
