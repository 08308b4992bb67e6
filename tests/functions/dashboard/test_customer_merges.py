"""Merging two customers that are one person, and undoing the merge."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from infra.bench.counting import CountingStore
from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer, Identity
from shared.domain.instances import ChannelType, Instance
from shared.domain.merges import MergeState
from shared.ports.store import Create, Merge, Ref, Where
from shared.usecases.customers import customer_merges
from tests import refs
from tests.apps import create_app
from tests.functions.dashboard.people import address, channel, customer
from tests.functions.keys import key_for


@pytest.fixture
def bot(deps: Deps) -> Instance:
    return channel(deps, ChannelType.TELEGRAM_BOT)


@pytest.fixture
def two(deps: Deps, bot: Instance, converse: Callable[..., Conversation]) -> None:
    """`ann` has a name and a session; `anna` has a phone, a language, a tag and two sessions."""
    ann = customer(deps, "ann", name="Ann", tags=["vip"], preferences={"language": "en"})
    anna = customer(
        deps,
        "anna",
        name="Anna",
        phone="+1234567890",
        tags=["vip", "new"],
        preferences={"language": "de", "preferred_channel": "sms"},
    )
    for person, address_, sessions in ((ann, "1", "a"), (anna, "2", "bc")):
        identity = address(deps, person, bot, address_, conversation_id=sessions[0])
        for session in sessions:
            converse(session, customer_id=person.id, identity_id=identity.id, instance_id=bot.id)


def merge(client: FlaskClient, target: str = "ann", source: str = "anna") -> Any:
    return client.post(f"/customers/{target}/merge", json={"source_id": source})


def unmerge(client: FlaskClient, merge_id: str, target: str = "ann") -> Any:
    return client.post(f"/customers/{target}/unmerge", json={"merge_id": merge_id})


def history(client: FlaskClient, id_: str) -> set[str]:
    answer: Any = client.get(f"/customers/{id_}/history").json
    return {each["session_id"] for each in answer["interactions"]}


def profile(client: FlaskClient, id_: str) -> Any:
    return client.get(f"/customers/{id_}/profile").json


def owner(deps: Deps, bot: Instance, address_: str) -> str:
    ref = refs.identity(bot.id, address_)
    return str(deps.store.get([ref])[ref].data["customer_id"])


def test_merging_brings_addresses_sessions_and_what_the_profile_lacked(
    client: FlaskClient, deps: Deps, bot: Instance, two: None
) -> None:
    answer = merge(client)
    assert answer.status_code == 200
    assert list(answer.json) == ["success", "merge_id", "customer_id", "source_id"]
    assert (answer.json["success"], answer.json["customer_id"], answer.json["source_id"]) == (True, "ann", "anna")
    assert history(client, "ann") == {"a", "b", "c"}
    assert owner(deps, bot, "2") == "ann"
    merged = profile(client, "ann")
    assert (merged["name"], merged["phone"], merged["tags"]) == ("Ann", "+1234567890", ["vip", "new"])
    assert merged["preferences"] == {"language": "en", "preferred_channel": "sms"}
    assert [each["customer_id"] for each in client.get("/customers").json["customers"]] == ["ann"]  # type: ignore[index]


def test_the_former_id_leads_to_the_person(client: FlaskClient, two: None) -> None:
    merge(client)
    assert profile(client, "anna")["customer_id"] == "ann"
    assert history(client, "anna") == {"a", "b", "c"}


def test_unmerging_undoes_it(client: FlaskClient, deps: Deps, bot: Instance, two: None) -> None:
    before = profile(client, "ann"), profile(client, "anna")
    merge_id = merge(client).json["merge_id"]
    answer = unmerge(client, merge_id)
    assert (answer.status_code, answer.json["success"], answer.json["merge_id"]) == (200, True, merge_id)
    assert (profile(client, "ann"), profile(client, "anna")) == before
    assert (history(client, "ann"), history(client, "anna")) == ({"a"}, {"b", "c"})
    assert (owner(deps, bot, "1"), owner(deps, bot, "2")) == ("ann", "anna")


def test_what_was_changed_since_stays_and_new_sessions_go_with_their_address(
    client: FlaskClient, deps: Deps, bot: Instance, two: None, converse: Callable[..., Conversation]
) -> None:
    merge_id = merge(client).json["merge_id"]
    client.put("/customers/ann/profile", json={"phone": "+999"})
    converse("since", customer_id="ann", identity_id=refs.identity(bot.id, "2").id)
    identity_id = refs.identity(bot.id, "2").id
    ann = Customer.model_validate(deps.store.get([refs.customer("ann")])[refs.customer("ann")].data)
    address(deps, ann, bot, "alias", alias_of=identity_id)
    unmerge(client, merge_id)
    assert profile(client, "ann")["phone"] == "+999"
    assert profile(client, "anna")["phone"] == "+1234567890"
    assert history(client, "anna") == {"b", "c", "since"}
    assert owner(deps, bot, "alias") == "anna"


def test_addresses_that_came_to_light_since_go_back_however_many_they_are(
    client: FlaskClient, deps: Deps, bot: Instance, two: None
) -> None:
    merge_id = merge(client).json["merge_id"]
    unit = UnitOfWork(deps.store)
    for number in range(120):
        unit.identities.add(
            Identity(
                id=f"alias-{number}",
                tenant_id="default",
                instance_id=bot.id,
                external_user_id=f"alias-{number}",
                customer_id="ann",
                alias_of=ids.identity(bot.id, "2"),
                created_at=deps.now(),
            )
        )
    unit.commit()
    unmerge(client, merge_id)
    assert deps.store.count("identities", [Where("customer_id", "==", "anna")]) == 121


def test_both_can_be_done_again_and_again(client: FlaskClient, two: None) -> None:
    merge_id = merge(client).json["merge_id"]
    assert merge(client).json["merge_id"] == merge_id
    assert history(client, "ann") == {"a", "b", "c"}
    assert unmerge(client, merge_id).status_code == unmerge(client, merge_id).status_code == 200
    again = merge(client)
    assert (again.status_code, history(client, "ann")) == (200, {"a", "b", "c"})
    assert unmerge(client, again.json["merge_id"], "anna").status_code == 200
    assert history(client, "anna") == {"b", "c"}


def test_a_merge_that_was_cut_off_is_finished_by_sending_it_again(client: FlaskClient, deps: Deps, two: None) -> None:
    merge_id = merge(client).json["merge_id"]
    deps.store.commit(
        [
            Merge(refs.customer_merge(merge_id), {"state": "merging"}),
            Merge(refs.conversation("c"), {"customer_id": "anna"}),
        ]
    )
    assert unmerge(client, merge_id).status_code == 409
    assert merge(client).status_code == 200
    assert history(client, "ann") == {"a", "b", "c"}


def test_merges_are_undone_in_the_reverse_order(client: FlaskClient, deps: Deps, two: None) -> None:
    customer(deps, "cleo")
    first = merge(client).json["merge_id"]
    second = merge(client, "cleo", "ann").json["merge_id"]
    assert history(client, "cleo") == history(client, "anna") == {"a", "b", "c"}
    assert unmerge(client, first).status_code == 409
    assert unmerge(client, second, "cleo").status_code == 200
    assert unmerge(client, first).status_code == 200
    assert (history(client, "ann"), history(client, "anna"), history(client, "cleo")) == ({"a"}, {"b", "c"}, set())


def test_who_is_part_of_somebody_else_is_a_conflict(client: FlaskClient, deps: Deps, two: None) -> None:
    customer(deps, "cleo")
    merge(client)
    assert merge(client, "cleo", "anna").status_code == 409
    assert merge(client, "anna", "cleo").status_code == 409
    assert merge(client, "anna", "ann").status_code == 409


def test_unknown_and_foreign_ones_look_the_same(client: FlaskClient, deps: Deps, two: None) -> None:
    customer(deps, "stranger", tenant_id="foreign")
    assert merge(client, "ann", "stranger").status_code == 404
    assert merge(client, "ann", "nobody").status_code == 404
    assert merge(client, "nobody", "ann").status_code == 404
    merge_id = merge(client).json["merge_id"]
    assert unmerge(client, "nothing").status_code == 404
    assert unmerge(client, merge_id, "stranger").status_code == 404
    headers = key_for(deps, "foreign")
    answer = client.post("/customers/ann/unmerge", json={"merge_id": merge_id}, headers=headers)
    assert answer.status_code == 404


@pytest.mark.parametrize("body", [{}, {"source_id": "ann"}, {"source_id": ""}, {"source_id": 5}])
def test_a_merge_that_cannot_be_is_refused(client: FlaskClient, two: None, body: Any) -> None:
    assert client.post("/customers/ann/merge", json=body).status_code == 400


def test_a_person_with_too_many_addresses_is_refused(client: FlaskClient, deps: Deps, two: None) -> None:
    data = {"tenant_id": "default", "customer_id": "anna"}
    many = range(customer_merges.MOST_IDENTITIES)
    deps.store.commit([Create(Ref("identities", f"more{n}"), data) for n in many])
    answer = merge(client)
    assert (answer.status_code, "addresses" in answer.json["detail"]) == (422, True)
    assert profile(client, "anna")["customer_id"] == "anna"


def test_a_person_with_too_many_sessions_is_refused(client: FlaskClient, deps: Deps, two: None) -> None:
    data = {"tenant_id": "default", "customer_id": "anna"}
    for batch in range(0, customer_merges.MOST_CONVERSATIONS, 1000):
        deps.store.commit([Create(Ref("conversations", f"more{n}"), data) for n in range(batch, batch + 1000)])
    answer = merge(client)
    assert (answer.status_code, "sessions" in answer.json["detail"]) == (422, True)
    assert profile(client, "anna")["customer_id"] == "anna"


def test_many_sessions_move_in_batches(
    client: FlaskClient, deps: Deps, two: None, converse: Callable[..., Conversation]
) -> None:
    for n in range(120):
        converse(f"more{n}", customer_id="anna", identity_id="elsewhere")
    merge(client)
    assert len(client.get("/customers/ann/history?limit=200").json["interactions"]) == 123  # type: ignore[index]


def test_many_addresses_move_in_batches_and_back(client: FlaskClient, deps: Deps, bot: Instance, two: None) -> None:
    anna = Customer.model_validate(deps.store.get([refs.customer("anna")])[refs.customer("anna")].data)
    numbers = [address(deps, anna, bot, str(number)).external_user_id for number in range(100, 220)]
    merge_id = merge(client).json["merge_id"]
    assert {owner(deps, bot, number) for number in numbers} == {"ann"}
    unmerge(client, merge_id)
    assert {owner(deps, bot, number) for number in numbers} == {"anna"}


def test_ten_at_once_merge_once(deps: Deps, client: FlaskClient, two: None) -> None:
    app = create_app(deps, blueprints(), documented=False)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: merge(app.test_client()), range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["merge_id"] for answer in answers}) == 1
    assert history(client, "ann") == {"a", "b", "c"}
    assert profile(client, "ann")["tags"] == ["vip", "new"]


def test_undoing_an_undone_merge_once_more_writes_nothing(client: FlaskClient, deps: Deps, two: None) -> None:
    merge_id = merge(client).json["merge_id"]
    unmerge(client, merge_id)
    store = CountingStore(deps.store)
    record = customer_merges.unmerge(
        dataclasses.replace(deps, store=store), deps.settings.default_tenant_id, "ann", merge_id
    )
    assert (record.state, store.spent.commits) == (MergeState.UNMERGED, 0)
