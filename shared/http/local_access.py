"""Access without a credential: for programs on the operator's machine and network, not for web pages of others.

A browser on that network runs other people's pages. Such a page may resolve its
own name to the hub's address (DNS rebinding); then that name is in `Host`. Or it
posts across origins; then its origin is in `Origin`.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Request, request

from shared.config import Settings
from shared.errors import Forbidden
from shared.http.cors import allowed

_RESERVED_ENDINGS = (".localhost", ".local", ".internal", ".test")
"""Endings of names that cannot be registered: https://www.iana.org/assignments/special-use-domain-names"""

_FOREIGN_HOST = (
    "Without API_KEY the hub is served at names of this machine and its network, at an IP address and at the host of "
    "PUBLIC_URL alone: call one of these, or set API_KEY"
)
_FOREIGN_ORIGIN = "Pages of this origin may not write without a credential: add it to CORS_ORIGIN, or set API_KEY"


def check_local_access(settings: Settings) -> None:
    """Raise `Forbidden` for a request to a name that anybody may own, and for a write by a page of another origin."""
    if not is_local_host(settings, request.host):
        raise Forbidden(_FOREIGN_HOST)
    origin = request.headers.get("Origin")
    if origin is None or request.method in ("GET", "HEAD"):
        return
    if not is_own_origin(settings, request) and not allowed(settings, origin):
        raise Forbidden(_FOREIGN_ORIGIN)


def is_own_origin(settings: Settings, request: Request) -> bool:
    """Whether the request comes from a page of the hub's own, or from no page."""
    origin = request.headers.get("Origin")
    own_hosts = {request.host, urlsplit(settings.public_url or "").netloc} - {""}
    return origin is None or origin.partition("//")[2] in own_hosts


def is_local_host(settings: Settings, host: str) -> bool:
    """Whether only the operator, or the caller's own network, can have given the hub this name."""
    name = _host(f"//{host}")
    return bool(name) and (name in (settings.host, _host(settings.public_url or "")) or _is_local_name(name))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_local_name(name: str) -> bool:
    """Whether only the caller's own network can have assigned the name."""
    return "." not in name or name.endswith(_RESERVED_ENDINGS) or _is_ip_address(name)


def _is_ip_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
