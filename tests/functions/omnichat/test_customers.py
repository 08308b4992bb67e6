"""Customers in OmniChat: looking them up, their addresses, their own fields, merging with a look before, importing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.manual_hub import ManualHub

ADA = {"name": "Ada", "phone": "+5511988887777", "email": "ada@example.com"}


def _add(hub: ManualHub, **fields: Any) -> Any:
    return hub.post("/api/customers", fields, 201)


def _ids(hub: ManualHub, query: str, status: int = 200) -> list[str]:
    return [customer["id"] for customer in hub.get(f"/api/customers?{query}", status)["customers"]]


def _import(hub: ManualHub, content: str, status: int = 200) -> Any:
    answer = hub.client.post("/api/customers/import", data=content, headers=hub.headers)
    assert answer.status_code == status, answer.text
    return answer.json


def test_a_customer_is_looked_up_by_number_and_mail_however_they_are_written(manual_hub: ManualHub) -> None:
    ada = _add(manual_hub, **ADA)["id"]
    _add(manual_hub, name="Bob", phone="+49151")
    for query in (
        "phone=%2B5511988887777",
        "phone=5511988887777",
        "phone=%2B55 (11) 98888-7777",
        "phone=0055 11 98888 7777",
        "email=ada@example.com",
        "email=ADA@example.com",
        "phone=5511988887777&email=ada@example.com",
    ):
        assert _ids(manual_hub, query) == [ada], query
    assert _ids(manual_hub, "phone=5511988887777&email=bob@example.com") == []
    assert _ids(manual_hub, "email=nobody@example.com") == []
    assert len(_ids(manual_hub, "limit=5")) == 2


def test_a_customer_is_looked_up_by_the_address_from_which_they_write(manual_hub: ManualHub) -> None:
    channel = manual_hub.telegram()
    manual_hub.writes(channel, "hello", chat=7)
    [customer] = manual_hub.get(f"/api/customers?address=7&channelId={channel}")["customers"]
    assert customer["name"] == "Customer 7"
    assert _ids(manual_hub, f"address=8&channelId={channel}") == []
    manual_hub.get("/api/customers?address=7&channelId=unknown", 404)
    assert manual_hub.get("/api/customers?address=7", 400)["fields"] == {
        "channelId": "goes with address, and address with it"
    }
    [identity] = manual_hub.get(f"/api/customers/{customer['id']}")["identities"]
    assert (identity["channelId"], identity["channelType"], identity["externalId"], identity["conversationId"]) == (
        *(channel, "TELEGRAM_BOT", "7"),
        manual_hub.conversation().id,
    )


def test_a_business_keeps_fields_of_its_own(manual_hub: ManualHub) -> None:
    ada = _add(manual_hub, **ADA, customFields={"plan": "gold", "seats": 3, "trial": False})
    path = f"/api/customers/{ada['id']}"
    changed = manual_hub.patch(path, {"customFields": {"plan": "silver", "seats": None}, "tags": ["vip"]})
    assert changed["customFields"] == {"plan": "silver", "trial": False}
    assert (changed["name"], changed["tags"]) == ("Ada", ["vip"])
    assert manual_hub.get(path) == changed
    refused = manual_hub.patch(path, {"customFields": {"list": [1]}}, 400)
    assert "customFields" in refused["detail"]
    many = {f"field {number}": number for number in range(49)}
    assert list(manual_hub.patch(path, {"customFields": many}, 400)["fields"]) == ["customFields"]


def test_a_merge_is_looked_at_made_listed_and_undone(manual_hub: ManualHub) -> None:
    hub = manual_hub
    hub.writes(hub.telegram(), "hello")
    source = hub.conversation().customer_id
    hub.patch(f"/api/customers/{source}", {"customFields": {"plan": "gold", "seats": 3}, "email": "c5@example.com"})
    ada = _add(hub, name="Ada", customFields={"plan": "silver"})["id"]
    before = hub.get(f"/api/customers/{ada}")
    preview = hub.post(f"/api/customers/{ada}/merge", {"sourceId": source, "dryRun": True})
    assert (preview["state"], preview["identityCount"], preview["conversationCount"]) == ("preview", 1, 1)
    assert preview["customer"]["customFields"] == {"plan": "silver", "seats": 3}
    assert preview["customer"]["email"] == "c5@example.com"
    assert hub.get(f"/api/customers/{ada}") == before
    merge = hub.post(f"/api/customers/{ada}/merge", {"sourceId": source})
    assert merge["mergeId"] == preview["mergeId"]
    after = hub.get(f"/api/customers/{ada}")
    assert {name: after[name] for name in ("name", "email", "customFields")} == {
        name: preview["customer"][name] for name in ("name", "email", "customFields")
    }
    [listed] = hub.get(f"/api/customers/{ada}/merges")["merges"]
    assert (listed["mergeId"], listed["sourceId"], listed["state"]) == (merge["mergeId"], source, "merged")
    hub.post(f"/api/customers/{ada}/unmerge", {"mergeId": merge["mergeId"]})
    assert hub.get(f"/api/customers/{ada}")["customFields"] == {"plan": "silver"}
    assert hub.get(f"/api/customers/{source}")["customFields"] == {"plan": "gold", "seats": 3}
    refused = hub.post(f"/api/customers/{ada}/merge", {"sourceId": ada, "dryRun": True}, 400)
    assert list(refused["fields"]) == ["sourceId"]


CSV = """name,phone,email,tags,language,customFields.plan
Ada,+5511988887777,ada@example.com,vip;late,pt,gold
Bob,49151 234,,,,
"Smith, Carl",,carl@example.com,,,silver
"""
LINES = """{"name": "Ada", "phone": "+5511988887777", "customFields": {"plan": "gold"}}

