"""The audit log: who changed what, without secrets and customers' texts, in a chain that shows tampering."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnichat import agents, audit, auth, customers, keys, users
from shared.deps import Deps
from shared.documents.auditing import NOT_RECORDED, RECORDED
from shared.documents.collection import Schema
from shared.documents.unit_of_work import UnitOfWork
from shared.ports.store import Delete, Merge, Ref
from shared.usecases.audit import Place, append_new, verify
from tests.functions.omnichat.accounts import Account, client_of, join, refresh, sign_in, sign_up


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api, audit.api, agents.api, keys.api, users.api, customers.api)


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client)


def _entries(client: FlaskClient, by: Account, **query: Any) -> list[dict[str, Any]]:
    answer: Any = client.get("/api/audit", query_string=query, headers=by.headers)
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json["entries"]
    return entries


def _agent(client: FlaskClient, headers: dict[str, str], name: str) -> str:
    answer: Any = client.post("/api/agents", json={"name": name}, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def _verdict(client: FlaskClient, by: Account, **place: Any) -> dict[str, Any]:
    answer: Any = client.get("/api/audit/verify", query_string=place, headers=by.headers).json
    verdict: dict[str, Any] = answer
    return verdict


def _entry_ref(client: FlaskClient, by: Account, number: int) -> Ref:
    [entry_id] = [entry["id"] for entry in _entries(client, by, limit=200) if entry["number"] == number]
    return Ref("audit_entries", entry_id)


def test_every_collection_is_recorded_or_says_why_not() -> None:
    collections = {each.collection for each in vars(UnitOfWork).values() if isinstance(each, Schema)}
    assert collections <= RECORDED.keys() | NOT_RECORDED.keys()
    assert not RECORDED.keys() & NOT_RECORDED.keys()


def test_a_change_tells_who_made_it_from_where_and_what_was_before(client: FlaskClient, owner: Account) -> None:
    agent_id = _agent(client, owner.headers, "Ada")
    client.patch(f"/api/agents/{agent_id}", json={"name": "Ben"}, headers=owner.headers)
    changed, created = _entries(client, owner, subject="agents")
    assert (changed["actorKind"], changed["actorId"], changed["actorName"]) == (
        "user",
        owner.user_id,
        "ann@example.com",
    )
    assert (changed["address"], changed["action"]) == ("127.0.0.1", "PATCH /api/agents/{id}")
    change = next(each for each in changed["changes"] if each["collection"] == "agents")
    assert (change["id"], change["change"]) == (agent_id, "changed")
    assert (change["before"], change["after"]) == ({"name": "Ada"}, {"name": "Ben"})
    assert created["action"] == "POST /api/agents"
    client.delete(f"/api/agents/{agent_id}", headers=owner.headers)
    deleted = next(each for each in _entries(client, owner)[0]["changes"] if each["collection"] == "agents")
    assert (deleted["change"], deleted["before"]["name"], deleted["after"]) == ("deleted", "Ben", {})


def test_what_a_key_writes_is_the_keys(client: FlaskClient, owner: Account) -> None:
    key: Any = client.post("/api/keys", json={"name": "shop"}, headers=owner.headers).json
    _agent(client, {"X-API-Key": key["key"]}, "Ada")
    [entry] = _entries(client, owner, actorId=key["id"])
    assert (entry["actorKind"], entry["subject"]) == ("key", "agents")
    assert _entries(client, owner, actorId=key["id"], subject="users") == []


def test_reading_and_what_is_refused_leave_no_entry(client: FlaskClient, owner: Account) -> None:
    count = len(_entries(client, owner))
    client.get("/api/agents", headers=owner.headers)
    assert client.post("/api/agents", json={"name": ""}, headers=owner.headers).status_code == 400
    assert refresh(client, owner.refresh).status_code == 200
    assert len(_entries(client, owner)) == count


def test_signing_in_is_told_of_the_user_and_a_wrong_password_too(client: FlaskClient, owner: Account) -> None:
    assert sign_in(client).status_code == 200
    assert sign_in(client, password="not the password").status_code == 401
    failed, signed_in, _ = _entries(client, owner)
    assert (failed["action"], failed["actorId"], failed["address"]) == ("sign-in failed", owner.user_id, "127.0.0.1")
    assert (signed_in["action"], signed_in["actorKind"], signed_in["actorId"]) == (
        "POST /api/auth/login",
        "user",
        owner.user_id,
    )


def test_a_wrong_password_for_nobody_is_in_the_deployments_own_log(
    client: FlaskClient, owner: Account, deps: Deps
) -> None:
    count = len(_entries(client, owner))
    assert sign_in(client, email="nobody@example.com").status_code == 401
    assert len(_entries(client, owner)) == count
    append_new(deps)
    verdict = verify(deps, "deployment", Place())
    assert (verdict.place.number, verdict.problem) == (1, None)


def test_no_secret_and_nothing_that_is_known_of_customers_is_in_the_log(client: FlaskClient, owner: Account) -> None:
    key: Any = client.post("/api/keys", json={"name": "shop"}, headers=owner.headers).json
    ben = join(client, owner, "agent", "ben@example.com", "bens own password")
    customer: Any = client.post(
        "/api/customers", json={"name": "Zebedee", "phone": "+4930123456", "tags": ["vip-zebra"]}, headers=owner.headers
    ).json
    client.patch(f"/api/customers/{customer['id']}", json={"customFields": {"points": 421753991}}, headers=ben.headers)
    log = client.get("/api/audit", query_string={"limit": 200}, headers=owner.headers).text
    assert customer["id"] in log
    for secret in (key["key"], "bens own password", "$scrypt", "Zebedee", "4930123456", "vip-zebra", "421753991"):
        assert secret not in log
    assert '"(7 characters)"' in log
    assert '"password_hash":"***"' in log


def test_agents_do_not_see_the_log_and_no_business_that_of_another(client: FlaskClient, owner: Account) -> None:
    _agent(client, owner.headers, "Ada")
    agent = join(client, owner, "agent", "ben@example.com")
    other = sign_up(client, "eve@example.com")
    for path in ("", "/export", "/verify"):
        assert client.get(f"/api/audit{path}", headers=agent.headers).status_code == 403
    assert _entries(client, other, subject="agents") == []


def test_pages_follow_each_other_without_a_gap(client: FlaskClient, owner: Account) -> None:
    for number in range(5):
        _agent(client, owner.headers, f"Agent {number}")
    every = [entry["id"] for entry in _entries(client, owner)]
    paged, cursor = [], None
    while True:
        answer: Any = client.get(
            "/api/audit", query_string={"limit": 2} | ({"cursor": cursor} if cursor else {}), headers=owner.headers
        ).json
        paged += [entry["id"] for entry in answer["entries"]]
        cursor = answer["nextCursor"]
        if cursor is None:
            break
    assert paged == every


def test_times_and_persons_narrow_the_log(client: FlaskClient, owner: Account) -> None:
    _agent(client, owner.headers, "Ada")
    at = _entries(client, owner)[0]["at"]
    assert _entries(client, owner, until="2020-01-01T00:00:00Z") == []
    assert _entries(client, owner, since=at, actorId=owner.user_id, subject="agents") != []
    assert _entries(client, owner, since="2100-01-01T00:00:00Z", subject="agents") == []


@pytest.fixture
def chained(client: FlaskClient, owner: Account, deps: Deps) -> int:
    """How many entries the chain of the owner's business has."""
    for number in range(4):
        _agent(client, owner.headers, f"Agent {number}")
    append_new(deps)
    return len(_entries(client, owner))


