"""Webhooks out: which systems of the business are told what happens, and what became of telling them."""

from __future__ import annotations

from flask import Response
from flask_openapi import Tag

from functions.omnichat.schemas import Done
from functions.omnichat.vocabulary import VOCABULARY
from functions.omnichat.webhook_schemas import (
    DeliveriesOut,
    DeliveriesQuery,
    DeliveryDetailOut,
    DeliveryOut,
    DeliveryPath,
    ReplayIn,
    ReplayOut,
    WebhookChange,
    WebhookIn,
    WebhookOut,
    WebhookPath,
    WebhooksOut,
    WebhooksQuery,
    WebhookWithSecretOut,
)
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.endpoints import endpoints, records

api = APIBlueprint(
    "omnichat_webhooks",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/webhooks",
    abp_tags=[Tag(name="OmniChat webhooks")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.get("", responses={200: WebhooksOut})
def list_webhooks(query: WebhooksQuery) -> Response:
    """List the webhooks, without their secrets."""
    require(Role.ADMIN)
    page, cursor = endpoints.list_page(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(WebhooksOut(webhooks=[WebhookOut.of(endpoint) for endpoint in page], next_cursor=cursor))


@api.post("", responses={201: WebhookWithSecretOut, 409: Failure})
def create_webhook(body: WebhookIn) -> Response:
    """Add a webhook: an address to which the hub posts what happens, signed with the secret of the answer."""
    require(Role.ADMIN)
    created = endpoints.create(deps(), caller().tenant_id, body.fields())
    return answer(WebhookWithSecretOut.with_secret(created), 201)


@api.get("/<id>", responses={200: WebhookOut})
def read_webhook(path: WebhookPath) -> Response:
    """Read a webhook."""
    require(Role.ADMIN)
    return answer(WebhookOut.of(endpoints.get(deps(), caller().tenant_id, path.id)))


@api.patch("/<id>", responses={200: WebhookOut})
def change_webhook(path: WebhookPath, body: WebhookChange) -> Response:
    """Change a webhook, pause it, or let it go on."""
    require(Role.ADMIN)
    return answer(WebhookOut.of(endpoints.change(deps(), caller().tenant_id, path.id, body.fields())))


@api.delete("/<id>", responses={200: Done})
def delete_webhook(path: WebhookPath) -> Response:
    """Delete a webhook; what is on its way to it is dropped."""
    require(Role.ADMIN)
    endpoints.delete(deps(), caller().tenant_id, path.id)
    return answer(Done())


@api.post("/<id>/rotate-secret", responses={200: WebhookWithSecretOut})
def rotate_webhook_secret(path: WebhookPath) -> Response:
    """Give a webhook a new secret; for a day its calls are signed with the former one, too."""
    require(Role.ADMIN)
    return answer(WebhookWithSecretOut.with_secret(endpoints.rotate(deps(), caller().tenant_id, path.id)))


@api.post("/<id>/test", responses={200: DeliveryDetailOut})
def test_webhook(path: WebhookPath) -> Response:
    """Call a webhook now with an event of type `webhook-test`, and tell what it answers."""
    require(Role.ADMIN)
    return answer(DeliveryDetailOut.of(records.send_test(deps(), caller().tenant_id, path.id)))


@api.post("/<id>/replay", responses={200: ReplayOut, 409: Failure})
def replay_webhook(path: WebhookPath, body: ReplayIn) -> Response:
    """Send again what happened in a time, in steps: each event with the id that it had."""
    require(Role.ADMIN)
    replayed = records.replay(deps(), caller().tenant_id, path.id, body.since, body.until, body.cursor)
    return answer(ReplayOut(replayed=replayed.count, next_cursor=replayed.cursor))


@api.get("/<id>/deliveries", responses={200: DeliveriesOut})
def list_webhook_deliveries(path: WebhookPath, query: DeliveriesQuery) -> Response:
    """List the deliveries to a webhook of the last seven days."""
    require(Role.ADMIN)
    page, cursor = records.list_page(deps(), caller().tenant_id, path.id, query.status, query.limit, query.cursor)
    return answer(DeliveriesOut(deliveries=[DeliveryOut.of(each) for each in page], next_cursor=cursor))


@api.get("/<id>/deliveries/<delivery_id>", responses={200: DeliveryDetailOut})
def read_webhook_delivery(path: DeliveryPath) -> Response:
    """Read a delivery, with what was sent and answered."""
    require(Role.ADMIN)
    return answer(DeliveryDetailOut.of(records.get(deps(), caller().tenant_id, path.id, path.delivery_id)))


@api.post("/<id>/deliveries/<delivery_id>/resend", responses={200: DeliveryOut, 409: Failure})
def resend_webhook_delivery(path: DeliveryPath) -> Response:
    """Send an event again, with the id that it had."""
    require(Role.ADMIN)
    return answer(DeliveryOut.of(records.resend(deps(), caller().tenant_id, path.id, path.delivery_id)))
