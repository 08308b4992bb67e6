"""Who may be let in without any credential: what runs on the operator's machine, and no web page from elsewhere.

A browser there carries other people's pages. Such a page may have its own
name lead to the hub's address; then the name is in `Host`. Or it posts across
origins; then its origin is in `Origin`.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import request

from shared.config import Settings
from shared.errors import Forbidden
from shared.http.cors import allowed

_NOBODYS = (".localhost", ".local", ".internal", ".test")
"""Endings of names that nobody can register: https://www.iana.org/assignments/special-use-domain-names"""

_ELSEWHERE = (
    "Without API_KEY the hub is served at names of this machine and its network, at an IP address and at the host of "
    "PUBLIC_URL alone: call one of these, or set API_KEY"
)
_FOREIGN = "Pages of this origin may not write without a credential: add it to CORS_ORIGIN, or set API_KEY"


def check_nearby(settings: Settings) -> None:
    """Raise `Forbidden` for a request by a name that may be anybody's, and for a write of another origin's page."""
    name = _host(f"//{request.host}")
    if not name or not (name in (settings.host, _host(settings.public_url or "")) or _is_near(name)):
        raise Forbidden(_ELSEWHERE)
    origin = request.headers.get("Origin")
    if origin is None or request.method in ("GET", "HEAD"):
        return
    at_home = {request.host, urlsplit(settings.public_url or "").netloc} - {""}
    if origin.partition("//")[2] not in at_home and not allowed(settings, origin):
        raise Forbidden(_FOREIGN)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_near(name: str) -> bool:
    """Whether the name can only have been given by the network that the caller is in."""
    return "." not in name or name.endswith(_NOBODYS) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
