"""Campaigns from their making to their figures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.dashboard.main import blueprints
from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Role
from shared.domain.customers import CustomerTag
from shared.domain.events import InboundEvent
from shared.domain.instances import InstanceStatus
from shared.domain.messages import Direction
from shared.errors import StoreError
from shared.ports.store import Create, Merge, Store, Write
from shared.usecases.campaigns import campaign_batches
from shared.usecases.ingest.normalize import normalize
from shared.usecases.instances import instances
from shared.usecases.sweep import sweep
from tests import refs
from tests.apps import create_app
from tests.documents import an_instance
from tests.eventually import eventually
from tests.functions.dashboard.people import address, customer
from tests.functions.keys import key_for
from tests.pipeline.hub import Hub

GOLDEN = Path("tests/golden/dashboard")
SALE: dict[str, Any] = {"name": "Summer Sale", "channels": ["whatsapp", "telegram_bot"], "message": "Sale!"}


def _customers(hub: Hub, *chats: int) -> list[str]:
    """Customers of one Telegram channel, in the chats' order."""
    channel_id = hub.telegram()
    for chat in chats:
        hub.customer_writes(channel_id, "hello", chat=chat)
    eventually(lambda: len(hub.conversations()) == len(chats))
    customer_ids = {each.external_user_id: each.customer_id for each in hub.conversations()}
    return [customer_ids[str(chat)] for chat in chats]


def _campaign(hub: Hub, launch: bool = True, **fields: Any) -> str:
    created = hub.post("/campaigns", SALE | fields, 201)
    assert created["metrics"] == {"total_sent": 0, "responses": 0, "conversions": 0}
    campaign_id = str(created["campaign_id"])
    if launch:
        assert hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)["status"] == "running"
    return campaign_id


def _tag(hub: Hub, customer_id: str, *tags: str) -> None:
    path = f"/customers/{customer_id}/profile"
    assert hub.client.put(path, json={"tags": tags}, headers=hub.headers).status_code == 200


def _metrics(hub: Hub, campaign_id: str) -> tuple[int, int, int]:
    metrics = hub.get(f"/campaigns/{campaign_id}/omnichannel")["metrics"]
    return metrics["total_sent"], metrics["responses"], metrics["conversions"]


def _status(hub: Hub, campaign_id: str) -> str:
    [campaign] = [each for each in hub.get("/campaigns")["campaigns"] if each["campaign_id"] == campaign_id]
    return str(campaign["status"])


def test_a_campaign_is_shown_as_printed(hub: Hub) -> None:
    golden = json.loads((GOLDEN / "campaign_omnichannel_response.json").read_text("utf-8"))
    campaign_id = _campaign(hub, launch=False, channels=["whatsapp", "email", "sms"])
    response = hub.get(f"/campaigns/{campaign_id}/omnichannel")
    assert list(response) == list(golden)
    assert list(response["metrics"]) == list(golden["metrics"])
    no_figures = dict.fromkeys(golden["metrics"], 0)
    assert response == golden | {"campaign_id": campaign_id, "metrics": no_figures}


def test_who_has_an_address_on_a_channel_without_credentials_is_written_to_on_the_next(hub: Hub) -> None:
    [ann] = _customers(hub, 5)
    hub.post("/channels/email/configure", {"name": "Mail"})
    mail = {"email": "ann@shop.example"}
    assert hub.client.put(f"/customers/{ann}/profile", json=mail, headers=hub.headers).status_code == 200
    campaign_id = _campaign(hub, channels=["email", "telegram_bot"], audience={"customer_ids": [ann]})
    sweep(hub.deps)
    assert eventually(hub.sent_texts) == ["Sale!"]
    assert _metrics(hub, campaign_id) == (1, 0, 0)


@pytest.mark.parametrize("adapter", ["voice", "video"])
def test_nobody_is_called_by_a_campaign(hub: Hub, adapter: str) -> None:
    [person] = _customers(hub, 5)
    telephone = an_instance(adapter, tenant_id=hub.tenant_id, status=InstanceStatus.CONNECTED)
    hub.store.commit(
        [
            Create(refs.instance(telephone.id), telephone.model_dump()),
            Merge(refs.customer(person), {"phone": "+49151"}),
        ]
    )
    _campaign(hub, channels=[adapter, "telegram_bot"], audience={"customer_ids": [person]})
    sweep(hub.deps)
    eventually(lambda: "Sale!" in hub.sent_texts())
    assert [each.instance_id == telephone.id for each in hub.conversations()] == [False]


def test_channels_are_changed_as_printed(hub: Hub) -> None:
    request = json.loads((GOLDEN / "campaign_channels_request.json").read_text("utf-8"))
    campaign_id = _campaign(hub, launch=False, channels=["chat"])
    path = f"/campaigns/{campaign_id}/channels"
    answer: Any = hub.client.put(path, json=request, headers=hub.headers)
    assert answer.status_code == 200
    assert answer.json == {
        "campaign_id": campaign_id,
        "name": "Summer Sale",
        "metrics": {"total_sent": 0, "responses": 0, "conversions": 0},
        "status": "draft",
        "success": True,
        **request,
    }
    changed: Any = hub.client.put(path, json={"channels": ["chat", "chat"]}, headers=hub.headers).json
    assert (changed["channels"], changed["settings"]) == (["chat"], request["settings"])
    refused: list[dict[str, Any]] = [
        {},
        {"channels": []},
        {"channels": ["pigeon"]},
        {"channels": ["sms"], "settings": {"sms": 1}},
    ]
    for wrong in refused:
        assert hub.client.put(path, json=wrong, headers=hub.headers).status_code == 400
    assert hub.client.put("/campaigns/nothing/channels", json=request, headers=hub.headers).status_code == 404


def test_campaigns_are_listed_newest_first_in_pages(hub: Hub) -> None:
    campaign_ids = [_campaign(hub, launch=False, name=f"number {number}") for number in range(3)]
    first = hub.get("/campaigns?limit=2")
    rest = hub.get(f"/campaigns?limit=2&cursor={first['next_cursor']}")
    listed = [each["campaign_id"] for each in first["campaigns"] + rest["campaigns"]]
    assert listed == campaign_ids[::-1]
    assert rest["next_cursor"] is None
    assert list(rest["campaigns"][0]) == ["campaign_id", "name", "channels", "status", "created_at"]


def test_everybody_in_the_audience_gets_one_message(hub: Hub) -> None:
    hub.echo_agent()
    ann, bob, eve = _customers(hub, 1, 2, 3)
    eventually(lambda: len(hub.sent_texts()) == 3)
    _tag(hub, bob, "vip", "new")
    _tag(hub, ann, "vip")
    campaign_id = _campaign(hub, audience={"customer_ids": [ann, eve, "unknown"], "tags": ["nobody's", "vip", "new"]})
    assert hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)["status"] == "running"
    for _ in range(3):
        sweep(hub.deps)
    eventually(hub.idle)
    assert sorted(hub.sent_texts()) == ["Echo: hello"] * 3 + ["Sale!"] * 3
    assert _metrics(hub, campaign_id) == (3, 0, 0)
    assert _status(hub, campaign_id) == "finished"
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 409)


def test_a_channels_template_is_what_is_said_there(hub: Hub) -> None:
    [ann] = _customers(hub, 1)
    template = {"telegram_bot": {"template": "Sale, dear Telegram"}}
    own: dict[str, Any] = {"settings": template, "audience": {"customer_ids": [ann]}}
    _campaign(hub, **own)
    _campaign(hub, channels=["telegram_bot"], message="", **own)
    sweep(hub.deps)
    eventually(hub.idle)
    assert hub.sent_texts() == ["Sale, dear Telegram"] * 2
    unsaid = _campaign(hub, launch=False, message="", **own)
    hub.post(f"/campaigns/{unsaid}/launch", {}, 422)


def test_a_tag_that_was_taken_away_or_came_by_a_merge_counts_as_it_is_now(hub: Hub) -> None:
    ann, bob, eve, joe = _customers(hub, 1, 2, 3, 4)
    for each in (ann, bob, joe):
        _tag(hub, each, "vip")
    _tag(hub, ann)
    hub.post(f"/customers/{eve}/merge", {"source_id": bob})
    merge_id = hub.post(f"/customers/{ann}/merge", {"source_id": joe})["merge_id"]
    hub.post(f"/customers/{ann}/unmerge", {"merge_id": merge_id})
    campaign_id = _campaign(hub, audience={"tags": ["vip"]})
    sweep(hub.deps)
    eventually(hub.idle)
    assert len(hub.sent_texts()) == 2
    chats = {request.json["chat_id"] for request in hub.provider.to("/sendMessage")}
    assert "1" not in chats
    assert _metrics(hub, campaign_id) == (2, 0, 0)


