"""Files of a widget's visitors. They are taken here, because the widget's own function may write no document."""

from __future__ import annotations

from flask import Response, request
from flask_openapi import Tag
from pydantic import Field

from functions.omnichat.schemas import Wire
from functions.omnichat.vocabulary import VOCABULARY
from shared.channel import MEGABYTE
from shared.http.app import deps, limit_body, limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer, base_name
from shared.http.documentation import TAKES
from shared.http.errors import Failure
from shared.http.limits import WIDGET, charge, client_address
from shared.http.unknown_names import READS_BODY
from shared.http.visitor_pages import WidgetPath, open_to_pages, visitor_of
from shared.security.buckets import Rate
from shared.usecases.sessions import visitors

PER_VISITOR = Rate("visitor-files", per_minute=10)
MEGABYTES = Rate("visitor-file-megabytes", per_minute=60)
"""What the visitors behind one address upload, each file rounded up."""

api = APIBlueprint(
    "omnichat_visitor_files",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/visitors",
    abp_tags=[Tag(name="Widget")],
)
open_to_pages(api)
limit_rate(api, WIDGET, methods={"POST"})
limit_body(api, lambda path: visitors.FILE_MEGABYTES * MEGABYTE)


class VisitorFileQuery(Wire):
    file_name: str | None = Field(default=None, min_length=1, max_length=255, description="The file's own name.")


class VisitorFileOut(Wire):
    """An upload; `id` goes into a message's `attachments`, and is good for the visitor who uploaded it alone."""

    id: str
    file_name: str | None
    mime_type: str | None
    size: int | None


def upload_visitor_file(path: WidgetPath, query: VisitorFileQuery) -> Response:
    """Upload a visitor's file, which is the body itself; its `id` goes into the `attachments` of their message."""
    visitor = visitor_of(path.instance)
    charge(deps(), PER_VISITOR, visitor.room)
    charge(deps(), MEGABYTES, client_address(deps(), request), 1 + (request.content_length or 0) // MEGABYTE)
    content, name = request.get_data(), base_name(query.file_name)
    copy = visitors.upload(deps(), visitor, content, request.mimetype, name)
    ticket = visitors.file_ticket(deps(), visitor, copy.id)
    return answer(VisitorFileOut(id=ticket, file_name=copy.file_name, mime_type=copy.mime_type, size=copy.size), 201)


setattr(upload_visitor_file, TAKES, {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}})
setattr(upload_visitor_file, READS_BODY, True)
api.post("/<instance>/files", responses={201: VisitorFileOut, 422: Failure}, security=[{"bearer": []}])(
    upload_visitor_file
)
