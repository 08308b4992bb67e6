"""What a widget's visitors call."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.models import Tag

from functions.widget.origins import open_to_pages
from functions.widget.schemas import (
    AcceptedOut,
    HistoryOut,
    HistoryQuery,
    MessageIn,
    MessageOut,
    SessionIn,
    SessionOut,
    WidgetPath,
)
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.errors import Unauthorized
from shared.http.app import deps, limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.conditional import polled
from shared.http.limits import WIDGET, charge
from shared.security.buckets import Rate
from shared.usecases.conversations import media
from shared.usecases.sessions import visitors
from shared.usecases.sessions.visitors import Visitor

PER_VISITOR = Rate("visitor-messages", per_minute=60)

_VISITOR: list[dict[str, list[str]]] = [{"bearer": []}]

api = APIBlueprint("widget_visitors", __name__, url_prefix="/widget", abp_tags=[Tag(name="Widget")])
open_to_pages(api)
limit_rate(api, WIDGET, methods={"GET", "POST"})


@api.post("/<instance>/session", responses={201: SessionOut}, security=[{"bearer": []}, {}])
def begin_session(path: WidgetPath, body: SessionIn) -> Response:
    """Become a visitor; a caller with a visitor's token, or with proof of who they are, stays that visitor."""
    instance = visitors.widget(deps(), path.instance)
    if body.user_id and body.user_hash:
        session = visitors.begin_proven(deps(), instance, body.user_id, body.user_hash, body.name, body.email)
    elif "Authorization" in request.headers:
        session = visitors.renew(deps(), _visitor(instance))
    else:
        session = visitors.begin(deps(), instance, body.name, body.email)
    return answer(SessionOut.of(instance.id, session), 201)


@api.post("/<instance>/messages", responses={202: AcceptedOut}, security=_VISITOR)
def say(path: WidgetPath, body: MessageIn) -> Response:
    """Say something; it is durable when this answers."""
    visitor = _visitor(visitors.widget(deps(), path.instance))
    charge(deps(), PER_VISITOR, visitor.room)
    nonce = body.nonce or new_id()
    message_id = visitors.say(deps(), visitor, body.text, nonce)
    return answer(AcceptedOut(id=message_id, nonce=nonce, status="received"), 202)


@api.get("/<instance>/messages", responses={200: HistoryOut, 304: None}, security=_VISITOR)
def history(path: WidgetPath, query: HistoryQuery) -> Response:
    """Read what was said; with `If-None-Match` an unchanged page is a 304."""
    visitor = _visitor(visitors.widget(deps(), path.instance))
    page, cursor = visitors.history(deps(), visitor, query.limit, query.cursor)
    links = media.daily_links(deps(), page)
    urls = {media_id: link.url(deps().settings.own_address or "") for media_id, link in links.items()}
    return polled(HistoryOut(messages=[MessageOut.of(message, urls) for message in page], next_cursor=cursor), None)


def _visitor(instance: Instance) -> Visitor:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("give the visitor's token as a bearer token")
    return visitors.authenticate(deps(), instance, token.strip())
