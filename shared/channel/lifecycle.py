"""`lifecycle.py` of a channel: connecting an account, how it stands, and disconnecting it.

All of it raises a `ProviderError` that an operator can act on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from shared.channel.config import Config

if TYPE_CHECKING:
    from datetime import datetime

    from shared.channel.webhook import RawPart
    from shared.deps import Deps
    from shared.domain.instances import Instance, InstanceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An account's connection with its provider, after connecting it or asking for its status.

    `detail` says why, for the operator; `secrets` are new credentials to keep
    (a webhook secret, an instance token). `account` is as `SupportsAccounts`
    spells it, and only there once the provider has accepted the credential for it.
    `webhook_url` is what was registered just now, and `webhook_error` why the provider
    may not know where to call us.
    """

    status: InstanceStatus
    webhook_url: str | None = None
    webhook_error: str | None = None
    external_id: str | None = None
    account: str | None = None
    display_name: str | None = None
    phone_number: str | None = None
    qr_text: str | None = None
    qr_png_base64: str | None = None
    pairing_code: str | None = None
    detail: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


class SupportsConnecting(Protocol[Config]):
    """Accounts that are connected by a call; without it an instance counts as connected once it is configured."""

    def connect(self, deps: Deps, instance: Instance, config: Config) -> Connection:
        """Tell the provider where to call us."""
        ...


Claim: TypeAlias = Callable[[str], None]
"""Reserves an account for the instance that is being connected; raises `Collision` for another instance's."""


class SupportsAccounts(Protocol[Config]):
    """Accounts at servers of which there are several, known by their names: one may be used by one instance only.

    `connect`, `pair` and `restart` claim the account once the server has accepted the credential for it, and before
    they change anything there.
    """

    def account(self, deps: Deps, instance: Instance, config: Config) -> str | None:
        """The server and the account, by one spelling; None where none was made yet. Does no I/O."""
        ...

    def connect(self, deps: Deps, instance: Instance, config: Config, claim: Claim) -> Connection:
        """As `SupportsConnecting`."""
        ...

    def pair(self, deps: Deps, instance: Instance, config: Config, claim: Claim) -> Connection:
        """As `SupportsPairing`."""
        ...

    def restart(self, deps: Deps, instance: Instance, config: Config, claim: Claim) -> Connection:
        """As `SupportsRestart`."""
        ...


class SupportsStatus(Protocol[Config]):
    """Providers that can be asked how an account stands."""

    def status(self, deps: Deps, instance: Instance, config: Config) -> Connection:
        """The connection as the provider sees it."""
        ...


class SupportsRenewal(Protocol[Config]):
    """Credentials that end unless they are renewed now and then."""

    def renew(self, deps: Deps, instance: Instance, config: Config) -> Mapping[str, str]:
        """New credentials to keep, which make the account good for longer; none where it does not end."""
        ...


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message that the provider still has, as a webhook would have brought it."""

    external_message_id: str
    part: RawPart


class SupportsBackfill(Protocol[Config]):
    """Providers that can be asked what was said while their calls did not arrive."""

    def past_messages(self, deps: Deps, instance: Instance, config: Config, since: datetime) -> Sequence[PastMessage]:
        """What was said since then, oldest first; of very many the latest."""
        ...


class SupportsPairing(Protocol[Config]):
    """Accounts that are connected by scanning a code."""

    def pair(self, deps: Deps, instance: Instance, config: Config) -> Connection:
        """Begin a new pairing, with a code to scan, unless the account turns out to be connected."""
        ...


class SupportsRestart(Protocol[Config]):
    """Connections that can be begun anew without losing the account."""

    def restart(self, deps: Deps, instance: Instance, config: Config) -> Connection:
        """Close the connection at the provider and open it again."""
        ...


class SupportsLogout(Protocol[Config]):
    """Connections that can be ended."""

    def logout(self, deps: Deps, instance: Instance, config: Config) -> Connection:
        """End the connection; doing so twice is no error."""
        ...


class SupportsRemoval(Protocol[Config]):
    """Providers that keep something of an instance."""

    def remove(self, deps: Deps, instance: Instance, config: Config) -> Connection:
        """End the connection and delete what the provider keeps of the instance; doing so twice is no error."""
        ...


class SupportsProbe(Protocol[Config]):
    """Credentials that can be tried."""

    def probe(self, deps: Deps, instance: Instance, config: Config) -> None:
        """Make a call that changes nothing, to see whether the credential is accepted.

        The instance may be one that is not stored. Raises a `ProviderError` that names no credential.
        """
        ...
