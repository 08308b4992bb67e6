"""Messages of a session."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.schemas import (
    MessageEdit,
    MessageOut,
    MessagePath,
    MessagesOut,
    MessagesPath,
    MessagesQuery,
    SendIn,
    SentOut,
)
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
from shared.usecases.conversations import changing, conversations, sending

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
    content = body.to_domain(deps(), caller().tenant_id)
    return _accepted(sending.send(deps(), caller(), target, content, (key, body.model_dump()) if key else None))


@api.put("/<message_id>", responses={202: SentOut, 404: Failure, 409: Failure, 422: Failure})
def edit_message(path: MessagePath, body: MessageEdit) -> Response:
    """Have a sent message say something else, where its channel can; it does once the provider has changed it."""
    require(Role.AGENT)
    return _accepted(changing.edit(deps(), caller().tenant_id, path.message_id, body.content))


@api.delete("/<message_id>", responses={202: SentOut, 404: Failure, 409: Failure, 422: Failure})
def delete_message(path: MessagePath) -> Response:
    """Take a sent message away from everybody, where its channel can. The hub keeps what it said."""
    require(Role.AGENT)
    return _accepted(changing.delete(deps(), caller().tenant_id, path.message_id))


def _accepted(accepted: sending.Accepted) -> Response:
    return answer(SentOut(**MessageOut.of(accepted.message).model_dump(), success=True), 202)
