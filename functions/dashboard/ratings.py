"""How satisfied a customer was with a session."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.ratings_schemas import RatingIn, RatingOut, RatingPath
from functions.dashboard.vocabulary import VOCABULARY
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect
from shared.usecases.conversations import ratings

api = APIBlueprint(
    "dashboard_ratings",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/sessions",
    abp_tags=[Tag(name="Dashboard sessions")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.post("/<session_id>/rating", responses={200: RatingOut, 409: Failure})
def rate_session(path: RatingPath, body: RatingIn) -> Response:
    """Rate a session; a later rating takes the place of an earlier one."""
    rated = ratings.rate(deps(), caller().tenant_id, path.session_id, body.score, body.comment)
    return answer(RatingOut.of(rated))
