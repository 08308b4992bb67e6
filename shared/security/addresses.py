"""Which addresses the hub may call when a user chose the URL."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.config import Settings
from shared.errors import BadRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

_METADATA_HOSTS = frozenset({"metadata", "metadata.google.internal", "metadata.goog"})
# Link-local, and where clouds keep their metadata elsewhere: AWS and Google by IPv6, Azure, Alibaba, Oracle.
_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",
        "fe80::/10",
        "fec0::/10",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
        "168.63.129.16/32",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "0.0.0.0/8",
        "::/128",
    )
]
# RFC 6052, RFC 8215 and RFC 2765: what a translator in the network makes IPv4 of.
_TRANSLATED = [ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96")]
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class AddressRefused(BadRequest):
    """The URL leads to where this hub does not call; the message names host and setting."""

    code = "address_refused"


def resolve(host: str, port: int) -> list[str]:
    """Look a host up once."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in answers))


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Link-local and metadata addresses are refused always; private ones and plain http unless allowed."""

    settings: Settings

    def check_url(self, url: str) -> None:
        """Refuse what no look-up is needed for; raises `AddressRefused`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressRefused("the address cannot be read") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise AddressRefused("the address must begin with http:// or https:// and name a host")
        if parts.username is not None or parts.password is not None:
            raise AddressRefused("the address must not carry a user name or password")
        host = parts.hostname.rstrip(".").lower()
        if host in _METADATA_HOSTS:
            raise AddressRefused(f"{host} is never called")
        literal = _literal(host)
        if literal is None and not _is_name(host):
            raise AddressRefused("the address must name a host, such as hub.example.com")
        if literal is not None:
            self.check_address(host, str(literal))
        if parts.scheme == "http" and self.settings.production and not self._listed(host):
            raise AddressRefused(f"{host} must be called by https, or be listed in UPSTREAM_ALLOWLIST")

    def check_address(self, host: str, address: str) -> None:
        """Refuse a looked-up address; raises `AddressRefused`."""
        ip = _unwrapped(ipaddress.ip_address(address.split("%")[0]))
        if any(ip in network for network in _NEVER if network.version == ip.version) or ip.is_multicast:
            raise AddressRefused(f"{host} leads to {ip}, which is never called")
        if ip.is_global or not self.settings.production:
            return
        if self._listed_host(host.rstrip(".").lower()) or self._listed_ip(ip):
            return
        raise AddressRefused(f"{host} leads to the private address {ip}; list it in UPSTREAM_ALLOWLIST to allow it")

    def _listed(self, host: str) -> bool:
        return self._listed_host(host) or self._listed_literal(host)

    def _listed_host(self, host: str) -> bool:
        return host in {entry.lower() for entry in self.settings.upstream_allowlist}

    def _listed_ip(self, ip: Address) -> bool:
        return any(ip in network for network in self.settings.upstream_networks() if network.version == ip.version)

    def _listed_literal(self, host: str) -> bool:
        try:
            return self._listed_ip(ipaddress.ip_address(host))
        except ValueError:
            return False


def _is_name(host: str) -> bool:
    """Whether somebody may be called so; names of other alphabets are left to whoever looks them up."""
    return not any(
        character.isspace() or (character.isascii() and not character.isalnum() and character not in "-_.")
        for character in host
    )


def _literal(host: str) -> Address | None:
    """The address that a host name spells out, also as `0x7f.1` or `2130706433`, which resolvers take."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(socket.inet_aton(host)) if host[:1].isdigit() else None
    except OSError:
        return None


def _unwrapped(ip: Address) -> Address:
    """An IPv4 address hidden in IPv6 counts as the IPv4 one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if any(ip in network for network in _TRANSLATED) or (ip in _COMPATIBLE and int(ip) > 0xFFFF):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip
