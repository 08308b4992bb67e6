"""The `If-Match` header of the endpoints that change what several people may change."""

from __future__ import annotations

from pydantic import BaseModel, Field
from werkzeug.http import parse_etags


class IfMatchHeader(BaseModel):
    """The `ETag`s that the caller has read, one of which it must still have. Without it, or with `*`, any will do."""

    if_match: str | None = Field(default=None, alias="If-Match", max_length=1000)

    @property
    def revisions(self) -> frozenset[str] | None:
        if self.if_match is None:
            return None
        etags = parse_etags(self.if_match)
        return None if etags.star_tag else frozenset(etags.as_set(include_weak=True))
