"""Access rules of the caller's tenant: who may write to it."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnichat.access_schemas import (
    AccessCheckIn,
    AccessCheckOut,
    AccessRuleIn,
    AccessRuleOut,
    AccessRulePatch,
    AccessRulePath,
    AccessRulesOut,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, only_reads, protect, require
from shared.usecases.conversations import access

api = APIBlueprint(
    "omnichat_access",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/access",
    abp_tags=[Tag(name="OmniChat access rules")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("/rules", responses={200: AccessRulesOut})
def list_rules() -> Response:
    """List all access rules, the oldest first."""
    rules = access.list_rules(deps(), caller().tenant_id)
    return answer(AccessRulesOut(rules=[AccessRuleOut.of(rule) for rule in rules]))


@api.post("/rules", responses={201: AccessRuleOut, 404: Failure})
def add_rule(body: AccessRuleIn) -> Response:
    """Allow or block senders."""
    require(Role.ADMIN)
    return answer(AccessRuleOut.of(access.add_rule(deps(), caller().tenant_id, body.fields())), 201)


@api.get("/rules/<id>", responses={200: AccessRuleOut})
def get_rule(path: AccessRulePath) -> Response:
    """One access rule."""
    return answer(AccessRuleOut.of(access.get_rule(deps(), caller().tenant_id, path.id)))


@api.patch("/rules/<id>", responses={200: AccessRuleOut})
def change_rule(path: AccessRulePath, body: AccessRulePatch) -> Response:
    """Change what is given."""
    require(Role.ADMIN)
    return answer(AccessRuleOut.of(access.change_rule(deps(), caller().tenant_id, path.id, body.fields())))


@api.delete("/rules/<id>", responses={204: None})
def remove_rule(path: AccessRulePath) -> Response:
    """Remove an access rule; other processes go by it for up to half a minute."""
    require(Role.ADMIN)
    access.remove_rule(deps(), caller().tenant_id, path.id)
    return Response(status=204)


@api.post("/check", responses={200: AccessCheckOut, 404: Failure})
@only_reads
def check(body: AccessCheckIn) -> Response:
    """Say whether an address may write, and which rule says so."""
    rule = access.check(deps(), caller().tenant_id, body.address, body.channel_id)
    return answer(AccessCheckOut.of(rule))
