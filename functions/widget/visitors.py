"""What a widget's visitors call."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.models import Tag

from functions.widget.schemas import (
    AcceptedOut,
    HistoryOut,
    HistoryQuery,
    MessageIn,
    SessionIn,
    SessionOut,
)
from shared.domain.ids import new_id
from shared.http.app import deps, limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.conditional import polled
from shared.http.limits import WIDGET, charge
from shared.http.visitor_pages import WidgetPath, open_to_pages, visitor_of
from shared.security.buckets import Rate
from shared.usecases.conversations import media
from shared.usecases.sessions import visitors

PER_VISITOR = Rate("visitor-messages", per_minute=60)

_VISITOR: list[dict[str, list[str]]] = [{"bearer": []}]

api = APIBlueprint("widget_visitors", __name__, url_prefix="/widget", abp_tags=[Tag(name="Widget")])
open_to_pages(api)
limit_rate(api, WIDGET, methods={"GET", "POST"})


@api.post("/<instance>/session", responses={201: SessionOut}, security=[{"bearer": []}, {}])
def begin_session(path: WidgetPath, body: SessionIn) -> Response:
    """Become a visitor; a caller with a visitor's token, or with proof of who they are, stays that visitor.

    A token that has no name or e-mail address yet takes the one that is given.
    """
    instance = visitors.widget(deps(), path.instance)
    if body.user_id and body.user_hash:
        session = visitors.begin_proven(deps(), instance, body.user_id, body.user_hash, body.name, body.email)
    elif "Authorization" in request.headers:
        session = visitors.renew(deps(), visitor_of(path.instance), body.name, body.email)
    else:
        session = visitors.begin(deps(), instance, body.name, body.email)
    return answer(SessionOut.of(instance.id, session), 201)


@api.post("/<instance>/messages", responses={202: AcceptedOut}, security=_VISITOR)
def say(path: WidgetPath, body: MessageIn) -> Response:
    """Say something; it is durable when this answers."""
    visitor = visitor_of(path.instance)
    charge(deps(), PER_VISITOR, visitor.room)
    nonce = body.nonce or new_id()
    message_id = visitors.say(deps(), visitor, body.text, nonce, [each.file_id for each in body.attachments])
    return answer(AcceptedOut(id=message_id, nonce=nonce, status="received"), 202)


@api.get("/<instance>/messages", responses={200: HistoryOut, 304: None}, security=_VISITOR)
def history(path: WidgetPath, query: HistoryQuery) -> Response:
    """Read what was said; with `If-None-Match` an unchanged page is a 304."""
    visitor = visitor_of(path.instance)
    page = visitors.history(deps(), visitor, query.limit, query.cursor)
    links = media.daily_links(deps(), page.messages)
    urls = {media_id: link.url(deps().settings.own_address or "") for media_id, link in links.items()}
    return polled(HistoryOut.of(page, visitors.opening(deps(), visitor.instance), urls), None)
