"""The people of the caller's tenant."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnichat.people_schemas import (
    AvailabilityIn,
    AvailabilityOut,
    InvitationCreated,
    InvitationOut,
    InvitationsOut,
    LinkOut,
    PageQuery,
    PeopleOut,
    PeopleQuery,
    PersonOut,
    UserIn,
    UserPatch,
    UserPath,
    UsersOut,
)
from functions.omnichat.schemas import UserOut
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.accounts import availabilities, users

api = APIBlueprint(
    "omnichat_users", __name__, vocabulary=VOCABULARY, url_prefix="/api/users", abp_tags=[Tag(name="OmniChat users")]
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.post("", responses={201: InvitationCreated, 409: Failure})
def invite(body: UserIn) -> Response:
    """Invite somebody, who becomes a user when they accept; only owners invite owners and admins."""
    require(Role.ADMIN)
    invitation = users.invite(deps(), caller(), body.email, body.role, body.name)
    return answer(InvitationCreated.of_link(*invitation), 201)


@api.get("/invitations", responses={200: InvitationsOut})
def invitations(query: PageQuery) -> Response:
    """List invitations that can still be accepted, oldest first."""
    require(Role.ADMIN)
    page, cursor = users.list_invitations(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(InvitationsOut(invitations=[InvitationOut.of(link) for link in page], next_cursor=cursor))


@api.delete("/invitations/<id>", responses={204: None})
def withdraw(path: UserPath) -> Response:
    """Withdraw an invitation."""
    require(Role.ADMIN)
    users.withdraw(deps(), caller(), path.id)
    return Response(status=204)


@api.get("", responses={200: UsersOut})
def index(query: PageQuery) -> Response:
    """List users, oldest first."""
    page, cursor = users.list_users(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(UsersOut(users=[UserOut.of(user) for user in page], next_cursor=cursor))


@api.patch("/<id>", responses={200: UserOut, 409: Failure})
def change(path: UserPath, body: UserPatch) -> Response:
    """Change role or name; the last owner stays one."""
    require(Role.ADMIN)
    return answer(UserOut.of(users.change(deps(), caller(), path.id, body.changes())))


@api.get("/availability", responses={200: PeopleOut})
def list_availability(query: PeopleQuery) -> Response:
    """List the users who can answer, with how many conversations each has; a page may have fewer than `limit`."""
    people, cursor = availabilities.list_people(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(PeopleOut(people=[PersonOut.of_person(person) for person in people], next_cursor=cursor))


@api.get("/<id>/availability", responses={200: AvailabilityOut})
def availability(path: UserPath) -> Response:
    """Say whether a user is given conversations."""
    return answer(AvailabilityOut.of(availabilities.read(deps(), caller().tenant_id, path.id)))


@api.put("/<id>/availability", responses={200: AvailabilityOut})
def set_availability(path: UserPath, body: AvailabilityIn) -> Response:
    """Say whether a user is there, how many conversations they take, and what they are good at."""
    require(Role.AGENT)
    changes = body.model_dump(exclude_unset=True)
    return answer(AvailabilityOut.of(availabilities.change(deps(), caller(), path.id, changes)))


@api.post("/<id>/password-reset", responses={201: LinkOut})
def reset_password(path: UserPath) -> Response:
    """Make a link at which the user chooses a new password; this answer alone holds it. Their sessions end then."""
    require(Role.OWNER)
    return answer(LinkOut(link=users.reset_link(deps(), caller(), path.id)), 201)


@api.delete("/<id>/sessions", responses={204: None})
def end_sessions(path: UserPath) -> Response:
    """End all sessions of a user, who may sign in again."""
    require(Role.ADMIN)
    users.end_sign_ins(deps(), caller(), path.id)
    return Response(status=204)


@api.delete("/<id>", responses={204: None, 409: Failure})
def remove(path: UserPath) -> Response:
    """Take a user away; the last owner stays."""
    require(Role.ADMIN)
    users.remove(deps(), caller(), path.id)
    return Response(status=204)
