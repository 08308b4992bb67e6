"""Rate limits by address, for what needs no credential."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, TypeVar, cast

from werkzeug.wrappers import Request, Response

from shared.errors import SignatureInvalid
from shared.security.buckets import Rate

if TYPE_CHECKING:
    from shared.config import Settings
    from shared.deps import Deps
    from shared.domain.accounts import Device

View = TypeVar("View", bound=Callable[..., Response])

WRONG_CREDENTIALS = Rate("wrong-credentials", per_minute=120)
"""Calls with keys and tokens that are not valid; a valid one is never refused for them."""

LINKS = Rate("account-links", per_minute=60)
"""Opening and following account links."""

WIDGET = Rate("widget", per_minute=600)
"""All that the visitors behind one address do; an office has one address."""

FORGED = Rate("forged-webhooks", per_minute=60)
"""Webhooks that do not prove where they come from."""


def charge(deps: Deps, rate: Rate, key: str) -> None:
    """Count one call; raises `TooManyRequests` when the key has used up its rate."""
    deps.buckets.charge(rate, key)


def slow_forgers(view: View) -> View:
    """Answer 429 to an address with too many badly signed webhooks; a correctly signed one is never refused."""

    @wraps(view)
    def watched(deps: Deps, request: Request, **arguments: str) -> Response:
        try:
            return view(deps, request, **arguments)
        except SignatureInvalid:
            charge(deps, FORGED, client_address(deps, request))
            raise

    return cast("View", watched)


def device(deps: Deps, request: Request) -> Device:
    """What a sign-in by this request is recognised by later."""
    from shared.domain.accounts import Device  # noqa: PLC0415 - costs cold start, and webhooks sign nobody in

    return Device(client_address(deps, request), request.headers.get("User-Agent", "")[:200])


def client_address(deps: Deps, request: Request) -> str:
    """Where a request comes from, as far as that can be trusted; see `address_of`."""
    return address_of(deps.settings, ",".join(request.headers.getlist("X-Forwarded-For")), request.remote_addr or "")


def address_of(settings: Settings, forwarded_for: str, remote: str) -> str:
    """The client's address; one of IPv6 stands for its network of 2^64.

    Each of our `TRUSTED_PROXIES` adds one address to the right of
    `X-Forwarded-For`; the client may invent what is left of those.
    """
    forwarded = [entry.strip() for entry in forwarded_for.split(",")]
    proxies = settings.trusted_proxies
    address = forwarded[-proxies] if 0 < proxies <= len(forwarded) else ""
    return _network(address) or _network(remote) or "unknown"


def _network(address: str) -> str:
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((int(ip), 64), strict=False))
    return str(ip)
