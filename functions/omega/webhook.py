"""Messages of other programs: alerts that somebody is to read, and questions that the agent is to answer for them."""

from __future__ import annotations

from flask import Response

from functions.omega.blueprint import omega_blueprint
from functions.omega.webhook_schemas import OutsideMessageIn, OutsideMessageOut
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.bodies import answer
from shared.http.errors import Failure
from shared.http.guards import caller, require
from shared.usecases.sessions import outside_messages

api = omega_blueprint("omega_webhook")


@api.post(
    "/webhook",
    responses={200: OutsideMessageOut, 202: OutsideMessageOut, 404: Failure, 409: Failure, 422: Failure},
)
def take_message(body: OutsideMessageIn) -> Response:
    """Accept a message: `direct` ones are sent as they are, those of mode `ai` are answered as if the person had asked.

    There is no list of allowed users here, of whom the first one would get it: `target` is needed.
    """
    require(Role.AGENT)
    instance = outside_messages.instance_of(deps(), caller().tenant_id, body.types())
    message = outside_messages.Outside(body.source, body.message, instance, body.target)
    if body.mode == "direct":
        outside_messages.send(deps(), caller(), message)
        return answer(OutsideMessageOut.delivered(instance, body.target))
    return answer(OutsideMessageOut.queued(outside_messages.ask(deps(), message)), 202)
