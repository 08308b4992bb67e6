"""Integrations: the channel types that are configured, and whether a credential works."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.integration_schemas import (
    IntegrationOut,
    IntegrationPath,
    IntegrationsOut,
    TrialIn,
    TrialOut,
)
from functions.dashboard.vocabulary import VOCABULARY, channel_type
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.conditional import polled
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect, require
from shared.http.unknown_names import refuse_others
from shared.usecases.instances import integrations
from shared.usecases.instances.providers import types_by_provider
from shared.usecases.overview import channels

api = APIBlueprint(
    "dashboard_integrations",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/integrations",
    abp_tags=[Tag(name="Dashboard channels")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("/status", responses={200: IntegrationsOut, 304: None})
def list_integrations() -> Response:
    """List the channel types that are configured and the providers behind them, with their best channel's status."""
    statuses = channels.type_statuses(deps(), caller().tenant_id)
    return polled(IntegrationsOut(integrations=[IntegrationOut.of(status) for status in statuses]))


@api.post("/<integration_type>/test", responses={200: TrialOut})
def try_integration(path: IntegrationPath, body: TrialIn) -> Response:
    """Try a credential at the provider; it is not kept, and a refusal is no failure of this request."""
    require(Role.ADMIN)
    if (provider := path.integration_type.strip().lower()) in types_by_provider():
        refuse_others(body.values, body.names_for(types_by_provider()[provider]))
        return answer(TrialOut.of(integrations.try_provider(deps(), caller().tenant_id, provider, body.values)))
    type_ = channel_type(path.integration_type)
    refuse_others(body.values, body.names_for([type_]))
    return answer(TrialOut.of(integrations.try_credential(deps(), caller().tenant_id, type_, body.values)))
