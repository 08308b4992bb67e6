"""Erasures of customers: how far they have come, and the signed reports of what was erased."""

from __future__ import annotations

import hmac
import json

from flask import Response
from flask_openapi import Tag

from functions.omnichat.erasure_schemas import (
    CheckedReportIn,
    CheckedReportOut,
    ErasureOut,
    ErasurePath,
    ErasuresOut,
    ErasuresQuery,
    SignedErasureOut,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.domain.erasures import Erasure, ErasureState
from shared.errors import BadRequest
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect, require
from shared.usecases.data_rights import erasing

api = APIBlueprint(
    "omnichat_erasures",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/erasures",
    abp_tags=[Tag(name="OmniChat customers")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: ErasuresOut})
def list_erasures(query: ErasuresQuery) -> Response:
    """List the erasures of customers, the latest first."""
    require(Role.OWNER)
    page, cursor = erasing.list_page(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(ErasuresOut(erasures=[ErasureOut.of(each) for each in page], next_cursor=cursor))


@api.get("/<id>", responses={200: SignedErasureOut})
def read_erasure(path: ErasurePath) -> Response:
    """Read how far an erasure has come, or its signed report."""
    require(Role.OWNER)
    return answer(_signed(erasing.get(deps(), caller().tenant_id, path.id)))


@api.post("/check", responses={200: CheckedReportOut})
def check_report(body: CheckedReportIn) -> Response:
    """Tell whether this hub has signed a report, as it is given."""
    require(Role.OWNER)
    try:
        report = json.loads(body.report)
        expected = erasing.signature(deps(), report) if isinstance(report, dict) else None
    except (ValueError, RecursionError):
        expected = None
    if expected is None:
        raise BadRequest.of_field("report", "is no JSON object: send the text of a report")
    genuine = hmac.compare_digest(expected.encode(), body.signature.encode())
    return answer(CheckedReportOut(genuine=genuine))


def _signed(erasure: Erasure) -> SignedErasureOut:
    report = ErasureOut.of(erasure)
    if erasure.state is not ErasureState.FINISHED:
        return SignedErasureOut(report=report, signature=None)
    signature = erasing.signature(deps(), report.model_dump(mode="json", by_alias=True))
    return SignedErasureOut(report=report, signature=signature)
