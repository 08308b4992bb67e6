"""Campaigns that send a template: refused before the launch, stopped while they are sent, and never sent twice."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from shared.errors import StoreError
from shared.ports.store import Store, Write
from shared.usecases.sweep import sweep
from tests.channels.whatsapp_cloud.meta_templates import CONFIG, NUMBER, SECRET, MetaTemplates, status_update
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply

TEMPLATE = {"name": "summer_sale", "language": "en_US", "parameters": ["{{first_name|there}}"]}
SALE: dict[str, Any] = {
    "name": "Sale",
    "channels": ["WHATSAPP"],
    "templates": {"WHATSAPP": TEMPLATE},
    "message": "Sale!",
}


@pytest.fixture
def meta(manual_hub: ManualHub) -> MetaTemplates:
    templates = MetaTemplates()
    templates.install(manual_hub.provider)
    numbers = count(1)

    def accepted(request: Received) -> Reply:
        return Reply(json={"messaging_product": "whatsapp", "messages": [{"id": f"wamid.OUT{next(numbers)}"}]})

    manual_hub.provider.on("POST", f"/{NUMBER}/messages", accepted)
    return templates


@pytest.fixture
def shop(manual_hub: ManualHub, meta: MetaTemplates) -> str:
    return str(manual_hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": CONFIG}, 201)["id"])


@pytest.fixture
def people(manual_hub: ManualHub, shop: str) -> list[str]:
    """Three customers who never wrote: a template reaches them by their numbers."""
    return [
        str(manual_hub.post("/api/customers", {"name": name, "phone": phone}, 201)["id"])
        for name, phone in (("Ann Lee", "+16505551001"), ("Bob", "+16505551002"), ("", "+16505551003"))
    ]


def _campaign(hub: ManualHub, people: Sequence[str], **fields: Any) -> str:
    body = SALE | {"audience": {"customerIds": list(people)}} | fields
    return str(hub.post("/api/campaigns", body, 201)["id"])


def _launch(hub: ManualHub, campaign_id: str, status: int = 202) -> Any:
    return hub.post(f"/api/campaigns/{campaign_id}/launch", {}, status)


def _read(hub: ManualHub, campaign_id: str) -> dict[str, Any]:
    campaign: dict[str, Any] = hub.get(f"/api/campaigns/{campaign_id}")
    return campaign


def _sent(hub: ManualHub) -> list[Any]:
    return [request.json for request in hub.provider.to(r"/messages\?") if "template" in request.json]


def _meta_calls(hub: ManualHub, body: Any) -> None:
    raw = json.dumps(body).encode()
    signature = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
    assert hub.client.post("/webhook/whatsapp_cloud", data=raw, headers=headers).status_code == 200
    hub.work()


def _receipt(hub: ManualHub, wamid: str, status: str) -> None:
    value = {
        "metadata": {"phone_number_id": NUMBER},
        "statuses": [{"id": wamid, "status": status, "timestamp": "1700000000", "recipient_id": "16505551001"}],
    }
    change = {"field": "messages", "value": value}
    _meta_calls(hub, {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]})


def test_an_approved_template_is_filled_for_each_customer(
    manual_hub: ManualHub, people: list[str], meta: MetaTemplates
) -> None:
    meta.has()
    campaign_id = _campaign(manual_hub, people)
    _launch(manual_hub, campaign_id)
    manual_hub.tick()
    texts = [sent["template"]["components"][0]["parameters"][0]["text"] for sent in _sent(manual_hub)]
    assert sorted(texts) == ["Ann", "Bob", "there"]
    assert _read(manual_hub, campaign_id)["status"] == "finished"


def test_receipts_move_the_funnel_in_any_order(manual_hub: ManualHub, people: list[str], meta: MetaTemplates) -> None:
    meta.has()
    campaign_id = _campaign(manual_hub, people)
    _launch(manual_hub, campaign_id)
    manual_hub.tick()
    for wamid, status in (("1", "read"), ("1", "delivered"), ("2", "delivered"), ("2", "delivered"), ("3", "failed")):
        _receipt(manual_hub, f"wamid.OUT{wamid}", status)
    figures = {name: number for name, number in _read(manual_hub, campaign_id)["funnel"].items() if number}
    assert figures == {"sent": 2, "delivered": 2, "read": 1, "failed": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "PAUSED", "rejected_reason": "LOW_QUALITY"}, "is paused: low quality"),
        ({"status": "REJECTED", "rejected_reason": "PROMOTIONAL"}, "is rejected: promotional"),
        ({"status": "PENDING"}, "is pending"),
        ({"language": "pt_BR"}, "there is no template summer_sale (en_US)"),
        ({"name": "summer_sale_2"}, "there is no template summer_sale (en_US)"),
        ({"components": [{"type": "BODY", "text": "Hello {{1}}, {{2}}."}]}, "has 2 places in its text"),
        ({"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hi {{1}}."}]}, "type image"),
        ({"parameter_format": "NAMED", "components": [{"type": "BODY", "text": "Hi {{who}}."}]}, "exactly who"),
    ],
)
def test_a_template_that_cannot_be_sent_is_refused_before_the_launch(
    manual_hub: ManualHub, people: list[str], meta: MetaTemplates, changes: dict[str, Any], reason: str
) -> None:
    meta.has(**changes)
    campaign_id = _campaign(manual_hub, people)
    assert reason in _launch(manual_hub, campaign_id, 422)["detail"]
    assert _read(manual_hub, campaign_id)["status"] == "draft"
    body = {name: SALE[name] for name in ("channels", "templates", "message")} | {"audience": {"customerIds": people}}
    assert reason in manual_hub.post("/api/campaigns/audience", body)["templateRefusal"]


def test_places_with_names_are_filled_by_name(manual_hub: ManualHub, people: list[str], meta: MetaTemplates) -> None:
    meta.has(parameter_format="NAMED", components=[{"type": "BODY", "text": "Hello {{who}}."}])
    named = {"name": "summer_sale", "language": "en_US", "namedParameters": {"who": "{{first_name|there}}"}}
    campaign_id = _campaign(manual_hub, people[:1], templates={"WHATSAPP": named})
    _launch(manual_hub, campaign_id)
    manual_hub.tick()
    [sent] = _sent(manual_hub)
    assert sent["template"]["components"][0]["parameters"] == [{"type": "text", "parameter_name": "who", "text": "Ann"}]


def test_a_template_that_is_paused_while_it_is_sent_stops_the_campaign_which_goes_on_without_repeats(
    manual_hub: ManualHub, people: list[str], meta: MetaTemplates
) -> None:
    template = meta.has()
    campaign_id = _campaign(manual_hub, people)
    _launch(manual_hub, campaign_id)

    def pause() -> None:
        template["status"] = "PAUSED"
        _meta_calls(manual_hub, status_update("PAUSED", reason="LOW_QUALITY"))

    manual_hub.overlaps.store.before_commit("outbox", pause)
    manual_hub.tick()
    manual_hub.tick()
    campaign = _read(manual_hub, campaign_id)
    assert (campaign["status"], campaign["pauseReason"]) == (
        "paused",
        "the template summer_sale (en_US) is paused: low quality",
    )
    assert len(_sent(manual_hub)) == 1
    assert [note["title"] for note in manual_hub.documents("notifications", type="campaign_paused")] == [
        "A campaign was paused"
    ]
    manual_hub.post(f"/api/campaigns/{campaign_id}/resume", {}, 422)
    template["status"] = "APPROVED"
    manual_hub.post(f"/api/campaigns/{campaign_id}/resume", {})
    manual_hub.tick()
    assert sorted(sent["to"] for sent in _sent(manual_hub)) == ["+16505551001", "+16505551002", "+16505551003"]
    assert _read(manual_hub, campaign_id)["funnel"]["sent"] == 3


def test_a_scheduled_campaign_whose_template_was_rejected_meanwhile_is_paused_at_its_time(
    manual_hub: ManualHub, people: list[str], meta: MetaTemplates
) -> None:
    template = meta.has()
    send_at = manual_hub.deps.now().replace(year=manual_hub.deps.now().year + 1)
    campaign_id = _campaign(manual_hub, people, sendAt=send_at.isoformat())
    _launch(manual_hub, campaign_id)
    template["status"] = "REJECTED"
    manual_hub.wait(days=366)
    manual_hub.tick()
    campaign = _read(manual_hub, campaign_id)
    assert (campaign["status"], _sent(manual_hub)) == ("paused", [])
    assert "is rejected" in campaign["pauseReason"]


def test_a_channel_that_names_no_business_leaves_templates_to_meta(manual_hub: ManualHub, meta: MetaTemplates) -> None:
    config = {name: value for name, value in CONFIG.items() if name != "businessAccountId"}
    manual_hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": config}, 201)
    ann = str(manual_hub.post("/api/customers", {"name": "Ann", "phone": "+16505551001"}, 201)["id"])
    _launch(manual_hub, _campaign(manual_hub, [ann]))
    manual_hub.tick()
    assert len(_sent(manual_hub)) == 1


def test_a_text_to_who_has_not_written_lately_is_skipped(
    manual_hub: ManualHub, people: list[str], meta: MetaTemplates
) -> None:
    campaign_id = _campaign(manual_hub, people[:1], templates={})
    _launch(manual_hub, campaign_id)
    manual_hub.tick()
    assert _read(manual_hub, campaign_id)["funnel"]["skippedBy"] == {"window_closed": 1}
    body = {"channels": ["WHATSAPP"], "message": "Sale!", "audience": {"customerIds": people}}
    assert manual_hub.post("/api/campaigns/audience", body)["windowClosed"] == 3


@dataclasses.dataclass
class Dying:
    """A store that dies instead of the commit that follows so many."""

    store: Store
    left: int

    def commit(self, writes: Sequence[Write]) -> None:
        if not self.left:
            raise StoreError("the store is gone")
        self.left -= 1
        self.store.commit(writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def test_a_kill_before_any_commit_leaves_everybody_with_one_message(
    manual_hub: ManualHub, people: list[str], meta: MetaTemplates
) -> None:
    """A customer who is skipped is among them, so that each kind of commit is met."""
    meta.has()
    manual_hub.patch(f"/api/customers/{people[2]}", {"tags": ["opted_out"]})
    kills = 0
    for survived in range(6):
        send_at = manual_hub.deps.now() + timedelta(minutes=1)
        campaign_id = _campaign(manual_hub, people, sendAt=send_at.isoformat())
        _launch(manual_hub, campaign_id)
        manual_hub.wait(minutes=2)
        dying: Any = Dying(manual_hub.deps.store, survived)
        try:
            sweep(dataclasses.replace(manual_hub.deps, store=dying))
        except StoreError:
            kills += 1
        for _ in range(2):
            manual_hub.tick()
            manual_hub.wait(minutes=2)
        campaign = _read(manual_hub, campaign_id)
        figures = {name: number for name, number in campaign["funnel"].items() if number}
        expected = {"sent": 2, "skipped": 1, "skippedBy": {"opted_out": 1}}
        assert (campaign["status"], figures) == ("finished", expected), f"after {survived} commits"
        assert len(_sent(manual_hub)) == 2 * (survived + 1)
    assert kills >= 5
