"""Customers: profiles, history, and two that are one."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.customer_schemas import (
    CustomerIn,
    CustomerPath,
    HistoryOut,
    HistoryQuery,
    InteractionOut,
    MergeIn,
    MergeOut,
    ProfileIn,
    ProfileOut,
    ProfilesOut,
    ProfilesQuery,
    SavedProfileOut,
    UnmergeIn,
)
from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.conditional import page
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.customers import customer_merges, customers

api = APIBlueprint(
    "dashboard_customers",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/customers",
    abp_tags=[Tag(name="Dashboard customers")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("", responses={200: ProfilesOut})
def list_customers(query: ProfilesQuery) -> Response:
    """List customers, the newest first."""
    profiles, cursor = customers.list_page(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(ProfilesOut(customers=[ProfileOut.of(customer) for customer in profiles], next_cursor=cursor))


@api.post("", responses={201: SavedProfileOut})
def create_customer(body: CustomerIn) -> Response:
    """Add a customer who has not written yet."""
    require(Role.AGENT)
    created = customers.create(deps(), caller().tenant_id, body.changes())
    return answer(SavedProfileOut(**ProfileOut.of(created).model_dump(), success=True), 201)


@api.get("/<customer_id>/profile", responses={200: ProfileOut})
def read_profile(path: CustomerPath) -> Response:
    """Read a customer's profile; one who was merged into another shows the other."""
    return answer(ProfileOut.of(customers.get(deps(), caller().tenant_id, path.customer_id)))


@api.put("/<customer_id>/profile", responses={200: SavedProfileOut, 409: Failure})
def change_profile(path: CustomerPath, body: ProfileIn) -> Response:
    """Change what is given."""
    require(Role.AGENT)
    changed = customers.update(deps(), caller().tenant_id, path.customer_id, body.changes())
    return answer(SavedProfileOut(**ProfileOut.of(changed).model_dump(), success=True))


@api.get("/<customer_id>/history", responses={200: HistoryOut})
def read_history(path: CustomerPath, query: HistoryQuery) -> Response:
    """List the customer's sessions on all channels, the newest first."""
    sessions, cursor = customers.history(deps(), caller().tenant_id, path.customer_id, query.limit, query.cursor)
    return page(HistoryOut(interactions=[InteractionOut.of(conversation) for conversation in sessions]), cursor)


@api.post("/<customer_id>/merge", responses={200: MergeOut, 409: Failure, 422: Failure})
def merge_customers(path: CustomerPath, body: MergeIn) -> Response:
    """Fold another customer into this one."""
    require(Role.AGENT)
    return answer(MergeOut.of(customer_merges.merge(deps(), caller().tenant_id, path.customer_id, body.source_id)))


@api.post("/<customer_id>/unmerge", responses={200: MergeOut, 409: Failure})
def unmerge_customers(path: CustomerPath, body: UnmergeIn) -> Response:
    """Undo a merge."""
    require(Role.AGENT)
    return answer(MergeOut.of(customer_merges.unmerge(deps(), caller().tenant_id, path.customer_id, body.merge_id)))
