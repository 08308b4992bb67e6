"""Files of messages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Response, request
from flask_openapi.models import Tag
from pydantic import BaseModel, Field

from functions.dashboard.vocabulary import VOCABULARY
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect
from shared.security.content_types import may_be_shown
from shared.usecases.conversations import media

api = APIBlueprint(
    "dashboard_media", __name__, vocabulary=VOCABULARY, url_prefix="/media", abp_tags=[Tag(name="Dashboard")]
)
cors(api)
protect(api, Access.DASHBOARD)


class MediaPath(BaseModel):
    attachment_id: str = Field(description="An attachment's `media_id`.")


def _file() -> dict[str, Any]:
    return {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}


@api.get(
    "/<attachment_id>",
    responses={200: _file(), 206: _file(), 304: None, 413: Failure, 416: Failure, 502: Failure, 503: Failure},
)
def read_media(path: MediaPath) -> Response:
    """The file itself, fetched from its provider; a `Range` of it and `If-None-Match` are honoured."""
    blob = media.fetch(deps(), caller().tenant_id, path.attachment_id)
    response = Response(blob.content, mimetype=blob.mime_type)
    how = "inline" if may_be_shown(blob.mime_type) else "attachment"
    name = quote(blob.file_name or path.attachment_id, safe="")
    response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{name}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers.add("Vary", "Authorization, X-API-Key")
    response.add_etag()
    response.make_conditional(request, accept_ranges=True, complete_length=len(blob.content))
    return response
