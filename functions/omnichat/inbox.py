"""The shared inbox: which conversations there are to deal with."""

from __future__ import annotations

from flask import Response
from flask_openapi import Tag

from functions.omnichat.conversation_schemas import ConversationRow
from functions.omnichat.inbox_schemas import BulkIn, BulkOut, BulkResult, CountsOut, InboxPage, InboxQuery, person_id
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect, require
from shared.usecases.conversations import bulk, conversations, inbox, rows

api = APIBlueprint(
    "omnichat_inbox", __name__, vocabulary=VOCABULARY, url_prefix="/api/inbox", abp_tags=[Tag(name="OmniChat inbox")]
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: InboxPage})
def list_inbox(query: InboxQuery) -> Response:
    """List the conversations of a view; a page may have fewer than `limit` and lead on all the same.

    With `since` it lists what has changed, for a client that was not connected for a while.
    """
    tenant_id, as_of = caller().tenant_id, deps().now()
    if query.since is not None:
        query.check_alone()
        page, cursor = inbox.changed_since(deps(), tenant_id, query.since, query.limit, query.cursor)
    else:
        selection = query.selection(caller())
        page, cursor = inbox.page(deps(), tenant_id, selection, query.order, query.limit, query.cursor)
    conversation_rows = [ConversationRow.of_row(row) for row in rows.rows(deps(), tenant_id, page)]
    return answer(InboxPage(conversations=conversation_rows, next_cursor=cursor, as_of=as_of))


@api.get("/counts", responses={200: CountsOut})
def count_inbox() -> Response:
    """Count the conversations of each view but the closed ones, up to a thousand."""
    return answer(CountsOut.of(inbox.counts(deps(), caller().tenant_id, person_id(caller()))))


@api.post("/bulk", responses={200: BulkOut})
def change_several(body: BulkIn) -> Response:
    """Assign, close, snooze or tag up to a hundred conversations; the answer has a result for each."""
    require(Role.AGENT)
    decider = conversations.Decider(caller().credential_id)
    results = bulk.change(deps(), caller().tenant_id, body.ids, body.to_domain(), decider)
    changed = [result.conversation for result in results if result.conversation is not None]
    rows_by_id = {row.conversation.id: row for row in rows.rows(deps(), caller().tenant_id, changed)}
    return answer(BulkOut(results=[_result(result, rows_by_id.get(result.conversation_id)) for result in results]))


def _result(result: bulk.Result, row: rows.Row | None) -> BulkResult:
    return BulkResult(
        id=result.conversation_id,
        ok=result.error is None,
        conversation=ConversationRow.of_row(row) if row else None,
        code=result.error.code if result.error else None,
        detail=VOCABULARY.sentence(result.error.parts) if result.error else None,
    )
