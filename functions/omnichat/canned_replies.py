"""Canned replies: texts that people send again and again, each under a short code."""

from __future__ import annotations

from flask import Response
from flask_openapi import Tag

from functions.omnichat.canned_reply_schemas import (
    CannedRepliesOut,
    CannedRepliesQuery,
    CannedReplyChange,
    CannedReplyIn,
    CannedReplyOut,
    CannedReplyPath,
)
from functions.omnichat.schemas import Done
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.conversations import canned_replies

api = APIBlueprint(
    "omnichat_canned_replies",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/canned-replies",
    abp_tags=[Tag(name="OmniChat canned replies")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: CannedRepliesOut})
def list_canned_replies(query: CannedRepliesQuery) -> Response:
    """List canned replies, all of them or those whose short codes begin with `q`."""
    page, cursor = canned_replies.list_page(deps(), caller().tenant_id, query.q, query.limit, query.cursor)
    return answer(CannedRepliesOut(canned_replies=[CannedReplyOut.of(reply) for reply in page], next_cursor=cursor))


@api.post("", responses={201: CannedReplyOut, 409: Failure})
def create_canned_reply(body: CannedReplyIn) -> Response:
    """Add a canned reply under a short code that no other one has."""
    require(Role.AGENT)
    return answer(CannedReplyOut.of(canned_replies.create(deps(), caller().tenant_id, body.model_dump())), 201)


@api.get("/<id>", responses={200: CannedReplyOut})
def read_canned_reply(path: CannedReplyPath) -> Response:
    """Read a canned reply."""
    return answer(CannedReplyOut.of(canned_replies.get(deps(), caller().tenant_id, path.id)))


@api.patch("/<id>", responses={200: CannedReplyOut, 409: Failure})
def change_canned_reply(path: CannedReplyPath, body: CannedReplyChange) -> Response:
    """Change a canned reply's text or short code."""
    require(Role.AGENT)
    changes = body.model_dump(exclude_unset=True)
    return answer(CannedReplyOut.of(canned_replies.change(deps(), caller().tenant_id, path.id, changes)))


@api.delete("/<id>", responses={200: Done})
def delete_canned_reply(path: CannedReplyPath) -> Response:
    """Delete a canned reply."""
    require(Role.AGENT)
    canned_replies.delete(deps(), caller().tenant_id, path.id)
    return answer(Done())