def test_entries_are_numbered_in_their_order_and_the_chain_is_whole(
    client: FlaskClient, owner: Account, chained: int, deps: Deps
) -> None:
    verdict = _verdict(client, owner)
    assert (verdict["verified"], verdict["number"], verdict["complete"], verdict["waiting"]) == (True, chained, True, 0)
    entries = _entries(client, owner)
    assert [entry["number"] for entry in entries] == [*range(chained, 0, -1)]
    assert [entry["previous"] for entry in entries] == [*(each["hash"] for each in entries[1:]), ""]
    _agent(client, owner.headers, "Late")
    assert _verdict(client, owner)["waiting"] == 1
    assert append_new(deps) == 1
    assert append_new(deps) == 0
    later = _verdict(client, owner, number=verdict["number"], hash=verdict["hash"])
    assert (later["verified"], later["number"]) == (True, chained + 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "GET /"),
        ("actor_id", "somebody"),
        ("address", "203.0.113.1"),
        ("changes", "[]"),
        ("actor_name", None),
        ("actor_kind", "nobody"),
        ("changes", 5),
    ],
)
def test_a_changed_entry_is_noticed(
    client: FlaskClient, owner: Account, chained: int, deps: Deps, field: str, value: Any
) -> None:
    deps.store.commit([Merge(_entry_ref(client, owner, 3), {field: value})])
    verdict = _verdict(client, owner)
    assert (verdict["verified"], verdict["problem"], verdict["number"]) == (False, "entry 3 was changed", 2)


