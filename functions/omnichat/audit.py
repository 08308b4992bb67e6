"""The audit log: who has changed what, and whether the log is as it was written."""

from __future__ import annotations

from flask import Response
from flask_openapi import Tag

from functions.omnichat.audit_schemas import (
    AuditEntryOut,
    AuditOut,
    AuditQuery,
    ExportQuery,
    VerdictOut,
    VerifyQuery,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect, require
from shared.usecases import audit

_LINES = {"content": {"text/x-ndjson": {"schema": {"type": "string"}}}}

api = APIBlueprint(
    "omnichat_audit", __name__, vocabulary=VOCABULARY, url_prefix="/api/audit", abp_tags=[Tag(name="OmniChat audit")]
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: AuditOut})
def list_audit(query: AuditQuery) -> Response:
    """List who changed what, the latest first."""
    require(Role.ADMIN)
    page, cursor = audit.list_page(deps(), caller().tenant_id, query.filter(), query.limit, query.cursor)
    return answer(AuditOut(entries=[AuditEntryOut.of(entry) for entry in page], next_cursor=cursor))


@api.get("/export", responses={200: _LINES})
def export_audit(query: ExportQuery) -> Response:
    """Read the log for keeping it elsewhere: one entry a line, in the order of their numbers.

    Where there may be more, `X-Next-Cursor` is what `after` is next.
    """
    require(Role.ADMIN)
    entries = audit.export(deps(), caller().tenant_id, query.after, query.limit)
    lines = (AuditEntryOut.of(entry).model_dump_json(by_alias=True) + "\n" for entry in entries)
    response = Response("".join(lines), mimetype="text/x-ndjson")
    if len(entries) == query.limit:
        response.headers["X-Next-Cursor"] = str(entries[-1].number)
    return response


@api.get("/verify", responses={200: VerdictOut})
def verify_audit(query: VerifyQuery) -> Response:
    """Check up to 1000 entries: whether one was changed or is missing."""
    require(Role.ADMIN)
    return answer(VerdictOut.of(audit.verify(deps(), caller().tenant_id, query.place())))
