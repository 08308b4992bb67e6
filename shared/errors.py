"""Every error the hub raises on purpose, as one tree.

    HubError                        status  code                  retry?
    ├── ConfigurationInvalid           -    -                     start-up stops
    │   └── SecretLost                 -    -                     no: nothing opens it any more
    ├── BadRequest                    400   bad_request           no
    │   ├── CredentialsLost           400   bad_request           once they were entered again
    │   └── PayloadInvalid            400   payload_invalid       no
    ├── Unauthorized                  401   unauthorized          no
    │   └── SignatureInvalid          401   signature_invalid     no
    │       └── ChallengeRefused      403   forbidden             no
    ├── Forbidden                     403   forbidden             no
    ├── NotFound                      404   not_found             no
    ├── Collision                     409   conflict              no
    ├── PreconditionFailed            412   precondition_failed   once it was read again
    ├── PayloadTooLarge               413   too_large             no
    ├── Unprocessable                 422   unprocessable         no
    ├── TooManyRequests               429   too_many_requests     after `retry_after`
    ├── Overloaded                    503   overloaded            after `retry_after`
    ├── StoreError                    503   store_unavailable     yes
    │   ├── Conflict                  409   conflict              read again and decide again
    │   └── AlreadyExists             409   conflict              no
    └── ProviderError                 502   provider_error
        ├── ProviderRejected          502   provider_rejected     no: the provider said no for good
        │   └── NotConfigured         400   not_configured        no: nobody was asked
        ├── ProviderUnavailable       503   provider_unavailable  yes, after `retry_after`
        │   ├── ConnectionLost        503   provider_unavailable  yes: the account's own connection is down
        │   └── ProviderDown          503   provider_unavailable  yes: whatever is sent, until it is back
        └── OutcomeUnknown            502   outcome_unknown       never blindly: it may have been done

`status` is what an HTTP dialect answers; `detail` is a sentence for the person
who reads it and never holds a secret. Where it mentions a field or a channel
type, that part is a `FieldName` or a `ChannelName`, and each dialect replaces it
by its own name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from shared.ports.store import Document, Ref


class FieldName(str):
    """A field of the request, as the hub calls it: a path in snake case, such as `config.bot_token`."""

    __slots__ = ()


class ChannelName(str):
    """The value of a `ChannelType`, such as `widget`."""

    __slots__ = ()


Detail: TypeAlias = "str | tuple[str, ...]"
"""A sentence, or its parts: plain text, `FieldName` and `ChannelName`."""


def joined(clauses: Iterable[Detail], separator: str) -> tuple[str, ...]:
    """The parts of several clauses, with `separator` between them."""
    parts: list[str] = []
    for clause in clauses:
        parts += [separator, *_parts(clause)] if parts else _parts(clause)
    return tuple(parts)


def _parts(detail: Detail) -> tuple[str, ...]:
    return (detail,) if isinstance(detail, str) else detail


LONGEST_PAUSE = 86_400.0
"""Seconds after which something is tried again at the latest, whatever a provider asks for."""


def bounded_pause(seconds: float) -> float:
    """A pause that somebody asked for, from 0 to `LONGEST_PAUSE`; what is no number is none."""
    return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else 0.0


class HubError(Exception):
    """Base of all errors raised on purpose."""

    status = 500
    code = "internal_error"

    def __init__(self, detail: Detail) -> None:
        self.parts = _parts(detail)
        self.detail = "".join(self.parts)
        super().__init__(self.detail)


class ConfigurationInvalid(HubError):
    """A setting is missing or wrong; the message names the variable."""


class SecretLost(ConfigurationInvalid):
    """A secret that is there cannot be opened, because the key that it was sealed with is lost."""


class BadRequest(HubError):
    """The caller's input cannot be used; `fields` maps a field to what is wrong with it."""

    status = 400
    code = "bad_request"

    def __init__(self, detail: Detail, fields: Mapping[str, Detail] | None = None) -> None:
        super().__init__(detail)
        self.fields = dict(fields or {})

    @classmethod
    def of_field(cls, name: str, reason: Detail, sentence: Detail | None = None) -> Self:
        """One field is wrong. `sentence` follows the field's name in `detail`, where that says more than `reason`."""
        field = FieldName(name)
        return cls((field, ": ", *_parts(reason if sentence is None else sentence)), {field: reason})

    @classmethod
    def of_fields(cls, reasons: Mapping[str, str], between: str = ": ") -> Self:
        """Several fields are wrong, each for its own reason."""
        fields: dict[str, Detail] = {FieldName(name): reason for name, reason in reasons.items()}
        clauses = [(FieldName(name), between, reason) for name, reason in reasons.items()]
        return cls(joined(clauses, "; "), fields)


