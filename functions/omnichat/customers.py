"""Customers: who they are, where they can be reached, and which two are one."""

from __future__ import annotations

from flask import Response, request
from flask_openapi import Tag

from functions.omnichat import customer_files
from functions.omnichat.customer_schemas import (
    CustomerMergeIn,
    CustomerOut,
    CustomerPath,
    CustomersOut,
    CustomersQuery,
    CustomerUnmergeIn,
    IdentityOut,
    ImportedOut,
    MergedOut,
    MergesOut,
    NewCustomer,
    PageQuery,
    ProfileChange,
    WholeCustomerOut,
)
from functions.omnichat.erasure_schemas import ErasureIn, ErasureOut
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.domain.customers import Customer
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.documentation import TAKES
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.http.unknown_names import READS_BODY
from shared.usecases.customers import customer_merges, customers, importing
from shared.usecases.data_rights import erasing
from shared.usecases.identities import contacts
from shared.usecases.instances import instance_lookup

api = APIBlueprint(
    "omnichat_customers",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/customers",
    abp_tags=[Tag(name="OmniChat customers")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: CustomersOut, 404: Failure})
def list_customers(query: CustomersQuery) -> Response:
    """List customers, the newest first, or look some up by `phone`, `email`, or `address` on a channel."""
    query.check()
    tenant_id, cursor = caller().tenant_id, None
    if query.address is not None and query.channel_id is not None:
        matching = contacts.at_address(deps(), tenant_id, query.channel_id, query.address)
    elif query.phone or query.email:
        matching = customers.with_phone_or_email(deps(), tenant_id, query.phone, query.email)
    else:
        matching, cursor = customers.list_page(deps(), tenant_id, query.limit, query.cursor)
    return answer(CustomersOut(customers=[CustomerOut.of(each) for each in matching], next_cursor=cursor))


@api.post("", responses={201: CustomerOut})
def create_customer(body: NewCustomer) -> Response:
    """Add a customer who has not written yet."""
    require(Role.AGENT)
    return answer(CustomerOut.of(customers.create(deps(), caller().tenant_id, body.changes())), 201)


def import_customers() -> Response:
    """Import up to 500 customers; importing the same twice changes nothing.

    A file that begins with `{` has a JSON object a line, any other is CSV with a heading. A row is about the customer
    with its `phone` or `email`. In CSV `tags` are parted by `;`, and a column of a custom field is called
    `customFields.` and its name.
    """
    require(Role.AGENT)
    rows = customer_files.rows(request.get_data())
    return answer(ImportedOut.of(importing.import_rows(deps(), caller().tenant_id, rows)))


setattr(import_customers, TAKES, {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}})
setattr(import_customers, READS_BODY, True)
api.post("/import", responses={200: ImportedOut})(import_customers)


@api.get("/<id>", responses={200: WholeCustomerOut})
def read_customer(path: CustomerPath) -> Response:
    """Read a customer with their addresses; one who was merged into another shows the other."""
    return answer(_whole(customers.get(deps(), caller().tenant_id, path.id)))


@api.patch("/<id>", responses={200: WholeCustomerOut, 409: Failure})
def change_customer(path: CustomerPath, body: ProfileChange) -> Response:
    """Change what is given."""
    require(Role.AGENT)
    return answer(_whole(customers.update(deps(), caller().tenant_id, path.id, body.changes())))


@api.post("/<id>/merge", responses={200: MergedOut, 409: Failure, 422: Failure})
def merge_customer(path: CustomerPath, body: CustomerMergeIn) -> Response:
    """Fold another customer into this one, or see with `dryRun` what would come of it."""
    require(Role.AGENT)
    if body.dry_run:
        preview = customer_merges.preview(deps(), caller().tenant_id, path.id, body.source_id)
        return answer(MergedOut.of_preview(preview))
    return answer(MergedOut.of(customer_merges.merge(deps(), caller().tenant_id, path.id, body.source_id)))


@api.get("/<id>/merges", responses={200: MergesOut})
def list_merges(path: CustomerPath, query: PageQuery) -> Response:
    """List who was merged into the customer, the latest first; a merge's id is what undoing it takes."""
    merges, cursor = customer_merges.list_page(deps(), caller().tenant_id, path.id, query.limit, query.cursor)
    return answer(MergesOut(merges=[MergedOut.of(merge) for merge in merges], next_cursor=cursor))


@api.post("/<id>/unmerge", responses={200: MergedOut, 409: Failure})
def unmerge_customer(path: CustomerPath, body: CustomerUnmergeIn) -> Response:
    """Undo a merge."""
    require(Role.AGENT)
    return answer(MergedOut.of(customer_merges.unmerge(deps(), caller().tenant_id, path.id, body.merge_id)))


@api.post("/<id>/erase", responses={202: ErasureOut})
def erase_customer(path: CustomerPath, body: ErasureIn) -> Response:
    """Erase a customer and all that is kept of them, for good. It takes some minutes."""
    require(Role.OWNER)
    return answer(ErasureOut.of(erasing.order(deps(), caller(), path.id, body.confirmation)), 202)


def _whole(customer: Customer) -> WholeCustomerOut:
    identities = [
        IdentityOut.of(identity, instance_lookup.cached(deps(), customer.tenant_id, identity.instance_id))
        for identity in customers.identities_of(deps(), customer)
    ]
    return WholeCustomerOut(**CustomerOut.of(customer).model_dump(), identities=identities)
