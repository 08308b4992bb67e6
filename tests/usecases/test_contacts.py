"""By which address a customer is reached on a channel of a type."""

from __future__ import annotations

from typing import Any

import pytest

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Customer, Identity
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import Collision, Unprocessable
from shared.ports.store import Create
from shared.usecases.identities import contacts, resolution
from tests import refs
from tests.documents import an_instance

NUMBER = "+49151"


@pytest.fixture
def sms(deps: Deps) -> Instance:
    return _channel(deps, "sms_twilio")


def _channel(deps: Deps, adapter: str) -> Instance:
    instance = an_instance(adapter, status=InstanceStatus.CONNECTED)
    deps.store.commit([Create(refs.instance(instance.id), instance.model_dump())])
    return instance


def _customer(deps: Deps, id_: str, **fields: Any) -> None:
    person = Customer(id=id_, tenant_id="t1", created_at=deps.now(), updated_at=deps.now(), **fields)
    deps.store.commit([Create(refs.customer(id_), person.model_dump())])


def _address(deps: Deps, instance: Instance, key: str, customer_id: str, **fields: Any) -> str:
    identity = Identity(
        id=ids.identity(instance.id, key),
        tenant_id="t1",
        instance_id=instance.id,
        external_user_id=key,
        customer_id=customer_id,
        created_at=deps.now(),
        **fields,
    )
    unit = UnitOfWork(deps.store)
    unit.identities.add(identity)
    unit.commit()
    return identity.id


def _contact(deps: Deps, customer_id: str, channel_type: ChannelType) -> contacts.Contact:
    unit = UnitOfWork(deps.store)
    return contacts.on_channel(deps, unit, unit.customers.owned("t1", customer_id), channel_type)


def test_the_number_of_the_profile_is_an_address(deps: Deps, sms: Instance) -> None:
    _customer(deps, "ann", phone="+49 (151)")
    contact = _contact(deps, "ann", ChannelType.SMS)
    assert (contact.instance, contact.identity.external_user_id) == (sms, NUMBER)


def test_an_address_of_somebody_who_was_merged_into_the_customer_is_theirs(deps: Deps, sms: Instance) -> None:
    _customer(deps, "ann", phone=NUMBER)
    _customer(deps, "anna", merged_into="ann")
    identity_id = _address(deps, sms, NUMBER, "anna")
    assert _contact(deps, "ann", ChannelType.SMS).identity.id == identity_id


@pytest.mark.parametrize("other", ["bob", "gone"])
def test_an_address_of_somebody_else_is_not_taken(deps: Deps, sms: Instance, other: str) -> None:
    _customer(deps, "ann", phone=NUMBER)
    _customer(deps, "bob")
    _address(deps, sms, NUMBER, other)
    with pytest.raises(Collision, match="another customer"):
        _contact(deps, "ann", ChannelType.SMS)


def test_the_e_mail_address_of_the_profile_is_an_address_however_it_is_spelled(deps: Deps) -> None:
    mail = _channel(deps, "email_ses")
    _customer(deps, "ann", email=" Ann@Example.com ")
    contact = _contact(deps, "ann", ChannelType.EMAIL)
    assert (contact.instance, contact.identity.external_user_id) == (mail, "ann@example.com")


@pytest.mark.parametrize(
    ("adapter", "missing"), [("sms_twilio", "phone"), ("email_ses", "email"), ("telegram_bot", "identity")]
)
def test_what_an_address_would_be_made_of_is_named(deps: Deps, adapter: str, missing: str) -> None:
    instance = _channel(deps, adapter)
    _customer(deps, "ann")
    with pytest.raises(Unprocessable, match=f"{missing} is missing"):
        _contact(deps, "ann", instance.type)


def test_an_alias_is_followed_to_the_address_that_it_stands_for(deps: Deps, sms: Instance) -> None:
    owner = _address(deps, sms, "c", "ann")
    second = _address(deps, sms, "b", "ann", alias_of=owner)
    _address(deps, sms, "a", "ann", alias_of=second)
    lost = _address(deps, sms, "z", "ann", alias_of="gone")
    unit = UnitOfWork(deps.store)
    owners = []
    for key in "abcz":
        identity = resolution.at_address(unit, sms, key)
        assert identity is not None
        owners.append(resolution.address_owner(unit, identity).id)
    assert owners == [owner, owner, owner, lost]
