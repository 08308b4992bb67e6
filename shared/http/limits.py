"""Rate limits by address, for what needs no credential."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, TypeVar, cast

from werkzeug.wrappers import Request, Response

from shared.errors import HubError, SignatureInvalid
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

UNPROVEN = Rate("unproven-webhooks", per_minute=1000)
"""Pieces of 64 kB of large webhooks, which are given back when the webhook has proved itself."""

_PIECE = 64 * 1024


def charge(deps: Deps, rate: Rate, key: str, count: float = 1.0) -> None:
    """Count one call, or what counts as so many; raises `TooManyRequests` when the key has used up its rate."""
    deps.buckets.charge(rate, key, count)


def slow_forgers(view: View) -> View:
    """Let an address know by 429 that its badly signed calls are too many; a rightly signed one is never refused.

    A large call is charged to the address before anything is done for it, and given back once it has proved itself:
    an address that has sent too much in vain may send only what is short, which costs next to nothing to check.
    """

    @wraps(view)
    def watched(deps: Deps, request: Request, **arguments: str) -> Response:
        pieces = (request.content_length or 0) // _PIECE
        if pieces:
            charge(deps, UNPROVEN, client_address(deps, request), pieces)
        try:
            response = view(deps, request, **arguments)
        except SignatureInvalid:
            charge(deps, FORGED, client_address(deps, request))
            raise
        except HubError as error:
            if error.status >= 500:  # the store's failure, say, which is not the caller's
                deps.buckets.give_back(UNPROVEN, client_address(deps, request), pieces)
            raise
        if pieces:
            deps.buckets.give_back(UNPROVEN, client_address(deps, request), pieces)
        return response

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


def origin(deps: Deps, request: Request) -> str:
    """Scheme and host as the caller used them; a proxy that adds TLS is believed where `TRUSTED_PROXIES` counts it."""
    is_tls = deps.settings.trusted_proxies > 0 and request.headers.get("X-Forwarded-Proto") == "https"
    return f"{'https' if is_tls else request.scheme}://{request.host}"


def _network(address: str) -> str:
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((int(ip), 64), strict=False))
    return str(ip)
