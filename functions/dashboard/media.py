"""Files of messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import Response, request
from flask_openapi.models import Tag
from pydantic import BaseModel, Field

from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.files import FileCopyState
from shared.errors import Unauthorized
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, by_cookie, caller, only_reads, open_to_all, protect
from shared.http.limits import WRONG_CREDENTIALS, charge, client_address
from shared.ports.blobs import Blob
from shared.security.content_types import may_be_shown
from shared.usecases.conversations import media

api = APIBlueprint(
    "dashboard_media", __name__, vocabulary=VOCABULARY, url_prefix="/media", abp_tags=[Tag(name="Dashboard messages")]
)
cors(api)
protect(api, Access.DASHBOARD)


class MediaPath(BaseModel):
    attachment_id: str = Field(description="An attachment's `media_id`, or the id of an upload.")


class NewMediaLink(BaseModel):
    expires_in: int = Field(default=3600, ge=1, le=7 * 86400, description="Seconds for which the link works.")


class MediaLink(BaseModel):
    """A link, and what is known of the hub's own copy of the file."""

    url: str
    expires_at: datetime
    state: FileCopyState = Field(description="Whether the hub has its own copy.")
    mime_type: str | None = Field(default=None, description="The type under which the copy is served.")
    size: int | None = Field(default=None, description="The copy's bytes.")
    sha256: str | None = None
    error: str | None = Field(default=None, description="Why the last attempt to copy the file failed.")

    @classmethod
    def of(cls, link: media.Link, url: str) -> MediaLink:
        copy = link.copy
        return cls(
            url=url,
            expires_at=datetime.fromtimestamp(link.expires, UTC),
            state=copy.state,
            mime_type=copy.mime_type,
            size=copy.size,
            sha256=copy.sha256,
            error=copy.error,
        )


class MediaSignature(BaseModel):
    copy_id: str = Field(alias="copy", max_length=64, description="The copy whose key has signed the link.")
    expires: int = Field(ge=0, lt=10**11)
    signature: str = Field(pattern=r"^[0-9a-f]{64}$")


def _file() -> dict[str, Any]:
    return {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}


@api.get(
    "/<attachment_id>",
    responses={
        200: _file(),
        206: _file(),
        304: None,
        409: Failure,
        413: Failure,
        416: Failure,
        502: Failure,
        503: Failure,
    },
)
@by_cookie
def read_media(path: MediaPath) -> Response:
    """The file itself, from the hub's copy or its provider; a `Range` of it and `If-None-Match` are honoured."""
    blob = media.fetch(deps(), caller().tenant_id, path.attachment_id)
    response = _response(blob, path.attachment_id, max_age=3600)
    response.headers.add("Vary", "Authorization, X-API-Key, Cookie")
    return response


@api.post("/<attachment_id>/links", responses={201: MediaLink})
@only_reads
def make_link(path: MediaPath, body: NewMediaLink) -> Response:
    """Make a link at which anybody gets the file for a while, in an `<img>` for one; it names no credential."""
    link = media.link(deps(), caller().tenant_id, path.attachment_id, body.expires_in)
    return answer(MediaLink.of(link, link.url(deps().settings.own_address or "")), 201)


@api.get(
    "/<attachment_id>/content",
    responses={
        200: _file(),
        206: _file(),
        304: None,
        401: Failure,
        409: Failure,
        413: Failure,
        416: Failure,
        502: Failure,
        503: Failure,
    },
)
@open_to_all
def read_by_link(path: MediaPath, query: MediaSignature) -> Response:
    """The file for whoever has a link to it."""
    try:
        blob = media.fetch_by_link(deps(), path.attachment_id, query.copy_id, query.expires, query.signature)
    except Unauthorized:
        charge(deps(), WRONG_CREDENTIALS, client_address(deps(), request))
        raise
    left = query.expires - int(deps().now().timestamp())
    return _response(blob, path.attachment_id, max_age=max(0, min(3600, left)))


def _response(blob: Blob, attachment_id: str, max_age: int) -> Response:
    response = Response(blob.content, mimetype=blob.mime_type)
    how = "inline" if may_be_shown(blob.mime_type) else "attachment"
    name = quote(blob.file_name or attachment_id, safe="")
    response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{name}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["Cache-Control"] = f"private, max-age={max_age}"
    response.add_etag()
    response.make_conditional(request, accept_ranges=True, complete_length=len(blob.content))
    return response
