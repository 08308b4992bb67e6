"""Ratings in the Dashboard dialect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.conversations import Conversation
from shared.domain.instances import CALLS, ChannelType
from shared.domain.ratings import SURVEY_TEXT
from tests.apps import create_app
from tests.functions.dashboard.people import address, channel, customer
from tests.functions.keys import key_for

Converse = Callable[..., Conversation]


def _rate(client: FlaskClient, session_id: str, **body: Any) -> Any:
    answer = client.post(f"/sessions/{session_id}/rating", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json


def _satisfaction(client: FlaskClient) -> tuple[float, int, dict[str, float]]:
    satisfaction: Any = client.get("/analytics/customer-satisfaction").json
    return satisfaction["overallScore"], satisfaction["totalResponses"], satisfaction["byChannel"]


def test_a_session_is_rated(client: FlaskClient, converse: Converse) -> None:
    converse("sess")
    rated = _rate(client, "sess", score=4, comment="quick")
    assert rated.pop("rated_at").endswith("Z")
    assert rated == {"success": True, "session_id": "sess", "score": 4, "comment": "quick"}
    assert _satisfaction(client) == (4.0, 1, {"whatsapp": 4.0})


def test_the_last_rating_counts_and_only_once(client: FlaskClient, converse: Converse) -> None:
    converse("one")
    converse("two", channel="sms")
    for score in (1, 1, 5, 2):
        _rate(client, "one", score=score)
    _rate(client, "two", score=5)
    assert _satisfaction(client) == (3.5, 2, {"sms": 5.0, "whatsapp": 2.0})
    assert _rate(client, "one", score=2)["comment"] is None


def test_ratings_at_once_leave_one(deps: Deps, converse: Converse) -> None:
    converse("sess")
    app = create_app(deps, blueprints())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda score: _rate(app.test_client(), "sess", score=score), [1, 2, 3, 4] * 3))
    last = _rate(app.test_client(), "sess", score=3)["score"]
    assert _satisfaction(app.test_client()) == (last, 1, {"whatsapp": last})


@pytest.mark.parametrize("body", [{}, {"score": 0}, {"score": 6}, {"score": 4.5}, {"score": "5"}, {"score": True}])
def test_only_one_to_five_is_a_score(client: FlaskClient, converse: Converse, body: dict[str, Any]) -> None:
    converse("sess")
    answer: Any = client.post("/sessions/sess/rating", json=body)
    assert (answer.status_code, type(answer.json["detail"])) == (400, str)


def test_unknown_and_foreign_sessions_cannot_be_rated(client: FlaskClient, converse: Converse, deps: Deps) -> None:
    converse("sess")
    assert client.post("/sessions/nothing/rating", json={"score": 1}).status_code == 404
    stranger = key_for(deps, "other")
    assert client.post("/sessions/sess/rating", json={"score": 1}, headers=stranger).status_code == 404
    viewer = key_for(deps, deps.settings.default_tenant_id, Role.VIEWER)
    assert client.post("/sessions/sess/rating", json={"score": 1}, headers=viewer).status_code == 403


@pytest.mark.parametrize("type_", list(ChannelType))
def test_the_customer_is_asked_for_a_rating_where_it_can_be_written(
    client: FlaskClient, deps: Deps, type_: ChannelType
) -> None:
    """On a call nobody would hear the question."""
    address(deps, customer(deps), channel(deps, type_), "77")
    new_session = {"customer_id": "cust_456", "channel_type": type_.value, "initial_message": "Please help"}
    session_id = client.post("/sessions/create", json=new_session).json["session_id"]  # type: ignore[index]
    assert client.put(f"/sessions/{session_id}", json={"status": "resolved"}).status_code == 200
    page: Any = client.get(f"/messages/{session_id}").json
    survey_senders = [message["sender"] for message in page["messages"] if message["content"] == SURVEY_TEXT]
    assert survey_senders == ([] if type_ in CALLS else ["system"])
