"""Customers who were merged into others, and what they want of messages, below every dialect."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Customer, Identity
from shared.domain.inbound import ConsentChanged
from shared.errors import NotFound
from shared.usecases.customers import consent, customers
from tests.documents import an_instance

INSTANCE = an_instance("sms_twilio")
STOP = ConsentChanged(chat_key="+491", opted_out=True, why="STOP")


def _customer(deps: Deps, id_: str, **fields: Any) -> Customer:
    return Customer(id=id_, tenant_id="t1", created_at=deps.now(), updated_at=deps.now(), **fields)


def _store(deps: Deps, *people: Customer) -> None:
    unit = UnitOfWork(deps.store)
    for person in people:
        unit.customers.add(person)
    unit.commit()


def _address_of(deps: Deps, customer_id: str) -> None:
    unit = UnitOfWork(deps.store)
    unit.identities.add(
        Identity(
            id=ids.identity(INSTANCE.id, STOP.chat_key),
            tenant_id="t1",
            instance_id=INSTANCE.id,
            external_user_id=STOP.chat_key,
            customer_id=customer_id,
            created_at=deps.now(),
        )
    )
    unit.commit()


def _stored(deps: Deps, id_: str) -> Customer:
    return UnitOfWork(deps.store).customers.owned("t1", id_)


def test_a_chain_of_merges_is_followed_to_its_end(deps: Deps) -> None:
    names = "abcde"
    _store(deps, *(_customer(deps, name, merged_into=next_) for name, next_ in pairwise(names)), _customer(deps, "e"))
    assert [customers.get(deps, "t1", name).id for name in names] == ["e"] * 5
    assert customers.former_ids(deps, "e") == list("dcba")
    assert customers.former_ids(deps, "c") == list("ba")


def test_customers_who_were_merged_into_each_other_are_nobody(deps: Deps) -> None:
    _store(deps, _customer(deps, "a", merged_into="b"), _customer(deps, "b", merged_into="a"))
    with pytest.raises(NotFound):
        customers.get(deps, "t1", "a")


def test_of_very_many_who_were_merged_into_one_the_first_are_told(deps: Deps) -> None:
    sources = [_customer(deps, f"source{n:03}", merged_into="target") for n in range(customers.MOST + 1)]
    _store(deps, _customer(deps, "target"), *sources, _customer(deps, "further", merged_into="source000"))
    former = customers.former_ids(deps, "target")
    assert former == [source.id for source in sources[: customers.MOST]]


def test_consent_is_that_of_the_person_whom_the_address_means_by_now(deps: Deps) -> None:
    _store(deps, _customer(deps, "former", merged_into="current"), _customer(deps, "current"))
    _address_of(deps, "former")
    consent.change(deps, INSTANCE, STOP)
    [opt_out] = _stored(deps, "current").opt_outs
    assert (opt_out.channel, opt_out.reason) == ("sms", "STOP")
    assert _stored(deps, "former").opt_outs == []


def test_consent_that_is_repeated_changes_nothing(deps: Deps) -> None:
    _store(deps, _customer(deps, "ann"))
    _address_of(deps, "ann")
    consent.change(deps, INSTANCE, STOP)
    after_the_first = _stored(deps, "ann")
    assert [opt_out.reason for opt_out in after_the_first.opt_outs] == ["STOP"]
    consent.change(deps, INSTANCE, STOP)
    assert _stored(deps, "ann") == after_the_first


def test_consent_of_nobody_is_nobodys(deps: Deps) -> None:
    consent.change(deps, INSTANCE, STOP)
    _address_of(deps, "gone")
    consent.change(deps, INSTANCE, STOP)
    assert deps.store.count("customers") == 0