def test_a_malformed_entry_is_not_listed_and_holds_up_no_other(client: FlaskClient, owner: Account, deps: Deps) -> None:
    other = sign_up(client, "eve@example.com")
    _agent(client, owner.headers, "Ada")
    _agent(client, other.headers, "Eve")
    entries = _entries(client, owner)
    deps.store.commit([Merge(Ref("audit_entries", entries[0]["id"]), {"actor_kind": "nobody"})])
    append_new(deps)
    assert [entry["id"] for entry in _entries(client, owner)] == [entry["id"] for entry in entries[1:]]
    assert (_verdict(client, owner)["verified"], _verdict(client, owner)["waiting"]) == (True, 1)
    assert (_verdict(client, other)["verified"], _verdict(client, other)["waiting"]) == (True, 0)


@pytest.mark.parametrize("from_end", [0, 2])
def test_a_missing_entry_is_noticed_also_the_last(
    client: FlaskClient, owner: Account, chained: int, deps: Deps, from_end: int
) -> None:
    deps.store.commit([Delete(_entry_ref(client, owner, chained - from_end))])
    verdict = _verdict(client, owner)
    assert (verdict["verified"], verdict["problem"]) == (False, f"entry {chained - from_end} is missing")


def test_a_log_that_was_written_anew_is_noticed_by_whoever_kept_a_place(
    client: FlaskClient, owner: Account, chained: int, deps: Deps
) -> None:
    place = _verdict(client, owner)
    unit = UnitOfWork(deps.store)
    query = unit.audit_entries.query().where(lambda entry: entry.tenant_id, "==", owner.tenant_id)
    entries = query.order_by(lambda entry: entry.number).tracked_page().documents
    previous = ""
    for number, entry in enumerate(entries, 1):
        entry.address = "203.0.113.1"
        previous = entry.chain(number, previous)
    chain = unit.audit_chains.get(owner.tenant_id)
    assert chain is not None
    chain.hash = previous
    unit.commit()
    assert _verdict(client, owner)["verified"]
    verdict = _verdict(client, owner, number=place["number"], hash=place["hash"])
    assert (verdict["verified"], verdict["problem"]) == (False, f"entry {chained} is not what it was")


def test_sweeps_at_once_give_each_entry_one_place(client: FlaskClient, owner: Account, deps: Deps) -> None:
    for number in range(12):
        _agent(client, owner.headers, f"Agent {number}")
    with ThreadPoolExecutor(4) as threads:
        for run in [threads.submit(append_new, deps) for _ in range(4)]:
            run.result()
    verdict = _verdict(client, owner)
    assert (verdict["verified"], verdict["number"], verdict["waiting"]) == (True, len(_entries(client, owner)), 0)


def test_the_log_is_checked_and_exported_in_steps(
    client: FlaskClient, owner: Account, chained: int, deps: Deps
) -> None:
    numbers, after = [], 0
    while lines := client.get(
        "/api/audit/export", query_string={"after": after, "limit": 2}, headers=owner.headers
    ).text.splitlines():
        numbers += [json.loads(line)["number"] for line in lines]
        after = numbers[-1]
    assert numbers == [*range(1, chained + 1)]
    verdict = verify(deps, owner.tenant_id, Place(), limit=2)
    assert (verdict.place.number, verdict.is_complete) == (2, False)
    while not verdict.is_complete:
        verdict = verify(deps, owner.tenant_id, verdict.place, limit=2)
    assert (verdict.place.number, verdict.problem) == (chained, None)
