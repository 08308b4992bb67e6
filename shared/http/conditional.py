"""Responses with an ETag, so that a polling client is not sent again what has not changed."""

from __future__ import annotations

from flask import Response, request
from pydantic import BaseModel

from shared.http.bodies import answer

NEXT_CURSOR = "X-Next-Cursor"
"""Where the next page begins, as a header: the body has its documented keys and no others."""


def page(model: BaseModel, cursor: str | None) -> Response:
    """Answer one page of a list."""
    response = answer(model)
    if cursor:
        response.headers[NEXT_CURSOR] = cursor
    return response


def polled(model: BaseModel, cursor: str | None = None) -> Response:
    """Answer one page with an ETag over it, or 304 without a body when the client's `If-None-Match` names it.

    A browser may cache the page, but has to revalidate it each time.
    """
    response = page(model, cursor)
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers.add("Vary", "Authorization, X-API-Key")
    etag, _ = response.get_etag()
    if etag and request.if_none_match.contains_weak(etag):
        response.status_code = 304
        response.set_data(b"")
    return response