def test_who_opted_out_gets_nothing(hub: Hub) -> None:
    ann, bob, eve = _customers(hub, 1, 2, 3)
    hub.deps.store.commit([Merge(refs.customer(ann), {"opted_out": True})])
    hub.deps.store.commit([Merge(refs.customer(bob), {"tags": ["Unsubscribed"]})])
    campaign_id = _campaign(hub, audience={"customer_ids": [ann, bob, eve]})
    sweep(hub.deps)
    eventually(hub.idle)
    assert [request.json["chat_id"] for request in hub.provider.to("/sendMessage")] == ["3"]
    assert _metrics(hub, campaign_id) == (1, 0, 0)


def test_the_first_message_afterwards_is_a_response_and_conversions_are_reported(hub: Hub) -> None:
    ann, bob = _customers(hub, 1, 2)
    campaign_id = _campaign(hub, audience={"customer_ids": [ann]})
    sweep(hub.deps)
    channel_id = hub.conversations()[0].instance_id
    for text in ("tell me more", "now"):
        hub.customer_writes(channel_id, text, chat=1)
    hub.customer_writes(channel_id, "me too", chat=2)
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 5)
    assert _metrics(hub, campaign_id) == (1, 1, 0)
    for _ in range(2):
        answer = hub.post(f"/campaigns/{campaign_id}/conversions", {"customer_id": ann})
    assert (answer["success"], answer["metrics"]["conversions"]) == (True, 1)
    hub.post(f"/campaigns/{campaign_id}/conversions", {"customer_id": bob}, 404)
    hub.post(f"/campaigns/{campaign_id}/conversions", {"customer_id": "nobody"}, 404)
    assert _metrics(hub, campaign_id) == (1, 1, 1)


def test_after_a_week_a_message_is_no_response(hub: Hub) -> None:
    [ann] = _customers(hub, 1)
    campaign_id = _campaign(hub, audience={"customer_ids": [ann]})
    sweep(hub.deps)
    late = hub.deps.now() + timedelta(days=8)
    event = InboundEvent(
        tenant_id=hub.tenant_id,
        instance_id=hub.conversation().instance_id,
        channel="telegram_bot",
        payload=hub.update(1, "hello again"),
        received_at=late,
    )
    normalize(dataclasses.replace(hub.deps, now=lambda: late), event)
    assert _metrics(hub, campaign_id) == (1, 0, 0)


def test_a_campaign_is_no_answer(hub: Hub) -> None:
    [ann] = _customers(hub, 1)
    waiting = hub.conversation().needs_reply_since
    _campaign(hub, audience={"customer_ids": [ann]})
    sweep(hub.deps)
    eventually(hub.idle)
    assert waiting is not None
    assert hub.conversation().needs_reply_since == waiting
    assert hub.get("/analytics/dashboard")["responseTime"] == 0


def test_who_has_no_open_conversation_gets_one(hub: Hub) -> None:
    [ann] = _customers(hub, 1)
    channel_id = hub.conversation().instance_id
    hub.patch(f"/api/channels/{channel_id}", {"config": {"csat": False}})
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "CLOSED"})
    _campaign(hub, audience={"customer_ids": [ann]})
    sweep(hub.deps)
    eventually(lambda: hub.idle() and hub.sent_texts() == ["Sale!"])
    assert len(hub.conversations()) == 2


