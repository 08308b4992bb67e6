"""Two customers that turned out to be one person."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from shared.domain.customers import CustomValue, OptOut


class MergeState(StrEnum):
    """`MERGING` and `UNMERGING` are under way, or were cut off and can be begun again."""

    MERGING = "merging"
    MERGED = "merged"
    UNMERGING = "unmerging"
    UNMERGED = "unmerged"


class CustomerMerge(BaseModel):
    """The source was folded into the customer.

    `filled`, `custom_fields` and `tags` are what the customer's profile got from it, and
    `identity_ids` the addresses that were moved: what has to be undone.
    `opted_out` is whether the customer had opted out before, `opt_outs` what the source's ledger added to theirs.
    """

    id: str
    tenant_id: str
    customer_id: str
    source_id: str
    state: MergeState = MergeState.MERGING
    filled: dict[str, Any] = Field(default_factory=dict)
    preferences: dict[str, str] = Field(default_factory=dict)
    custom_fields: dict[str, CustomValue] = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    opted_out: bool = False
    opt_outs: list[OptOut] = Field(default_factory=list)
    identity_ids: list[str] = Field(default_factory=list)
    created_at: datetime
    updated_at: datetime
