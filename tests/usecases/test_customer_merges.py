"""A merge takes over the whole profile, whatever fields it has."""

from __future__ import annotations

from shared.domain.customers import Customer
from shared.usecases.customers.customer_merges import profile_fields


class RicherCustomer(Customer):
    """A customer whose profile has gained a field."""

    company: str | None = None


def test_a_field_that_the_profile_gains_is_taken_over_in_a_merge() -> None:
    assert profile_fields(RicherCustomer) == [*profile_fields(Customer), "company"]


def test_tags_preferences_and_consent_follow_rules_of_their_own() -> None:
    assert profile_fields(Customer) == ["name", "email", "phone"]
