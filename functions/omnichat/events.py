"""What has happened, for clients that were not connected, or cannot be."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_openapi import Tag
from pydantic import Field

from functions.omnichat import wire
from functions.omnichat.inbox_schemas import person_id
from functions.omnichat.schemas import Wire
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.event_log import Position
from shared.domain.events import RealtimeEvent
from shared.errors import BadRequest
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect
from shared.usecases import event_log, realtime

api = APIBlueprint(
    "omnichat_events", __name__, vocabulary=VOCABULARY, url_prefix="/api/events", abp_tags=[Tag(name="OmniChat inbox")]
)
cors(api)
protect(api, Access.CREDENTIAL)


class EventsQuery(Wire):
    cursor: str | None = Field(default=None, max_length=32_768, description="Without it the page is empty, and begins.")
    limit: int = Field(default=100, ge=1, le=event_log.MOST)


class EventOut(Wire):
    """`payload` is what Socket.IO clients get with the event of this name, and `cursor` leads on from here."""

    id: str
    name: str
    payload: dict[str, Any]
    cursor: str


class EventsOut(Wire):
    """Events, the oldest first. With `reload` some are missing: read the lists again and go on with `nextCursor`."""

    events: list[EventOut]
    next_cursor: str = Field(examples=["AAAAAAAAAAE"])
    has_more: bool
    reload: bool


@api.get("", responses={200: EventsOut})
def list_events(query: EventsQuery) -> Response:
    """List what has happened since a cursor; without one, give the cursor of now.

    Events are kept for seven days, and are those that webhooks are told (`/api/webhooks`). `nextCursor` always leads
    on, also where nothing has happened yet.
    """
    tenant_id = caller().tenant_id
    stream = event_log.follow(deps(), tenant_id)
    position = _position(query.cursor)
    if position is None or event_log.is_too_old(deps(), stream, position):
        now = event_log.start(deps(), tenant_id).to_cursor()
        return answer(EventsOut(events=[], next_cursor=now, has_more=False, reload=position is not None))
    page = event_log.after(deps(), tenant_id, position, query.limit)
    events = [_event(step) for step in page.steps if _may_see(step.event)]
    return answer(EventsOut(events=events, next_cursor=page.position.to_cursor(), has_more=page.has_more, reload=False))


def _position(cursor: str | None) -> Position | None:
    position = Position.from_cursor(cursor) if cursor else None
    if cursor and position is None:
        raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"})
    return position


def _may_see(event: RealtimeEvent) -> bool:
    return realtime.addressee(event) in (None, person_id(caller()))


def _event(step: event_log.Step) -> EventOut:
    event = realtime.completed(deps(), step.event)
    return EventOut(id=event.id, name=event.name, payload=wire.payload(event), cursor=step.position.to_cursor())
