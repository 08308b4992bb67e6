"""Sessions: conversations across all channels."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard import start_page
from functions.dashboard.schemas import CHANNELS, SessionOut, SessionsOut, SessionsQuery, WholeSessionOut
from functions.dashboard.session_schemas import (
    ActiveSessionsOut,
    CanSendOut,
    ChangedOut,
    CreatedOut,
    CreateIn,
    ReachOut,
    ReadOut,
    SessionChange,
    SessionListQuery,
    SessionPath,
    TransferIn,
    TransferredOut,
    TypingOut,
)
from functions.dashboard.start_page import LiveCall
from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.conditional import polled
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, only_reads, protect, require
from shared.usecases.conversations import calls, conversations, presence
from shared.usecases.sessions import sendability, session_creation, transfers

api = APIBlueprint(
    "dashboard_sessions",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/sessions",
    abp_tags=[Tag(name="Dashboard sessions")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("/active", responses={200: ActiveSessionsOut, 304: None})
def active_sessions(query: SessionsQuery) -> Response:
    """List active sessions: who waits for an answer, the longest wait first, then the newest activity.

    The next page's cursor is in `X-Next-Cursor`.
    """
    tenant_id = caller().tenant_id
    page, cursor = conversations.list_active(deps(), tenant_id, query.limit, query.cursor)
    active = ActiveSessionsOut(sessions=[SessionOut.of(session) for session in page])
    if start_page.asks():
        active.calls = [
            LiveCall.of(each.call, each.conversation, deps().now()) for each in calls.list_open(deps(), tenant_id)
        ]
    return start_page.with_vary(polled(active, cursor))


@api.get("", responses={200: SessionsOut})
def list_sessions(query: SessionListQuery) -> Response:
    """List sessions of any status, the newest activity first."""
    page, cursor = conversations.list_page(
        deps(), caller().tenant_id, query.status, query.limit, query.cursor, query.filter()
    )
    return answer(SessionsOut(sessions=[WholeSessionOut.of(session) for session in page], next_cursor=cursor))


@api.get("/<session_id>", responses={200: WholeSessionOut})
def read_session(path: SessionPath) -> Response:
    """Read one session."""
    return answer(WholeSessionOut.of(conversations.get(deps(), caller().tenant_id, path.session_id)))


@api.post("/create", responses={200: CreatedOut, 404: Failure, 409: Failure, 422: Failure})
def create_session(body: CreateIn) -> Response:
    """Begin a session, or take up the one that is open at the customer's address on that channel."""
    require(Role.AGENT)
    created = session_creation.create(deps(), caller().tenant_id, body.to_domain())
    return answer(CreatedOut(session_id=created.id, status="created", created_at=created.created_at))


@api.put("/<session_id>", responses={200: ChangedOut, 409: Failure})
def change_session(path: SessionPath, body: SessionChange) -> Response:
    """Change status, agent or priority."""
    require(Role.AGENT)
    decider = conversations.Decider(caller().credential_id)
    changed = conversations.update(deps(), caller().tenant_id, path.session_id, body.to_domain(deps()), decider)
    return answer(ChangedOut(**WholeSessionOut.of(changed).model_dump(), success=True))


@api.post("/<session_id>/can-send", responses={200: CanSendOut})
@only_reads
def can_send(path: SessionPath) -> Response:
    """Tell on which of the tenant's channels the customer can be reached now, and why not on the others."""
    verdicts = sendability.verdicts(deps(), caller().tenant_id, path.session_id)
    return answer(CanSendOut(session_id=path.session_id, channels=[ReachOut.of(verdict) for verdict in verdicts]))


@api.post("/<session_id>/read", responses={200: ReadOut})
def mark_read(path: SessionPath) -> Response:
    """Say that somebody has read the session; its customer sees it where the channel has `read_marks` on."""
    require(Role.AGENT)
    return answer(ReadOut(marked=presence.mark_read(deps(), caller().tenant_id, path.session_id).is_shown))


@api.post("/<session_id>/typing", responses={200: TypingOut})
def show_typing(path: SessionPath) -> Response:
    """Say that somebody is writing; its customer sees it for a few seconds, where the channel can show it."""
    require(Role.AGENT)
    return answer(TypingOut(visible=presence.show_typing(deps(), caller().tenant_id, path.session_id, caller())))


@api.post("/<session_id>/transfer", responses={200: TransferredOut, 409: Failure, 422: Failure})
def transfer_session(path: SessionPath, body: TransferIn) -> Response:
    """Let the session go on on another channel."""
    require(Role.AGENT)
    moved = transfers.transfer(deps(), caller().tenant_id, path.session_id, body.to_domain())
    transferred = TransferredOut(
        **WholeSessionOut.of(moved).model_dump(),
        success=True,
        from_channel=CHANNELS[body.from_channel],
        to_channel=CHANNELS[body.to_channel],
    )
    return answer(transferred)
