"""The genuine dashboard's start page, which asks for calls and invents them where an answer has none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.calls import Call, CallState
from shared.domain.conversations import Conversation
from shared.domain.instances import ChannelType
from shared.ports.store import Create, Ref
from shared.usecases.reporting import counters
from tests.functions.keys import key_for

PAGE = {"X-Client-Version": "2.0.0", "X-Service": "omnichannel_hub"}


@pytest.fixture
def ring(deps: Deps) -> Callable[..., None]:
    """Store a call, which began so many seconds ago."""

    def store(id_: str, seconds: int, state: CallState, conversation_id: str | None = None) -> None:
        began = deps.now() - timedelta(seconds=seconds)
        call = Call(
            id=id_,
            tenant_id=deps.settings.default_tenant_id,
            instance_id="i1",
            channel=ChannelType.VOICE,
            conversation_id=conversation_id,
            external_call_id=id_,
            state=state,
            open=state is not CallState.ENDED,
            started_at=began,
            updated_at=began,
        )
        deps.store.commit([Create(Ref("calls", id_), call.model_dump())])

    return store


def test_the_start_page_shows_the_calls_in_progress(
    client: FlaskClient, ring: Callable[..., None], converse: Callable[..., Conversation]
) -> None:
    converse("s1", channel="voice", customer_name="Maria", customer_phone="+5511988887777")
    ring("older", 154, CallState.LIVE, "s1")
    ring("newer", 12, CallState.RINGING)
    ring("over", 60, CallState.ENDED)
    ringing, live = client.get("/sessions/active", headers=PAGE).json["calls"]  # type: ignore[index]
    assert (ringing["id"], ringing["contact"], ringing["status"]) == ("newer", None, "ringing")
    assert live.pop("duration") in ("2:34", "2:35", "2:36", "2:37")
    assert live == {
        "id": "older",
        "contact": "Maria",
        "phone": "+5511988887777",
        "status": "in-progress",
        "state": "live",
    }


def test_where_nobody_calls_the_start_page_shows_no_call(client: FlaskClient) -> None:
    assert client.get("/sessions/active", headers=PAGE).json == {"sessions": [], "calls": []}


def test_the_start_page_shows_how_many_calls_there_were_and_are(
    client: FlaskClient, deps: Deps, ring: Callable[..., None]
) -> None:
    ring("now", 12, CallState.LIVE)
    unit = UnitOfWork(deps.store)
    source = counters.Source(deps.settings.default_tenant_id, "i1", ChannelType.VOICE, "s1")
    counters.count(unit, source, deps.now(), Counters(calls=3))
    unit.commit()
    figures: Any = client.get("/analytics/dashboard", headers=PAGE).json
    assert (figures["totalCalls"], figures["activeCalls"]) == (3, 1)


@pytest.mark.parametrize("path", ["/sessions/active", "/analytics/dashboard"])
def test_other_clients_get_the_documented_keys_alone(client: FlaskClient, ring: Callable[..., None], path: str) -> None:
    ring("now", 12, CallState.LIVE)
    answer = client.get(path)
    assert not {"calls", "totalCalls", "activeCalls"} & answer.json.keys()  # type: ignore[union-attr]
    assert "X-Client-Version" in ", ".join(answer.headers.getlist("Vary"))


@pytest.mark.parametrize("path", ["/sessions/active", "/analytics/dashboard"])
def test_calls_of_others_are_not_shown(client: FlaskClient, deps: Deps, ring: Callable[..., None], path: str) -> None:
    ring("now", 12, CallState.LIVE)
    stranger: Any = client.get(path, headers=PAGE | key_for(deps, "other")).json
    assert stranger.get("calls", []) == []
    assert stranger.get("activeCalls", 0) == 0
