"""Rules for conversations that begin."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.routing_schemas import (
    DryRunIn,
    DryRunOut,
    RuleChangesIn,
    RuleIn,
    RuleOut,
    RulePath,
    RuleSavedOut,
    RulesOut,
    RulesQuery,
    WholeRuleOut,
)
from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.domain.routing import Facts
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, only_reads, protect, require
from shared.usecases.conversations import routing

api = APIBlueprint(
    "dashboard_routing",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/routing/rules",
    abp_tags=[Tag(name="Dashboard routing")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("", responses={200: RulesOut})
def list_rules(query: RulesQuery) -> Response:
    """List the rules in the order in which they are applied."""
    rules = routing.list_rules(deps(), caller().tenant_id)
    if query.include == "all":
        return answer(RulesOut(rules=[WholeRuleOut.at(n, rule) for n, rule in enumerate(rules)]))
    return answer(RulesOut(rules=[RuleOut.of(rule) for rule in rules]))


@api.post("", responses={201: RuleSavedOut, 409: Failure})
def add_rule(body: RuleIn) -> Response:
    """Make a rule; where it cannot be read, the error names the character."""
    require(Role.ADMIN)
    fields = body.model_dump(exclude={"position"})
    return answer(RuleSavedOut.of(routing.add_rule(deps(), caller().tenant_id, fields, body.position)), 201)


@api.put("/<rule_id>", responses={200: RuleSavedOut, 409: Failure})
def change_rule(path: RulePath, body: RuleChangesIn) -> Response:
    """Change a rule or its place."""
    require(Role.ADMIN)
    fields = body.model_dump(exclude={"position"}, exclude_none=True)
    return answer(RuleSavedOut.of(routing.change_rule(deps(), caller().tenant_id, path.rule_id, fields, body.position)))


@api.delete("/<rule_id>", responses={204: None, 409: Failure})
def remove_rule(path: RulePath) -> Response:
    """Remove a rule."""
    require(Role.ADMIN)
    routing.remove_rule(deps(), caller().tenant_id, path.rule_id)
    return Response(status=204)


@api.post("/dry-run", responses={200: DryRunOut})
@only_reads
def dry_run(body: DryRunIn) -> Response:
    """Tell which rules a conversation would meet, and what they would do."""
    facts = Facts(
        channel=body.channel,
        priority=body.priority,
        tags=tuple(body.tags),
        language=body.language,
        text=body.text,
        hour=deps().now().hour if body.hour is None else body.hour,
    )
    return answer(DryRunOut.of(routing.dry_run(deps(), caller().tenant_id, facts)))
