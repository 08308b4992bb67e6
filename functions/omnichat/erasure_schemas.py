"""OmniChat's forms of erasures."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from functions.omnichat.schemas import Request, Wire
from shared.domain.erasures import Erasure, ErasureState
from shared.http.times import Milliseconds
from shared.usecases.data_rights.erasing import MOST


class ErasureIn(Request, Wire):
    confirmation: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=254)] = Field(
        description="The customer's name; without one their telephone number, e-mail address or id.",
        examples=["Ada"],
    )


class ErasurePath(BaseModel):
    id: str = Field(max_length=64)


class ErasuresQuery(Wire):
    limit: int = Field(default=50, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=2048)


class ErasedOut(Wire):
    """How much was erased at a place, and when the last of it was."""

    place: str = Field(examples=["messages"])
    count: int = Field(examples=[214])
    at: Milliseconds


class RequestedByOut(Wire):
    id: str | None
    name: str | None = Field(examples=["Ann Lee"])


class ErasureOut(Wire):
    """What was erased of a customer where, and who ordered it; nothing in it tells who the customer was."""

    id: str
    customer_id: str
    state: ErasureState
    requested_by: RequestedByOut
    requested_at: Milliseconds
    finished_at: Milliseconds | None
    erased: list[ErasedOut]

    @classmethod
    def of(cls, erasure: Erasure) -> ErasureOut:
        return cls(
            id=erasure.id,
            customer_id=erasure.customer_id,
            state=erasure.state,
            requested_by=RequestedByOut(id=erasure.requested_by, name=erasure.requested_by_name),
            requested_at=erasure.created_at,
            finished_at=erasure.finished_at,
            erased=[
                ErasedOut(place=place, count=each.count, at=each.at) for place, each in sorted(erasure.erased.items())
            ],
        )


class SignedErasureOut(Wire):
    """The report, and once the erasure has finished the hub's signature of it."""

    report: ErasureOut
    signature: str | None = Field(description="HMAC-SHA256 of the report's JSON, in hex.", examples=["5f2c…"])


class ErasuresOut(Wire):
    erasures: list[ErasureOut]
    next_cursor: str | None


class CheckedReportIn(Request, Wire):
    report: Annotated[str, StringConstraints(max_length=20_000)] = Field(
        description="The JSON text of a report.", examples=['{"id": "e1"}']
    )
    signature: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = Field(examples=["5f2c…"])


class CheckedReportOut(Wire):
    genuine: bool = Field(description="Whether this hub has signed exactly this report.")
