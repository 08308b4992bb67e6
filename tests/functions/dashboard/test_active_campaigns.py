"""The campaigns that are being sent, as the page's campaigns tab reads them."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.documents import Increment, ids
from shared.documents.unit_of_work import UnitOfWork
from shared.ports.store import Merge
from tests import refs
from tests.functions.dashboard.people import customer
from tests.functions.keys import key_for


@pytest.fixture
def campaign_id(client: FlaskClient, deps: Deps) -> str:
    """A campaign for one customer by id and two by tag."""
    customer(deps, "c1")
    for id_ in ("c2", "c3"):
        client.put(f"/customers/{customer(deps, id_).id}/profile", json={"tags": ["vip"]})
    body = {
        "name": "Summer",
        "channels": ["sms", "whatsapp"],
        "message": "Sale!",
        "audience": {"customer_ids": ["c1"], "tags": ["vip"]},
    }
    return str(client.post("/campaigns", json=body).json["campaign_id"])  # type: ignore[index]


def test_a_campaign_is_active_while_it_is_sent(client: FlaskClient, deps: Deps, campaign_id: str) -> None:
    assert client.get("/campaigns/active").json == {"campaigns": []}
    assert client.post(f"/campaigns/{campaign_id}/launch").status_code == 202
    [active] = client.get("/campaigns/active").json["campaigns"]  # type: ignore[index]
    created_at = active.pop("created_at")
    assert created_at.endswith("Z")
    assert active == {
        "id": campaign_id,
        "name": "Summer",
        "status": "active",
        "channel": "sms",
        "total_contacts": 3,
        "completed": 0,
        "success_rate": 0.0,
    }
    deps.store.commit([Merge(refs.campaign(campaign_id), {"status": "finished"})])
    assert client.get("/campaigns/active").json == {"campaigns": []}


def test_its_success_is_who_responded_of_those_it_was_sent_to(
    client: FlaskClient, deps: Deps, campaign_id: str
) -> None:
    client.post(f"/campaigns/{campaign_id}/launch")
    unit = UnitOfWork(deps.store)
    unit.campaigns.patch(campaign_id, total_sent=3)
    unit.campaign_counters.patch(ids.campaign_counter(campaign_id, "c1"), responses=Increment(1))
    unit.commit()
    [active] = client.get("/campaigns/active").json["campaigns"]  # type: ignore[index]
    assert (active["completed"], active["success_rate"]) == (3, 33.3)


def test_the_active_campaigns_of_others_are_not_shown(client: FlaskClient, deps: Deps, campaign_id: str) -> None:
    client.post(f"/campaigns/{campaign_id}/launch")
    stranger: Any = client.get("/campaigns/active", headers=key_for(deps, "other"))
    assert stranger.json == {"campaigns": []}


def test_the_page_launches_a_campaign_with_its_channels(client: FlaskClient, campaign_id: str) -> None:
    body = {"campaign_id": campaign_id, "channels": ["email"], "launched_from": "the page"}
    launched: Any = client.post("/campaign/omnichannel-launch", json=body)
    assert (launched.status_code, launched.json["status"]) == (202, "running")
    [active] = client.get("/campaigns/active").json["campaigns"]  # type: ignore[index]
    assert active["channel"] == "email"
    assert client.post("/campaign/omnichannel-launch", json=body).status_code == 409
