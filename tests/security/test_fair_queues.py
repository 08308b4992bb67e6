"""What one tenant has done for it once a minute does not keep another tenant's from being done."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Role
from shared.domain.campaigns import Audience, Campaign, CampaignStatus
from shared.domain.fair_turns import in_turns
from shared.domain.instances import ChannelType
from shared.ports.store import Merge, Ref
from shared.usecases.campaigns import campaign_batches, campaign_sending, campaigns
from shared.usecases.delivery import status_checks
from shared.usecases.instances import removals
from shared.usecases.sweep import sweep
from tests.evolution import evolution_rules
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply

SALE = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!"}


def _act_as_new_tenant(hub: ManualHub, email: str) -> None:
    hub.register(email)
    hub.headers = key_for(hub.deps, hub.tenant_id, Role.OWNER)


def _customer(hub: ManualHub, chat: int = 5) -> str:
    hub.writes(hub.telegram(f"bot {chat}"), "hello", chat=chat)
    [conversation] = [each for each in hub.conversations() if each.external_user_id == str(chat)]
    return conversation.customer_id


def _campaign(hub: ManualHub, *customer_ids: str, status: int = 202, **audience: Any) -> str:
    body = SALE | {"audience": {"customer_ids": customer_ids, **audience}}
    campaign_id = str(hub.post("/campaigns", body, 201)["campaign_id"])
    hub.post(f"/campaigns/{campaign_id}/launch", {}, status)
    return campaign_id


def test_turns_go_from_tenant_to_tenant() -> None:
    items = ["a1", "a2", "a3", "b1", "c1", "c2"]
    assert in_turns(items, lambda item: item[0], per_tenant=2) == ["a1", "b1", "c1", "a2", "c2"]


def test_many_campaigns_of_one_tenant_do_not_delay_another_ones(manual_hub: ManualHub) -> None:
    everybody = [_customer(manual_hub), *(f"nobody-{number}" for number in range(campaign_batches.BATCH))]
    for _ in range(campaign_sending.MAX_RUNNING):
        _campaign(manual_hub, *everybody)
    _act_as_new_tenant(manual_hub, "other@example.com")
    _campaign(manual_hub, _customer(manual_hub, chat=77))
    sweep(manual_hub.deps)
    [sent] = manual_hub.documents("messages", tenant_id=manual_hub.tenant_id, author="system")
    assert sent["text"] == "Sale!"


def test_what_is_beyond_one_processs_share_is_done_by_others_in_the_same_minute(manual_hub: ManualHub) -> None:
    customer = _customer(manual_hub)
    for _ in range(campaign_sending.MAX_RUNNING):
        _campaign(manual_hub, customer)
    assert sweep(manual_hub.deps)["campaign_messages"] == 5
    assert len(manual_hub.documents("campaigns", status="finished")) == 5
    manual_hub.work()
    assert len(manual_hub.documents("campaigns", status="finished")) == campaign_sending.MAX_RUNNING
    assert len(manual_hub.documents("messages", author="system")) == campaign_sending.MAX_RUNNING


def test_a_batch_that_was_sent_meanwhile_is_not_sent_in_anothers_place(manual_hub: ManualHub) -> None:
    audience = [_customer(manual_hub), *(f"nobody-{number}" for number in range(3 * campaign_batches.BATCH))]
    campaigns = [_campaign(manual_hub, *audience) for _ in range(6)]
    sweep(manual_hub.deps)
    [left] = [each for each in manual_hub.documents("campaigns") if each["progress"]["position"] == 0]
    assert left["id"] == campaigns[-1]
    campaign_sending.send_batch(manual_hub.deps, manual_hub.tenant_id, left["id"], left["advanced_at"])
    manual_hub.work()
    assert {each["progress"]["position"] for each in manual_hub.documents("campaigns")} == {campaign_batches.BATCH}


def test_a_tenant_sends_only_so_many_campaigns_at_once(manual_hub: ManualHub) -> None:
    customer = _customer(manual_hub)
    for _ in range(campaign_sending.MAX_RUNNING):
        _campaign(manual_hub, customer)
    last = _campaign(manual_hub, customer, status=409)
    manual_hub.tick()
    manual_hub.post(f"/campaigns/{last}/launch", {}, 202)


def test_launches_at_once_are_not_more_than_one_by_one(manual_hub: ManualHub) -> None:
    customer = _customer(manual_hub)
    for _ in range(campaign_sending.MAX_RUNNING - 1):
        _campaign(manual_hub, customer)
    body = SALE | {"audience": {"customer_ids": [customer]}}
    drafts = [manual_hub.post("/campaigns", body, 201)["campaign_id"] for _ in range(6)]
    statuses: list[int] = []

    def launch(campaign_id: str) -> None:
        client = manual_hub.client.application.test_client()
        answer = client.post(f"/campaigns/{campaign_id}/launch", json={}, headers=manual_hub.headers)
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=launch, args=(draft,)) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202] + [409] * 5


@pytest.mark.parametrize(
    "audience",
    [{"customer_ids": [f"nobody-{number}" for number in range(150)]}, {"tags": ["nobody's", "no one's"]}],
    ids=["unknown customers", "tags that nobody has"],
)
def test_a_campaign_for_nobody_is_not_launched(manual_hub: ManualHub, audience: dict[str, Any]) -> None:
    _campaign(manual_hub, status=422, **audience)


def test_another_tenants_customers_are_nobody(manual_hub: ManualHub) -> None:
    customer = _customer(manual_hub)
    _act_as_new_tenant(manual_hub, "other@example.com")
    _campaign(manual_hub, customer, status=422)


def _accounts(hub: ManualHub, count: int, prefix: str) -> list[str]:
    """WhatsApp accounts that are connected, and were checked long ago."""
    [template] = hub.documents("instances", id=hub.whatsapp())
    long_ago = hub.deps.now() - timedelta(days=1)
    for number in range(count):
        changes = {"id": f"{prefix}{number}", "status": "connected", "checked_at": long_ago}
        hub.store.commit([Merge(Ref("instances", f"{prefix}{number}"), template | changes)])
    return [f"{prefix}{number}" for number in range(count)]


def _checked(hub: ManualHub, ids: list[str]) -> int:
    since = hub.deps.now() - timedelta(minutes=5)
    return sum(hub.documents("instances", id=each)[0]["checked_at"] > since for each in ids)


def test_many_accounts_of_one_tenant_do_not_delay_the_check_of_anothers(manual_hub: ManualHub) -> None:
    evolution_rules(manual_hub.provider)
    many = _accounts(manual_hub, status_checks.MAX_OF_TENANT + 10, "many")
    _act_as_new_tenant(manual_hub, "other@example.com")
    few = _accounts(manual_hub, 1, "few")
    before = len(manual_hub.provider.to("/instance/connectionState"))
    assert sweep(manual_hub.deps)["asked_after"] == status_checks.MAX_ACCOUNTS
    assert _checked(manual_hub, few) == 1
    manual_hub.work()
    assert _checked(manual_hub, many) == len(many), "also those that were put off, behind everybody else's"
    requests = len(manual_hub.provider.to("/instance/connectionState")) - before
    assert requests <= status_checks.MAX_OF_TENANT + 1


def _removals(hub: ManualHub, count: int, prefix: str, due_before: timedelta) -> list[str]:
    """What so many deleted accounts of the tenant leave at a server that deletes nothing; returns their ids."""
    hub.provider.on("DELETE", "/instance/delete/", Reply(500))
    config = {"whatsappInstance": prefix, "evolutionKey": "k" * 16}
    channel = hub.post("/api/channels", {"name": prefix, "type": "WHATSAPP", "config": config}, 201)
    [template] = hub.documents("instances", id=channel["id"])
    now = hub.deps.now()
    for number in range(count):
        id_ = f"{prefix}{number}"
        removal = {"id": id_, "instance": template, "due_at": now - due_before, "created_at": now}
        hub.store.commit([Merge(Ref("removals", id_), removal)])
    return [f"{prefix}{number}" for number in range(count)]


def _tries(hub: ManualHub, ids: list[str]) -> int:
    return sum(hub.documents("removals", id=each)[0].get("attempts", 0) for each in ids)


def test_many_removals_of_one_tenant_do_not_delay_anothers(manual_hub: ManualHub) -> None:
    evolution_rules(manual_hub.provider)
    many = _removals(manual_hub, 8 * removals.MAX_OF_TENANT, "many", due_before=timedelta(hours=1))
    _act_as_new_tenant(manual_hub, "other@example.com")
    few = _removals(manual_hub, 1, "few", due_before=timedelta(seconds=1))
    removals.retry_due(manual_hub.deps)
    assert (_tries(manual_hub, many), _tries(manual_hub, few)) == (removals.MAX_OF_TENANT, 1)


def test_scheduled_campaigns_beyond_a_tenants_share_delay_nobody_elses(manual_hub: ManualHub) -> None:
    greedy_id = manual_hub.tenant_id
    audience = [_customer(manual_hub), *(f"nobody-{number}" for number in range(campaign_batches.BATCH))]
    for _ in range(campaign_sending.MAX_RUNNING):
        _campaign(manual_hub, *audience)
    now = manual_hub.deps.now()
    unit = UnitOfWork(manual_hub.deps.store)
    for number in range(campaigns.MAX_PAGE):
        unit.campaigns.add(
            Campaign(
                id=f"scheduled-{number}",
                tenant_id=greedy_id,
                name="Sale",
                channels=[ChannelType.TELEGRAM_BOT],
                audience=Audience(customer_ids=audience),
                message="Sale!",
                status=CampaignStatus.SCHEDULED,
                send_at=now + timedelta(minutes=1),
                advanced_at=now,
                created_at=now,
                updated_at=now,
            )
        )
    unit.commit()
    _act_as_new_tenant(manual_hub, "other@example.com")
    body = {
        "name": "Sale",
        "channels": ["TELEGRAM_BOT"],
        "message": "Sale!",
        "audience": {"customerIds": [_customer(manual_hub, chat=77)]},
        "sendAt": (now + timedelta(minutes=2)).isoformat(),
    }
    campaign_id = manual_hub.post("/api/campaigns", body, 201)["id"]
    manual_hub.post(f"/api/campaigns/{campaign_id}/launch", {}, 202)
    manual_hub.wait(minutes=3)
    sweep(manual_hub.deps)
    assert manual_hub.get(f"/api/campaigns/{campaign_id}")["status"] == "finished"