class CredentialsLost(BadRequest):
    """The credentials of a channel cannot be read any more."""


class PayloadInvalid(BadRequest):
    """A provider's webhook body does not have the form that the provider documents."""

    code = "payload_invalid"


class Unauthorized(HubError):
    """No credential, or one that is not valid."""

    status = 401
    code = "unauthorized"


class SignatureInvalid(Unauthorized):
    """A webhook did not prove that it comes from the provider; the message names the setting to check."""

    code = "signature_invalid"


class ChallengeRefused(SignatureInvalid):
    """Who asks whether an address is ours does not know the word that was agreed on."""

    status = 403
    code = "forbidden"


class Forbidden(HubError):
    """The credential is valid but may not do this."""

    status = 403
    code = "forbidden"


class NotFound(HubError):
    """There is no such thing for this tenant; a foreign one looks the same."""

    status = 404
    code = "not_found"


class Collision(HubError):
    """The request contradicts what is already there; `field` names the part of it that does."""

    status = 409
    code = "conflict"

    def __init__(self, detail: Detail, field: str | None = None) -> None:
        super().__init__(detail if field is None else (FieldName(field), ": ", *_parts(detail)))


class PreconditionFailed(HubError):
    """What is to be changed is not what the caller has read any more."""

    status = 412
    code = "precondition_failed"


class PayloadTooLarge(HubError):
    """The request body is larger than the hub accepts."""

    status = 413
    code = "too_large"


class Unprocessable(HubError):
    """The request is well formed but cannot be carried out as things are."""

    status = 422
    code = "unprocessable"


class TooManyRequests(HubError):
    """Slow down; try again after `retry_after` seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, detail: Detail, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = bounded_pause(retry_after)


class Overloaded(HubError):
    """This process has as much of it to do as it may; try again after `retry_after` seconds."""

    status = 503
    code = "overloaded"

    def __init__(self, detail: Detail, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = bounded_pause(retry_after)


class StoreError(HubError):
    """The store did not answer."""

    status = 503
    code = "store_unavailable"


class Conflict(StoreError):
    """A document is not at the version that the commit expected."""

    status = 409
    code = "conflict"

    def __init__(self, ref: Ref | None = None) -> None:
        super().__init__(f"{ref} was changed meanwhile" if ref else "a document was changed meanwhile")
        self.ref = ref


class AlreadyExists(StoreError):
    """A document that the commit wanted to create is there already.

    `ref` and `document` are given when the backend tells which one it was.
    """

    status = 409
    code = "conflict"

    def __init__(self, ref: Ref | None = None, document: Document | None = None) -> None:
        super().__init__(f"{ref} exists already" if ref else "a document exists already")
        self.ref = ref
        self.document = document


class ProviderError(HubError):
    """A provider did not do what was asked; `provider` is its name."""

    status = 502
    code = "provider_error"

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{provider}: {reason}")
        self.provider = provider
        self.reason = reason


class ProviderRejected(ProviderError):
    """The provider understood and refused for good; trying again cannot help."""

    code = "provider_rejected"


class RecipientOptedOut(ProviderRejected):
    """Whom the message is for wants none, or with `marketing_only` no marketing."""

    def __init__(self, provider: str, reason: str, *, marketing_only: bool = False) -> None:
        super().__init__(provider, reason)
        self.marketing_only = marketing_only


class NotConfigured(ProviderRejected):
    """The provider cannot even be asked; the message names what to configure."""

    status = 400
    code = "not_configured"


class ProviderUnavailable(ProviderError):
    """The provider cannot do it now; `retry_after` is its own wish in seconds, when it gave one, a day at most."""

    status = 503
    code = "provider_unavailable"

    def __init__(self, provider: str, reason: str, retry_after: float | None = None) -> None:
        super().__init__(provider, reason)
        self.retry_after = None if retry_after is None else bounded_pause(retry_after)


class ConnectionLost(ProviderUnavailable):
    """The provider answers, but its own connection to the account is down, whatever state it tells."""


class ProviderDown(ProviderUnavailable):
    """The provider, or what stands before it, serves nobody now."""


class OutcomeUnknown(ProviderError):
    """The request went out and no answer came back: it may or may not have been done."""

    code = "outcome_unknown"