@dataclasses.dataclass
class Dying:
    """A store that dies after some commits that send a message."""

    store: Store
    left: int

    def commit(self, writes: Sequence[Write]) -> None:
        if any(write.ref.collection in ("outbox", "campaigns") for write in writes):
            if not self.left:
                raise StoreError("the store is gone")
            self.left -= 1
        self.store.commit(writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.mark.parametrize("survived", [0, 1, 2, 3])
def test_a_launch_that_was_broken_off_is_resumed_without_doubles(hub: Hub, survived: int) -> None:
    everybody = _customers(hub, 1, 2, 3)
    campaign_id = _campaign(hub, audience={"customer_ids": everybody})
    dying: Any = Dying(hub.deps.store, survived)
    with pytest.raises(StoreError):
        sweep(dataclasses.replace(hub.deps, store=dying))
    sweep(hub.deps)
    sweep(hub.deps)
    eventually(hub.idle)
    assert [message.text for message in hub.messages(Direction.OUTBOUND)] == ["Sale!"] * 3
    assert (_metrics(hub, campaign_id), _status(hub, campaign_id)) == ((3, 0, 0), "finished")


def test_a_large_campaign_is_sent_batch_by_batch(hub: Hub) -> None:
    [ann] = _customers(hub, 1)
    unknown = [f"nobody-{number}" for number in range(campaign_batches.BATCH)]
    campaign_id = _campaign(hub, audience={"customer_ids": [*unknown, ann]})
    sweep(hub.deps)
    assert (_metrics(hub, campaign_id), _status(hub, campaign_id)) == ((0, 0, 0), "running")
    sweep(hub.deps)
    assert (_metrics(hub, campaign_id), _status(hub, campaign_id)) == ((1, 0, 0), "finished")


def test_those_who_have_a_tag_are_gone_through_to_the_last_page(hub: Hub) -> None:
    """More pages than one run looks at; of those on them only the last one is a customer."""
    customer_ids = [f"c{number}" for number in range(10 * campaign_batches.BATCH + 5)]
    for start in range(0, len(customer_ids), 200):
        unit = UnitOfWork(hub.store)
        for customer_id in customer_ids[start : start + 200]:
            tag = CustomerTag(tenant_id=hub.tenant_id, tag="vip", customer_id=customer_id)
            unit.customer_tags.put(tag, ids.customer_tag(hub.tenant_id, "vip", customer_id))
        unit.commit()
    last = max(customer_ids, key=lambda customer_id: ids.customer_tag(hub.tenant_id, "vip", customer_id))
    channel = instances.by_id(hub.deps, hub.tenant_id, hub.telegram())
    address(hub.deps, customer(hub.deps, last, tenant_id=hub.tenant_id, tags=["vip"]), channel, "5")
    campaign_id = _campaign(hub, audience={"tags": ["vip"]})
    sweep(hub.deps)
    assert (_metrics(hub, campaign_id), _status(hub, campaign_id)) == ((0, 0, 0), "running")
    sweep(hub.deps)
    assert (_metrics(hub, campaign_id), _status(hub, campaign_id)) == ((1, 0, 0), "finished")


@pytest.mark.parametrize("missing", [{"message": " ", "audience": {"tags": ["a"]}}, {"audience": {}}])
def test_nothing_to_say_and_nobody_to_tell_cannot_be_launched(hub: Hub, missing: dict[str, Any]) -> None:
    campaign_id = _campaign(hub, launch=False, **missing)
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 422)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"channels": ["pigeon"]},
        {"audience": {"customer_ids": ["a/b"]}},
        {"audience": {"tags": [""]}},
        {"settings": {"sms": {"template": "x" * 20_001}}},
    ],
)
def test_a_campaign_that_cannot_be_is_refused(hub: Hub, wrong: dict[str, Any]) -> None:
    hub.post("/campaigns", SALE | wrong, 400)


def test_unknown_and_foreign_campaigns_look_the_same(hub: Hub, deps: Deps) -> None:
    campaign_id = _campaign(hub, launch=False)
    client = create_app(deps, blueprints()).test_client()
    stranger = key_for(deps, "other")
    for id_ in (campaign_id, "nothing"):
        assert client.get(f"/campaigns/{id_}/omnichannel", headers=stranger).status_code == 404
        changed = client.put(f"/campaigns/{id_}/channels", json={"channels": ["sms"]}, headers=stranger)
        assert changed.status_code == 404
        assert client.post(f"/campaigns/{id_}/launch", headers=stranger).status_code == 404
        converted = client.post(f"/campaigns/{id_}/conversions", json={"customer_id": "a"}, headers=stranger)
        assert converted.status_code == 404
    listed: Any = client.get("/campaigns", headers=stranger).json
    assert listed == {"campaigns": [], "next_cursor": None}
    agent = key_for(deps, hub.tenant_id, Role.AGENT)
    assert client.post("/campaigns", json=SALE, headers=agent).status_code == 403
    assert client.post(f"/campaigns/{campaign_id}/launch", headers=agent).status_code == 403
