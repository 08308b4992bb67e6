"""`webhook.py` of a channel: whether a provider's call is genuine, what it holds, and what the provider is answered.

The `webhooks` function loads nothing else of a channel, so that it starts fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.config import Settings
    from shared.deps import Deps
    from shared.domain.instances import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A provider's HTTP call. Header names are lower case; `url` is the public address that was called;

    `suffix` is what followed the instance in the path (Evolution's `byEvents` form).
    """

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    url: str
    suffix: str = ""
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPart:
    """A piece of a webhook that can be stored and handled on its own.

    Parts with the same `key` are handled in order, so the key names the chat.
    `payload` is JSON without any credential. `account` is the provider's id of
    the account it is for, where the webhook's path does not name the instance.
    `business` instead is for all accounts whose configuration names that business at the provider.
    """

    key: str
    payload: Any
    account: str | None = None
    business: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookResponse:
    """What a provider expects in answer to its call."""

    body: str
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """An instance that a call may be for, by one of these.

    `account` is the instance's account at its provider's server; `is_default` is the default instance of the
    deployment's own tenant, with which a call about another `account` is shown. `suffix` becomes the webhook's.
    """

    id: str | None = None
    name: str | None = None
    account: str | None = None
    is_default: bool = False
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An address of its own at which a provider calls, beside the general `/webhook/<channel>/<instance>`.

    `<words>` in `path` are parameters. A GET asks for the challenge. `recipients` gets the parameters and the body of
    a call and yields whom it may be for, the first existing one counts; after the last it raises `NotFound`. Without
    it the call's parts name their accounts. There `channel_of` may tell from the body which channel a call is for,
    where an app calls one address for several of them; None means the channel whose address it is. `response` is the
    answer to a call that was taken; without it the name of the instance is told.
    """

    method: Literal["GET", "POST"]
    path: str
    summary: str
    recipients: Callable[[Mapping[str, str], bytes], Iterator[Recipient]] | None = None
    channel_of: Callable[[bytes], str | None] | None = None
    response: WebhookResponse | None = None


class WebhookModule(Protocol[Config]):
    """What every channel has."""

    def verify(self, webhook: Webhook, config: Config, settings: Settings) -> None:
        """Check that the provider sent the call; raises `SignatureInvalid`. Does no I/O."""
        ...

    def accept(self, webhook: Webhook) -> list[RawPart]:
        """Cut a webhook into parts and take credentials out. Does no I/O; raises `PayloadInvalid` and nothing else."""
        ...


class SupportsSignatureLookup(Protocol[Config]):
    """Proofs that cannot be judged without I/O, such as a signer's certificate."""

    def verify_signature(self, deps: Deps, instance: Instance, config: Config, webhook: Webhook) -> None:
        """Check what `verify` cannot. Raises `SignatureInvalid`, or a `ProviderError`, and the provider tries again."""
        ...


class SupportsLargeWebhooks(Protocol[Config]):
    """Providers that may send whole files, once they have proved themselves by what comes before the body."""

    LARGEST: int
    """Bytes of such a call."""

    def verify_head(self, webhook: Webhook, config: Config, settings: Settings) -> None:
        """Check a call whose body has not been read yet; raises `SignatureInvalid`."""
        ...


class SupportsChallenge(Protocol[Config]):
    """Providers that ask by a GET whether an address is ours."""

    def challenge(self, webhook: Webhook, config: Config, settings: Settings) -> str:
        """The body of the answer; raises `ChallengeRefused`."""
        ...


class SupportsResponse(Protocol[Config]):
    """Providers that expect a particular answer to a webhook."""

    def respond(self, deps: Deps, instance: Instance, config: Config, webhook: Webhook) -> WebhookResponse | None:
        """The answer to a webhook that was verified and published, None for the usual one.

        May look things up; raises nothing but a `HubError`.
        """
        ...


class SupportsSharedAddress(Protocol):
    """Apps that call `/webhook/<name>` for all their accounts; the parts name the account."""

    def respond_to_test(self, webhook: Webhook) -> WebhookResponse | None:
        """The answer to a call that only tries the address out, None for any other call."""
        ...


class SupportsRoutes(Protocol):
    """Providers that call addresses of their own. `make fix` lists them in `functions/webhooks/route_index.py`."""

    def routes(self) -> Sequence[Route]:
        """The addresses."""
        ...


class SupportsSealing(Protocol[Config]):
    """Webhooks with a credential that only `send` needs (Discord's interaction token)."""

    def seal(self, instance: Instance, config: Config, payload: Any) -> Any:
        """A part's payload with the credential sealed under this instance's own secret. Does no I/O."""
        ...
