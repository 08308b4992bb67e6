"""Ratings on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from shared.domain.ratings import Rating
from shared.http.times import WholeSeconds


class RatingPath(BaseModel):
    session_id: str


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    return value


class RatingIn(BaseModel):
    """From 1, not at all satisfied, to 5, very."""

    score: Annotated[int, Field(ge=1, le=5), BeforeValidator(_number)]
    comment: str | None = Field(default=None, max_length=2000)


class RatingOut(BaseModel):
    """`rated_at` is when the session was last rated."""

    success: bool
    session_id: str
    score: int
    comment: str | None
    rated_at: WholeSeconds

    @classmethod
    def of(cls, rating: Rating) -> RatingOut:
        return cls(
            success=True,
            session_id=rating.id,
            score=rating.score,
            comment=rating.comment,
            rated_at=rating.updated_at,
        )
