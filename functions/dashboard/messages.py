"""Messages of a session."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.schemas import MessageOut, MessagesOut, MessagesPath, MessagesQuery, SendIn, SentOut
from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.conditional import polled
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.idempotency import IdempotencyHeader
from shared.usecases.conversations import conversations, sending

api = APIBlueprint(
    "dashboard_messages",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/messages",
    abp_tags=[Tag(name="Dashboard messages")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("/<session_id>", responses={200: MessagesOut, 304: None})
def session_messages(path: MessagesPath, query: MessagesQuery) -> Response:
    """Read the newest messages, oldest first; the cursor leads to older ones."""
    page, cursor = conversations.messages_page(deps(), caller().tenant_id, path.session_id, query.limit, query.cursor)
    return polled(MessagesOut(messages=[MessageOut.of(message) for message in page], next_cursor=cursor))


@api.post("/send", responses={202: SentOut, 404: Failure, 409: Failure, 422: Failure})
def send_message(header: IdempotencyHeader, body: SendIn) -> Response:
    """Send a message in a session; it is stored and queued when this answers."""
    require(Role.AGENT)
    key = header.idempotency_key
    target = sending.Target(conversation_id=body.session_id)
    content = body.to_domain(deps())
    accepted = sending.send(deps(), caller(), target, content, (key, body.model_dump()) if key else None)
    return answer(SentOut(**MessageOut.of(accepted.message).model_dump(), success=True), 202)