{"email": "bob@example.com", "tags": ["vip"]}
"""


@pytest.mark.parametrize(("content", "count"), [(CSV, 3), (LINES, 2)])
def test_importing_the_same_twice_changes_nothing(manual_hub: ManualHub, content: str, count: int) -> None:
    assert _import(manual_hub, content) == {"created": count, "changed": 0, "unchanged": 0}
    before = manual_hub.documents("customers", tenant_id=manual_hub.tenant_id)
    assert _import(manual_hub, content) == {"created": 0, "changed": 0, "unchanged": count}
    assert manual_hub.documents("customers", tenant_id=manual_hub.tenant_id) == before
    assert len(before) == count


def test_a_row_is_read_by_its_columns(manual_hub: ManualHub) -> None:
    _import(manual_hub, CSV)
    [ada] = manual_hub.get("/api/customers?email=ada@example.com")["customers"]
    assert (ada["name"], ada["tags"], ada["customFields"]) == ("Ada", ["vip", "late"], {"plan": "gold"})
    assert ada["preferences"]["language"] == "pt"
    [carl] = manual_hub.get("/api/customers?email=carl@example.com")["customers"]
    assert (carl["name"], carl["phone"]) == ("Smith, Carl", None)


def test_who_is_there_already_is_changed_and_loses_nothing(manual_hub: ManualHub) -> None:
    ada = _add(manual_hub, **ADA, tags=["old"], customFields={"seats": 3})["id"]
    content = "phone,name,tags,customFields.plan\n5511988887777,Ada L.,vip,gold\n5511988887777,Ada Lovelace,,\n"
    assert _import(manual_hub, content) == {"created": 0, "changed": 2, "unchanged": 0}
    changed = manual_hub.get(f"/api/customers/{ada}")
    assert (changed["name"], changed["tags"], changed["email"]) == ("Ada Lovelace", ["old", "vip"], ADA["email"])
    assert changed["customFields"] == {"seats": 3, "plan": "gold"}
    assert _ids(manual_hub, "limit=5") == [ada]


def test_a_field_of_their_own_that_is_null_is_one_that_they_do_not_have(manual_hub: ManualHub) -> None:
    ada = _add(manual_hub, **ADA, customFields={"plan": "gold", "seats": None})
    assert ada["customFields"] == {"plan": "gold"}
    row = '{"email": "bob@example.com", "customFields": {"plan": null, "seats": 2}}'
    assert _import(manual_hub, row)["created"] == 1
    assert _import(manual_hub, row)["unchanged"] == 1
    [bob] = manual_hub.get("/api/customers?email=bob@example.com")["customers"]
    assert bob["customFields"] == {"seats": 2}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_spreadsheets_of_other_countries_are_read_too(manual_hub: ManualHub, delimiter: str) -> None:
    lines = [("name", "phone", "tags"), ("Lovelace, Ada", "+5511988887777", '"vip;new"'), ("Bob", "+49151", "")]
    assert _import(manual_hub, "".join(delimiter.join(line) + "\n" for line in lines))["created"] == 2
    [ada] = manual_hub.get("/api/customers?phone=5511988887777")["customers"]
    assert (ada["name"], ada["tags"]) == ("Lovelace, Ada", ["vip", "new"])


def test_who_was_imported_and_has_another_number_now_stays_one(manual_hub: ManualHub) -> None:
    _import(manual_hub, "name,phone\nAda,+5511988887777\n")
    [ada] = _ids(manual_hub, "limit=5")
    manual_hub.patch(f"/api/customers/{ada}", {"phone": "+49151"})
    assert _import(manual_hub, "name,phone\nAda,+5511988887777\n")["created"] == 0
    assert _ids(manual_hub, "limit=5") == [ada]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("phone,name,phone\n+1,Ada,+2\n", "the heading has a column twice: phone"),
        ("name\nAda\n", "line 2: The body must have an email or a phone"),
        ("nmae,phone\nAda,+49\n", "line 2: nmae is no field here; did you mean name?"),
        ("name,phone\nAda,+49,more\n", "line 2 has more columns than the heading"),
        ("phone,email\n+49,nobody\n", "line 2: email: String should match pattern"),
        ("{}\n{", "line 1: The body must have a name, an email or a phone"),
        ('{"phone": "+49"}\n{', "line 2: The body is not valid JSON"),
        ('{"phone": "+49"}\n[1]', "line 2: The body must be a JSON object"),
        ("", "the file has no customers"),
        ("name,phone\n", "the file has no customers"),
        ("[[[[", "the file has no customers"),
        ("phone\n" + "+49\n" * 501, "the file has more than 500 customers; cut it into several"),
    ],
)
def test_what_cannot_be_imported_is_refused_as_a_whole(manual_hub: ManualHub, content: str, detail: str) -> None:
    assert _import(manual_hub, content, 400)["detail"].startswith(detail)
    assert _ids(manual_hub, "limit=5") == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"b": 1}, "must be a text, a number, a boolean, or null"),
        ([1], "must be a text, a number, a boolean, or null"),
        ("x" * 1001, "must have at most 1000 characters"),
    ],
    ids=["an object", "a list", "a long text"],
)
def test_a_custom_field_that_cannot_be_kept_is_refused_in_one_sentence(
    manual_hub: ManualHub, value: object, problem: str
) -> None:
    customer = {"name": "Ada", "customFields": {"plan": value}}
    refusal = manual_hub.post("/api/customers", customer, 400)
    assert refusal["fields"] == {"customFields.plan": problem}


def test_people_read_and_set_on_which_channels_a_customer_wants_nothing(manual_hub: ManualHub) -> None:
    ada = _add(manual_hub, **ADA)
    assert ada["optOuts"] == []
    path = f"/api/customers/{ada['id']}"
    changed = manual_hub.patch(path, {"optOuts": [{"channelType": "WHATSAPP", "reason": "by telephone"}, {}]})
    opt_outs = [(each["channelType"], each["reason"]) for each in changed["optOuts"]]
    assert opt_outs == [("WHATSAPP", "by telephone"), (None, None)]
    assert manual_hub.patch(path, {"name": "Ada L."})["optOuts"] == changed["optOuts"]
    assert manual_hub.patch(path, {"optOuts": []})["optOuts"] == []
    manual_hub.post("/api/customers", ADA | {"optOuts": []}, 400)
