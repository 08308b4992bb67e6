"""Customers who told the provider, not the hub, that they want no messages."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.customers import Customer, Identity
from shared.domain.inbound import ConsentChanged
from shared.domain.instances import ChannelType, Instance
from shared.errors import RecipientOptedOut
from shared.usecases.customers import consent
from shared.usecases.instances import instances
from tests.documents import an_outbox_item
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def instance(manual_hub: ManualHub, bot: str) -> Instance:
    """A bot to which one customer has written."""
    manual_hub.writes(bot, "hello")
    return instances.by_id(manual_hub.deps, manual_hub.tenant_id, bot)


def _refused(hub: ManualHub, instance: Instance, reason: str = "blocked", conversation: str = "", **how: Any) -> None:
    """The provider refuses a message to the customer."""
    item = an_outbox_item(tenant_id=hub.tenant_id, conversation_id=conversation or hub.conversation().id)
    consent.note_refusal(hub.deps, instance, item, RecipientOptedOut("Telegram", reason, **how))


def _customer(hub: ManualHub) -> Customer:
    [data] = hub.documents("customers")
    return Customer.model_validate(data)


def _address(hub: ManualHub) -> Identity:
    [data] = hub.documents("identities")
    return Identity.model_validate(data)


def test_a_refusal_is_noted_once_on_the_channel_and_silences_the_machine(
    manual_hub: ManualHub, instance: Instance
) -> None:
    for reason in ("b" * 201, "again"):
        _refused(manual_hub, instance, reason)
    customer, address = _customer(manual_hub), _address(manual_hub)
    [opt_out] = customer.opt_outs
    assert (opt_out.channel, opt_out.reason, opt_out.identity_id) == (
        ChannelType.TELEGRAM_BOT,
        "b" * 200,
        address.id,
    )
    assert (customer.opted_out, address.opted_out) == (False, True)


def test_who_refuses_only_marketing_is_still_answered(manual_hub: ManualHub, instance: Instance) -> None:
    _refused(manual_hub, instance, marketing_only=True)
    assert not _customer(manual_hub).accepts(ChannelType.TELEGRAM_BOT)
    assert not _address(manual_hub).opted_out


def test_where_an_opt_out_holds_everywhere_a_refusal_does_so_too(manual_hub: ManualHub, instance: Instance) -> None:
    manual_hub.patch("/api/settings", {"optOutEverywhere": True})
    _refused(manual_hub, instance)
    assert not _customer(manual_hub).accepts(ChannelType.EMAIL)


def test_a_refusal_is_noted_of_nobody_but_whom_the_account_writes_to(manual_hub: ManualHub, instance: Instance) -> None:
    other = instances.by_id(manual_hub.deps, manual_hub.tenant_id, manual_hub.telegram("Sales"))
    _refused(manual_hub, other)
    _refused(manual_hub, instance, conversation="none")
    assert (_customer(manual_hub).opt_outs, _address(manual_hub).opted_out) == ([], False)


def _changed(hub: ManualHub, instance: Instance, chat_key: str = "5", **how: bool) -> None:
    event = ConsentChanged(chat_key=chat_key, why="their word", **how)
    consent.change(hub.deps, instance, event)


def test_who_opts_in_again_takes_back_what_the_provider_told(manual_hub: ManualHub, instance: Instance) -> None:
    _refused(manual_hub, instance)
    _changed(manual_hub, instance, opted_out=False)
    assert (_customer(manual_hub).opt_outs, _address(manual_hub).opted_out) == ([], False)
    assert _customer(manual_hub).accepts(ChannelType.TELEGRAM_BOT)


def test_the_consent_of_an_address_that_nobody_has_changes_nothing(manual_hub: ManualHub, instance: Instance) -> None:
    before = _customer(manual_hub)
    _changed(manual_hub, instance, chat_key="77", opted_out=True)
    _changed(manual_hub, instance, opted_out=False)
    assert _customer(manual_hub) == before, "nor does an opt-in of somebody who had not opted out"
