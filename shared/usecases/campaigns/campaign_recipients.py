"""To whom a campaign can be sent: on which channel, or why not at all.

The same rules decide about a message that is to go out and, for many customers at once, about a count before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.channels import channel
from shared.domain.accounts import Tenant
from shared.domain.campaigns import Campaign, SkipReason, accepts_campaigns
from shared.domain.countries import zones_of
from shared.domain.customers import Customer
from shared.domain.instances import ChannelType, Instance
from shared.usecases.campaigns import campaign_content
from shared.usecases.identities.contacts import Contact

SPOKEN = frozenset({ChannelType.VOICE, ChannelType.VIDEO})


def general_refusal(tenant: Tenant, customer: Customer, now: datetime) -> SkipReason | None:
    """Why a customer gets no campaign on any channel; None where that depends on the channel."""
    if not accepts_campaigns(customer):
        return SkipReason.OPTED_OUT
    cap = tenant.campaign_cap
    if cap is not None and cap.is_reached(customer.campaign_sent_at, now):
        return SkipReason.FREQUENCY_CAP
    return None


def is_window_closed(campaign: Campaign, instance: Instance, last_inbound_at: datetime | None, now: datetime) -> bool:
    """Whether the provider takes no text any more, and the campaign has no template for it."""
    capabilities = channel(instance.adapter).capabilities
    if capabilities.window is None or campaign_content.template_for(campaign, instance) is not None:
        return False
    return last_inbound_at is None or now > last_inbound_at + (capabilities.longest_window or capabilities.window)


def foremost(reasons: Iterable[SkipReason]) -> SkipReason:
    """Of the reasons on several channels the one that tells most: an address is mostly missing on some."""
    ranked = list(reasons) or [SkipReason.NO_ADDRESS]
    return next((reason for reason in ranked if reason is not SkipReason.NO_ADDRESS), SkipReason.NO_ADDRESS)


def quiet_until(tenant: Tenant, customer: Customer, contact: Contact, now: datetime) -> datetime | None:
    """When a customer's quiet hours end; None outside of them.

    A number that may lie in several zones is quiet while one of them is.
    """
    quiet = tenant.quiet_hours
    if quiet is None:
        return None
    if not quiet.by_customer:
        return quiet.end_at(now)
    numbers = [customer.phone, contact.identity.phone]
    # Elsewhere what looks like a number is an account's id.
    if channel(contact.instance.adapter).capabilities.addressed_by == "phone":
        numbers.append(contact.identity.external_user_id)
    zones = next((zones for number in numbers if number and (zones := zones_of(_digits(number)))), [quiet.zone])
    ends = [end for zone in zones if (end := quiet.end_at(now, zone)) is not None]
    return max(ends, default=None)


def _digits(number: str) -> str:
    return number.partition("@")[0].translate(str.maketrans("", "", " -()"))
