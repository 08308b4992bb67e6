"""Sessions: conversations across all channels."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models import Tag

from functions.dashboard.schemas import SessionOut, SessionsOut, SessionsQuery
from shared.domain.conversations import ConversationStatus
from shared.http.app import deps
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect
from shared.usecases import conversations

api = APIBlueprint("dashboard_sessions", __name__, url_prefix="/sessions", abp_tags=[Tag(name="Dashboard")])
cors(api)
protect(api, Access.DASHBOARD)


@api.get("/active", responses={200: SessionsOut})
def active_sessions(query: SessionsQuery) -> Response:
    """List active sessions, the newest activity first."""
    found, cursor = conversations.list_page(
        deps(), caller().tenant_id, ConversationStatus.OPEN, query.limit, query.cursor
    )
    return answer(SessionsOut(sessions=[SessionOut.of(each) for each in found], next_cursor=cursor))
