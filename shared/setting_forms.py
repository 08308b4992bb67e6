"""The forms that settings are written in, each checked so that what starts can work.

What is wrong is a `ValueError` that says what to give. It repeats no address and
no key, for they may hold secrets.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 3650 * 86400
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.IGNORECASE)
_NETWORK = re.compile(r"[0-9.]+(/\d+)?|[0-9a-f:]*:[0-9a-f:.]*(/\d+)?", re.IGNORECASE)

# The first parts of the paths in `functions.yaml`; Socket.IO would take all that is below its own.
OUR_PATHS = frozenset(
    {
        "analytics",
        "api",
        "campaign",
        "campaigns",
        "capabilities",
        "channels",
        "console",
        "customers",
        "health",
        "integrations",
        "media",
        "messages",
        "notifications",
        "oauth",
        "routing",
        "sessions",
        "transfer",
        "video",
        "webhook",
        "ws",
        "widget",
    }
)


def _seconds(value: object) -> object:
    """Read `15m`, `30d`, `3600s`, `3600`."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,12})([smhd]?)", value.strip())
    if not match:
        raise ValueError("give a duration such as 15m, 30d or 3600")
    return int(match[1]) * _UNITS[match[2]]


def _list(value: object) -> object:
    return _parts(value) if isinstance(value, str) else value


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _url(value: object) -> object:
    if not isinstance(value, str):
        return value
    url = value.strip().rstrip("/")
    if not re.match(r"https?://[^/\s]", url):
        raise ValueError("give an address that begins with http:// or https://")
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise ValueError("give an address of plain characters, without spaces")
    if "?" in url or "#" in url:
        raise ValueError("give an address without a query or a fragment")
    _check_authority(url)
    return url


def _check_authority(url: str) -> None:
    """See that there is a host, at most with a port."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("give a host, and a port from 1 to 65535 if any") from None
    if "@" in parts.netloc:
        raise ValueError("give an address without a user or a password")
    if not host or port == 0 or parts.netloc.endswith(":") or not (":" in host or _HOST.fullmatch(host)):
        raise ValueError("give a host, and a port from 1 to 65535 if any")


def _origin(entry: str) -> str:
    """An origin as browsers send it: lower case, and no port that its scheme means anyway."""
    origin = entry.lower().rstrip("/")
    if origin == "*":
        raise ValueError("name each web page's origin: * would let every page act with its visitor's credentials")
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#\s\\]+", origin):
        raise ValueError("give origins such as https://desk.example:8443, without a path")
    _check_authority(origin)
    return origin.removesuffix({"https": ":443", "http": ":80"}.get(origin.partition(":")[0], ":"))


def _allowed_host(entry: str) -> str:
    if not _NETWORK.fullmatch(entry) and not _HOST.fullmatch(entry):
        raise ValueError("give host names, addresses or networks such as 10.0.0.0/8, without scheme, port or path")
    networks_of([entry])
    return entry


def networks_of(entries: tuple[str, ...] | list[str]) -> list[IPv4Network | IPv6Network]:
    """Those of the entries that are addresses or networks, and no host names; raises `ValueError`."""
    return [ip_network(entry, strict=False) for entry in entries if _NETWORK.fullmatch(entry)]


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of a language model cost, in any one currency."""

    prompt: float
    completion: float


def _prices(value: object) -> object:
    """Read `gpt-4o-mini=0.15/0.60, gpt-4o=2.50/10`."""
    if not isinstance(value, str):
        return value
    prices = {}
    for entry in _parts(value):
        match = re.fullmatch(r"([^=\s]{1,200})=(\d{1,6}(?:\.\d{1,6})?)/(\d{1,6}(?:\.\d{1,6})?)", entry)
        if not match:
            raise ValueError("give prices of a million tokens in and out, such as gpt-4o-mini=0.15/0.60")
        prices[match[1]] = Price(float(match[2]), float(match[3]))
    return prices


def _header_key(value: object) -> object:
    """A key that is sent as, or compared with, a header's value; files and consoles add a line's end."""
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(plain, str):
        return value
    if not re.fullmatch(r"[ -~]+", plain.strip()):
        raise ValueError("give printable ASCII characters")
    return plain.strip()


def _trace_headers(value: object) -> object:
    """Read `api-key=abc,x-team=support%20one`, as OpenTelemetry writes it."""
    if not isinstance(value, str):
        return value
    headers = {}
    for entry in _parts(value):
        match = re.fullmatch(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100})=([!-~]{1,4000})", entry)
        if not match:
            raise ValueError("give headers such as api-key=abc, separated by commas, their values percent-encoded")
        headers[match[1]] = SecretStr(unquote(match[2]))
    return headers


# RFC 8410: what stands before the 32 bytes of the key in PKCS #8, and in SubjectPublicKeyInfo.
_PRIVATE_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
_PUBLIC_PREFIX = bytes.fromhex("302a300506032b6570032100")


def _ed25519_key(value: object, prefix: bytes, kind: str) -> object:
    """The 32 bytes of a key in hex; PEM's first and last line may be there or not."""
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(plain, str):
        return value
    try:
        der = base64.b64decode(re.sub(r"-----[A-Z ]+-----|\\n|\s", "", plain), validate=True)
    except ValueError:
        der = b""
    if len(der) != len(prefix) + 32 or not der.startswith(prefix):
        raise ValueError(f"give an Ed25519 {kind} key, as PEM or its base64 alone")
    return der[len(prefix) :].hex()


def _private_key(value: object) -> object:
    return _ed25519_key(value, _PRIVATE_PREFIX, "private")


def _public_key(value: object) -> object:
    return _ed25519_key(value, _PUBLIC_PREFIX, "public")


def _socket_path(path: str) -> str:
    path = path.rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+", path):
        raise ValueError("give a path such as /socket.io")
    if path.split("/")[1] in OUR_PATHS:
        raise ValueError("give a path under which the hub serves nothing else, such as /socket.io")
    return path


Seconds = Annotated[int, BeforeValidator(_seconds), Field(gt=0, le=_LONGEST)]
Url = Annotated[str, BeforeValidator(_url)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_list)]
Hosts = Annotated[tuple[Annotated[str, AfterValidator(_allowed_host)], ...], BeforeValidator(_list)]
Names = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], BeforeValidator(_list)]
Prices = Annotated[dict[str, Price], BeforeValidator(_prices)]
HeaderKey = Annotated[SecretStr, BeforeValidator(_header_key)]
PrivateKey = Annotated[SecretStr, BeforeValidator(_private_key)]
PublicKey = Annotated[str, BeforeValidator(_public_key)]
TraceHeaders = Annotated[dict[str, SecretStr], BeforeValidator(_trace_headers)]
SocketPath = Annotated[str, AfterValidator(_socket_path)]
Pause = Annotated[float, Field(le=7 * 86400, allow_inf_nan=False)]
KeptDays = Annotated[int, Field(ge=7, le=3650)]
