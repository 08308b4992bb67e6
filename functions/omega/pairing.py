"""Health, and pairing the tenant's WhatsApp account."""

from __future__ import annotations

from flask import Response

from functions.omega.blueprint import omega_blueprint
from functions.omega.schemas import (
    PAIRED,
    PENDING,
    AlreadyPaired,
    HealthOut,
    NotConfigured,
    PairOut,
    PairStatusOut,
    QRReady,
    WaitQuery,
    word_for,
)
from shared.domain.accounts import Role
from shared.domain.instances import InstanceStatus
from shared.errors import ProviderUnavailable
from shared.http.app import deps
from shared.http.bodies import answer
from shared.http.errors import Failure
from shared.http.guards import caller, require
from shared.http.origin import deps_with_origin
from shared.usecases.instances import default_whatsapp, instance_operations, pairing_wait
from shared.usecases.instances.qr_pictures import png_base64
from shared.usecases.reporting import health

POLL_AGAIN = "2"
"""Seconds, as `Retry-After`: also when too many wait already and the answer came soon."""

api = omega_blueprint("omega")


@api.get("/health", responses={200: HealthOut, 404: Failure})
def read_health() -> Response:
    """Tell that the hub runs, and how its WhatsApp account stands."""
    instance = default_whatsapp.find(deps(), caller().tenant_id)
    return answer(HealthOut(uptime_secs=health.uptime(), whatsapp=word_for(instance)))


@api.post("/pair", responses={200: PairOut, 404: Failure, 409: NotConfigured, 502: Failure, 503: Failure})
def pair() -> Response:
    """Give a code to scan; one that is still valid is given again."""
    require(Role.ADMIN)
    reachable = deps_with_origin()
    instance = default_whatsapp.find_or_make(reachable, caller().tenant_id)
    if instance is None:
        return answer(NotConfigured.without_account(), 409)
    paired = instance_operations.pair(reachable, instance)
    if paired.status is InstanceStatus.CONNECTED:
        return answer(AlreadyPaired())
    if not instance_operations.can_pair(paired):
        return answer(NotConfigured.without_code(paired), 409)
    picture = png_base64(paired.pairing) if paired.pairing and paired.pairing.expires_at > deps().now() else None
    if picture is None:
        raise ProviderUnavailable(paired.adapter, "there is no code to scan yet; ask again", retry_after=2)
    return answer(QRReady(qr_png_base64=picture))


@api.get("/pair/status", responses={200: PairStatusOut, 404: Failure, 409: NotConfigured})
def wait_for_pairing(query: WaitQuery) -> Response:
    """Wait until the code was scanned, for up to a minute."""
    instance = default_whatsapp.find(deps(), caller().tenant_id)
    if instance is None:
        return answer(NotConfigured.without_account(), 409)
    if pairing_wait.is_paired(deps(), instance, query.timeout):
        return answer(PAIRED)
    pending = answer(PENDING)
    pending.headers["Retry-After"] = POLL_AGAIN
    return pending
