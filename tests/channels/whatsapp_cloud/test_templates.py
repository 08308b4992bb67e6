"""Templates of a WhatsApp number: read from Meta, told of by Meta, made and deleted there."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from shared.domain.accounts import Role
from tests.channels.whatsapp_cloud.meta_templates import (
    CONFIG,
    SECRET,
    MetaTemplates,
    quality_update,
    status_update,
)
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub

NEW: dict[str, Any] = {
    "name": "order_shipped",
    "language": "en_US",
    "category": "utility",
    "header": {"type": "text", "text": "Your order"},
    "body": "Hello {{1}}, order {{2}} is on its way.",
    "footer": "Reply STOP to opt out",
    "buttons": [
        {"type": "url", "text": "Track it", "url": "https://shop.example/{{1}}"},
        {"type": "phone_number", "text": "Call us", "phoneNumber": "+5511999998888"},
    ],
    "examples": {"1": "Ann", "2": "42"},
}


@pytest.fixture
def meta(manual_hub: ManualHub) -> MetaTemplates:
    templates = MetaTemplates()
    templates.install(manual_hub.provider)
    return templates


@pytest.fixture
def shop(manual_hub: ManualHub, meta: MetaTemplates) -> str:
    return str(manual_hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": CONFIG}, 201)["id"])


def _sync(hub: ManualHub, shop: str) -> Any:
    return hub.post(f"/api/channels/{shop}/templates/sync", {})


def _listed(hub: ManualHub, shop: str, query: str = "") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = hub.get(f"/api/channels/{shop}/templates{query}")["templates"]
    return listed


def _meta_calls(hub: ManualHub, path: str, body: Any, secret: str = SECRET) -> None:
    raw = json.dumps(body).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
    assert hub.client.post(path, data=raw, headers=headers).status_code == 200
    hub.work()


def test_all_pages_of_templates_are_read_and_what_meta_has_no_more_is_removed(
    manual_hub: ManualHub, shop: str, meta: MetaTemplates
) -> None:
    meta.page_size = 2
    for number in range(5):
        meta.has(name=f"sale_{number}")
    assert _sync(manual_hub, shop) == {"read": 5, "removed": 0, "after": None}
    meta.templates = meta.templates[1:]
    manual_hub.wait(minutes=1)
    assert _sync(manual_hub, shop) == {"read": 4, "removed": 1, "after": None}
    assert [each["name"] for each in _listed(manual_hub, shop)] == ["sale_1", "sale_2", "sale_3", "sale_4"]


def test_a_synced_template_tells_what_it_says_and_how_it_stands(
    manual_hub: ManualHub, shop: str, meta: MetaTemplates
) -> None:
    meta.has(status="REJECTED", rejected_reason="INVALID_FORMAT")
    meta.has(name="winter_sale")
    _sync(manual_hub, shop)
    [rejected] = _listed(manual_hub, shop, "?status=rejected")
    assert (rejected["name"], rejected["language"], rejected["category"]) == ("summer_sale", "en_US", "marketing")
    assert (rejected["reason"], rejected["quality"], rejected["places"]) == ("invalid format", "green", ["1"])
    assert manual_hub.get(f"/api/channels/{shop}/templates/{rejected['id']}") == rejected


def test_pages_of_the_list_follow_each_other(manual_hub: ManualHub, shop: str, meta: MetaTemplates) -> None:
    for number in range(3):
        meta.has(name=f"sale_{number}")
    _sync(manual_hub, shop)
    first = manual_hub.get(f"/api/channels/{shop}/templates?limit=2")
    rest = manual_hub.get(f"/api/channels/{shop}/templates?limit=2&cursor={first['nextCursor']}")
    names = [each["name"] for page in (first, rest) for each in page["templates"]]
    assert (names, rest["nextCursor"]) == (["sale_0", "sale_1", "sale_2"], None)


@pytest.mark.parametrize("address", ["/webhook/whatsapp_cloud", "/webhook/whatsapp_cloud/{shop}"])
def test_meta_tells_that_a_template_was_paused_and_people_are_notified(
    manual_hub: ManualHub, shop: str, meta: MetaTemplates, address: str
) -> None:
    meta.has()
    _sync(manual_hub, shop)
    paused = status_update("PAUSED", other_info={"title": "FIRST_PAUSE", "description": "low quality"})
    _meta_calls(manual_hub, address.format(shop=shop), paused)
    _meta_calls(manual_hub, address.format(shop=shop), quality_update("RED"))
    [template] = _listed(manual_hub, shop)
    assert (template["status"], template["reason"], template["quality"]) == ("paused", "low quality", "red")
    [note] = manual_hub.documents("notifications", type="template_stopped")
    assert "summer_sale (en_US) is paused: low quality" in note["message"]
    _meta_calls(manual_hub, address.format(shop=shop), status_update("REINSTATED"))
    assert _listed(manual_hub, shop)[0]["status"] == "approved"


def test_every_number_of_a_business_hears_of_its_templates_but_no_strangers(
    manual_hub: ManualHub, shop: str, meta: MetaTemplates
) -> None:
    meta.has()
    second = CONFIG | {"phoneNumberId": "106540352242923", "appSecret": "another"}
    other = manual_hub.post("/api/channels", {"name": "Other", "type": "WHATSAPP", "config": second}, 201)["id"]
    for channel_id in (shop, other):
        _sync(manual_hub, channel_id)
    _meta_calls(manual_hub, "/webhook/whatsapp_cloud", status_update("DISABLED"), secret="another")
    assert [_listed(manual_hub, each)[0]["status"] for each in (shop, other)] == ["approved", "disabled"]
    _meta_calls(manual_hub, "/webhook/whatsapp_cloud", status_update("DISABLED"), secret="forged")
    assert _listed(manual_hub, shop)[0]["status"] == "approved"


@pytest.mark.parametrize("address", ["/webhook/whatsapp_cloud", "/webhook/whatsapp_cloud/{shop}"])
def test_a_template_of_another_business_with_the_same_app_is_another_template(
    manual_hub: ManualHub, shop: str, meta: MetaTemplates, address: str
) -> None:
    meta.has()
    _sync(manual_hub, shop)
    update = status_update("DISABLED")
    update["entry"][0]["id"] = "999"
    _meta_calls(manual_hub, address.format(shop=shop), update)
    assert _listed(manual_hub, shop)[0]["status"] == "approved"


def test_a_template_is_made_at_meta_and_approved_there(manual_hub: ManualHub, shop: str, meta: MetaTemplates) -> None:
    created = manual_hub.post(f"/api/channels/{shop}/templates", NEW, 201)
    assert (created["status"], created["body"], created["places"]) == ("pending", NEW["body"], ["1", "2"])
    [at_meta] = meta.templates
    assert at_meta["components"] == [
        {"type": "HEADER", "format": "TEXT", "text": "Your order"},
        {"type": "BODY", "text": NEW["body"], "example": {"body_text": [["Ann", "42"]]}},
        {"type": "FOOTER", "text": "Reply STOP to opt out"},
        {
            "type": "BUTTONS",
            "buttons": [
                {
                    "type": "URL",
                    "text": "Track it",
                    "url": "https://shop.example/{{1}}",
                    "example": ["https://shop.example/example"],
                },
                {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+5511999998888"},
            ],
        },
    ]
    manual_hub.post(f"/api/channels/{shop}/templates", NEW, 409)
    _meta_calls(manual_hub, "/webhook/whatsapp_cloud", status_update("APPROVED", "order_shipped"))
    assert _listed(manual_hub, shop)[0]["status"] == "approved"


def test_places_with_names_have_examples_with_names(manual_hub: ManualHub, shop: str, meta: MetaTemplates) -> None:
    named = {"body": "Hello {{first_name}}, welcome.", "examples": {"first_name": "Ann"}, "header": None}
    created = manual_hub.post(f"/api/channels/{shop}/templates", NEW | named, 201)
    assert (created["parameterFormat"], meta.templates[0]["parameter_format"]) == ("named", "NAMED")
    example = meta.templates[0]["components"][0]["example"]
    assert example == {"body_text_named_params": [{"param_name": "first_name", "example": "Ann"}]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Order shipped"}, "name"),
        ({"language": "klingon"}, "language"),
        ({"category": "authentication"}, "category"),
        ({"body": "{{1}} ordered"}, "body"),
        ({"body": "Order of {{1}}"}, "body"),
        ({"body": "Hello {{2}}, welcome"}, "body"),
        ({"body": "Hello {{1}} and {{name}}, welcome"}, "body"),
        ({"body": "Hello {{1, welcome"}, "body"),
        ({"body": "Hello {{1}}, {{2}} and {{3}}, welcome"}, "body"),
        ({"header": {"type": "text", "text": "{{1}} and {{2}}"}}, "header"),
        ({"footer": "{{1}}"}, "footer"),
        ({"buttons": [{"type": "url", "text": "Go"}]}, "buttons"),
        ({"buttons": [{"type": "url", "text": "Go", "url": "https://a.example/{{1}}/x"}]}, "buttons"),
        ({"buttons": [{"type": "phone_number", "text": "Call"}]}, "buttons"),
    ],
)
def test_what_meta_would_refuse_is_refused_before_meta_is_asked(
    manual_hub: ManualHub, shop: str, meta: MetaTemplates, changes: dict[str, Any], field: str
) -> None:
    refused = manual_hub.post(f"/api/channels/{shop}/templates", NEW | changes, 400)
    assert list(refused["fields"]) == [field]
    assert (meta.templates, _listed(manual_hub, shop)) == ([], [])


def test_a_template_is_deleted_in_its_language_alone(manual_hub: ManualHub, shop: str, meta: MetaTemplates) -> None:
    meta.has()
    meta.has(id="2", language="pt_BR")
    _sync(manual_hub, shop)
    english, portuguese = sorted(_listed(manual_hub, shop), key=lambda each: str(each["language"]))
    path = f"/api/channels/{shop}/templates/{english['id']}"
    assert manual_hub.client.delete(path, headers=manual_hub.headers).status_code == 200
    assert [each["language"] for each in meta.templates] == ["pt_BR"]
    assert _listed(manual_hub, shop) == [portuguese]
    assert manual_hub.client.delete(path, headers=manual_hub.headers).status_code == 404


def test_one_that_is_gone_at_meta_can_be_deleted_here(manual_hub: ManualHub, shop: str, meta: MetaTemplates) -> None:
    meta.has()
    _sync(manual_hub, shop)
    meta.templates.clear()
    [template] = _listed(manual_hub, shop)
    path = f"/api/channels/{shop}/templates/{template['id']}"
    assert manual_hub.client.delete(path, headers=manual_hub.headers).status_code == 200
    assert _listed(manual_hub, shop) == []


def test_a_channel_without_templates_and_one_that_names_no_business_say_so(
    manual_hub: ManualHub, meta: MetaTemplates
) -> None:
    bot = manual_hub.telegram()
    refused = manual_hub.post(f"/api/channels/{bot}/templates/sync", {}, 422)
    assert "has no templates" in refused["detail"]
    nameless = {name: value for name, value in CONFIG.items() if name != "businessAccountId"}
    shop = manual_hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": nameless}, 201)["id"]
    refused = manual_hub.post(f"/api/channels/{shop}/templates/sync", {}, 422)
    assert "businessAccountId" in refused["detail"]


def test_another_channels_template_and_another_tenants_channel_are_unknown(
    manual_hub: ManualHub, shop: str, meta: MetaTemplates
) -> None:
    meta.has()
    _sync(manual_hub, shop)
    [template] = _listed(manual_hub, shop)
    bot = manual_hub.telegram()
    assert (
        manual_hub.client.get(f"/api/channels/{bot}/templates/{template['id']}", headers=manual_hub.headers).status_code
        == 404
    )
    manual_hub.register("other@example.com")
    headers = key_for(manual_hub.deps, manual_hub.tenant_id, Role.OWNER)
    for path in ("", f"/{template['id']}"):
        answer = manual_hub.client.get(f"/api/channels/{shop}/templates{path}", headers=headers)
        assert answer.status_code == 404
