"""Erasing a customer: what is asked for, how far it has come, and the report of what was erased."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from shared.domain.customers import Customer

MOST_RAW_EVENTS = 5_000
"""Raw events of a customer's messages that an erasure remembers, the latest: what is older the bus keeps no more."""


class ErasureState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"


class Address(BaseModel):
    """Where a customer could be written to."""

    instance_id: str
    address: str


class Erased(BaseModel):
    """How many documents, files or events of one place were erased, and when the last of them was."""

    count: int = 0
    at: datetime


class ErasureWork(BaseModel):
    """What has to be known until all is erased.

    `customer_ids` are the customer and who was merged into them, `contacts` their telephone numbers and e-mail
    addresses. `step` is what is being erased now, and `position` and `cursor` how far that has come. After the last
    step another `round` looks for what was written meanwhile, unless this one has found nothing any more.
    """

    customer_ids: list[str]
    addresses: list[Address] = Field(default_factory=list)
    contacts: list[str] = Field(default_factory=list)
    conversation_ids: list[str] = Field(default_factory=list)
    raw_event_ids: list[str] = Field(default_factory=list)
    step: str | None = None
    position: int = 0
    cursor: str | None = None
    round: int = 1
    has_erased: bool = False

    def note_contacts(self, *contacts: str | None) -> None:
        self.contacts = [*dict.fromkeys([*self.contacts, *(each for each in contacts if each)])]

    def note_raw_event(self, event_id: str | None) -> None:
        if event_id is not None:
            self.raw_event_ids = [*self.raw_event_ids, event_id][-MOST_RAW_EVENTS:]


class Erasure(BaseModel):
    """The order to erase a customer, and afterwards the report; it names nobody but who ordered it.

    `erased` has by place (a collection mostly) what was erased there. `work` is None once all is erased. `due_at` is
    when the sweep goes on with it.
    """

    id: str
    tenant_id: str
    customer_id: str
    state: ErasureState = ErasureState.RUNNING
    requested_by: str | None = None
    requested_by_name: str | None = None
    erased: dict[str, Erased] = Field(default_factory=dict)
    work: ErasureWork | None = None
    due_at: datetime | None = None
    finished_at: datetime | None = None
    created_at: datetime

    def count(self, place: str, number: int, at: datetime) -> None:
        """Count what was erased at a place."""
        if number:
            former = self.erased[place].count if place in self.erased else 0
            self.erased = self.erased | {place: Erased(count=former + number, at=at)}


def confirmation_of(customer: Customer) -> str:
    """What has to be typed to confirm that this customer is meant: their name, else what there is instead."""
    return customer.name or customer.phone or customer.email or customer.id
