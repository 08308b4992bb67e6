"""Uploading files, to send them with messages."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, request
from flask_openapi import Tag
from pydantic import BaseModel, Field

from functions.omnichat.schemas import Wire
from functions.omnichat.vocabulary import VOCABULARY
from shared.channel.media import MAX_MEDIA
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.files import FileCopy, FileCopyState
from shared.http.app import deps, limit_body
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer, base_name
from shared.http.cors import cors
from shared.http.documentation import TAKES
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.times import Milliseconds
from shared.http.unknown_names import READS_BODY
from shared.usecases.conversations import media, uploads

LINK_SECONDS = 3600
_FORM = 64 * 1024
"""Bytes that a form may have beside the file."""

api = APIBlueprint(
    "omnichat_files",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/files",
    abp_tags=[Tag(name="OmniChat files")],
)
limit_body(api, lambda path: MAX_MEDIA + _FORM)
cors(api)
protect(api, Access.CREDENTIAL)


class FilePath(BaseModel):
    id: str = Field(max_length=64)


class FileQuery(BaseModel):
    file_name: str | None = Field(
        default=None, alias="fileName", max_length=255, description="The name of a file that is the body itself."
    )


class FileOut(Wire):
    """An uploaded file. While its `state` is `checking` it can neither be read nor sent; `error` says why for good.

    `url` gives the file to anybody until `urlExpiresAt`; `POST /media/{id}/links` makes others.
    """

    id: str
    state: FileCopyState
    url: str
    url_expires_at: Milliseconds
    mime_type: str | None
    file_name: str | None
    size: int | None
    sha256: str | None
    error: str | None
    created_at: Milliseconds

    @classmethod
    def of(cls, deps: Deps, copy: FileCopy) -> FileOut:
        link = media.link_to(deps, copy.id, copy, LINK_SECONDS)
        same = copy.model_dump(include=set(cls.model_fields))
        url, expires_at = link.url(deps.settings.own_address or ""), datetime.fromtimestamp(link.expires, UTC)
        return cls(**same, url=url, url_expires_at=expires_at)


def upload_file(query: FileQuery) -> Response:
    """Upload a file, as the body itself or as the field `file` of a form; its `id` is the `fileId` of an attachment."""
    require(Role.AGENT)
    form_file = request.files.get("file")
    if form_file is not None:
        content, mime_type, name = form_file.read(), form_file.mimetype, form_file.filename
    else:
        content, mime_type, name = request.get_data(), request.mimetype, query.file_name
    copy = uploads.upload(deps(), caller().tenant_id, content, mime_type, base_name(name))
    return answer(FileOut.of(deps(), copy), 201)


_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM_SCHEMA = {"type": "object", "properties": {"file": _BINARY["schema"]}, "required": ["file"]}
setattr(upload_file, TAKES, {"application/octet-stream": _BINARY, "multipart/form-data": {"schema": _FORM_SCHEMA}})
setattr(upload_file, READS_BODY, True)
api.post("", responses={201: FileOut, 409: Failure, 422: Failure})(upload_file)


@api.get("/<id>", responses={200: FileOut})
def show_file(path: FilePath) -> Response:
    """An uploaded file, and how it stands with it."""
    return answer(FileOut.of(deps(), uploads.read(deps(), caller().tenant_id, path.id)))
