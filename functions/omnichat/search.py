"""Searching people, conversations and messages."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response
from flask_openapi import Tag

from functions.omnichat.conversation_schemas import ConversationRow
from functions.omnichat.customer_schemas import CustomerOut
from functions.omnichat.search_schemas import (
    ConversationGroup,
    Group,
    MessageGroup,
    MessageHit,
    PeopleGroup,
    SearchOut,
    SearchQuery,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.conversations import Conversation
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect
from shared.usecases.conversations import rows, searching
from shared.usecases.conversations.searching import Results

api = APIBlueprint(
    "omnichat_search", __name__, vocabulary=VOCABULARY, url_prefix="/api/search", abp_tags=[Tag(name="OmniChat inbox")]
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: SearchOut})
def search(query: SearchQuery) -> Response:
    """Search customers by name, number and e-mail address, their conversations, and messages by their text.

    All words have to be there; upper and lower case, accents and marks make no difference.
    """
    query.check()
    results = _results(query)
    customer_names = results.customer_names
    return answer(
        SearchOut(
            people=PeopleGroup(
                results=[CustomerOut.of(each) for each in results.people], next_cursor=results.people_cursor
            ),
            conversations=ConversationGroup(results=_rows(results.conversations)),
            messages=MessageGroup(
                results=[
                    MessageHit.of_hit(each, customer_names.get(each.conversation_id)) for each in results.messages
                ],
                next_cursor=results.messages_cursor,
            ),
        )
    )


def _results(query: SearchQuery) -> Results:
    tenant_id = caller().tenant_id
    if query.group is Group.PEOPLE:
        people, cursor = searching.search_people(deps(), tenant_id, query.q, query.limit, query.cursor)
        return Results(people=people, people_cursor=cursor)
    if query.group is Group.MESSAGES:
        messages, cursor = searching.search_messages(deps(), tenant_id, query.q, query.limit, query.cursor)
        names = searching.customer_names(deps(), tenant_id, messages)
        return Results(messages=messages, messages_cursor=cursor, customer_names=names)
    return searching.search(deps(), tenant_id, query.q, query.limit)


def _rows(conversations: Sequence[Conversation]) -> list[ConversationRow]:
    return [ConversationRow.of_row(row) for row in rows.rows(deps(), caller().tenant_id, conversations)]
