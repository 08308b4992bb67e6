"""Video: who is let into a session's room."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.models import Tag
from pydantic import BaseModel, Field

from functions.dashboard.session_schemas import SessionPath
from functions.dashboard.vocabulary import VOCABULARY
from shared.channel.rooms import Admission
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, open_to_all, protect, require
from shared.http.limits import WIDGET, charge, client_address
from shared.http.times import WholeSeconds
from shared.usecases.conversations import rooms


class AdmissionOut(BaseModel):
    """What `connect(token, {name: room})` of Twilio's Video SDK takes."""

    room: str
    token: str
    identity: str
    expires_at: WholeSeconds

    @classmethod
    def of(cls, admission: Admission) -> AdmissionOut:
        return cls(
            room=admission.room,
            token=admission.token,
            identity=admission.identity,
            expires_at=admission.expires_at,
        )


class TicketIn(BaseModel):
    token: str = Field(min_length=1, max_length=4096, description="The ticket out of the join link.")


api = APIBlueprint(
    "dashboard_rooms",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/sessions",
    abp_tags=[Tag(name="Dashboard sessions")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.post("/<session_id>/video-token", responses={200: AdmissionOut, 404: Failure, 409: Failure, 422: Failure})
def admit_agent(path: SessionPath) -> Response:
    """Let the caller into the session's video room."""
    require(Role.AGENT)
    principal = caller()
    return answer(
        AdmissionOut.of(rooms.admit_agent(deps(), principal.tenant_id, path.session_id, principal.user_id or "api"))
    )


@api.post(
    "/join",
    responses={200: AdmissionOut, 401: Failure, 404: Failure, 409: Failure, 422: Failure, 429: Failure},
    security=[],
)
@open_to_all
def admit_guest(body: TicketIn) -> Response:
    """Let a customer in, by the ticket of their join link."""
    charge(deps(), WIDGET, client_address(deps(), request))
    return answer(AdmissionOut.of(rooms.admit_guest(deps(), body.token)))
