"""Telegram's refusals as the hub's errors (https://core.telegram.org/api/errors)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from telethon import errors

from shared.channel.connection import SessionEnded
from shared.channels.telegram_user.gateway import PROVIDER, FileRefused
from shared.errors import BadRequest, HubError, ProviderRejected, ProviderUnavailable, TooManyRequests, bounded_pause

_APPLICATION = "Telegram does not accept TELEGRAM_API_ID and TELEGRAM_API_HASH; see https://my.telegram.org/apps"

_LOGIN: tuple[tuple[type[Exception], str, str], ...] = (
    (errors.PhoneNumberInvalidError, "phone", "is not a phone number; give it with its country code, as +49…"),
    (errors.PhoneNumberBannedError, "phone", "is banned by Telegram"),
    (errors.PhoneNumberUnoccupiedError, "phone", "has no Telegram account"),
    (errors.PhoneNumberAppSignupForbiddenError, "phone", "has no Telegram account"),
    (errors.PhoneCodeInvalidError, "code", "is wrong"),
    (errors.PhoneCodeEmptyError, "code", "is wrong"),
    (errors.PhoneCodeExpiredError, "code", "has expired; ask for a new one"),
    (errors.PhoneCodeHashEmptyError, "code", "has expired; ask for a new one"),
    (errors.PasswordHashInvalidError, "password", "is wrong"),
    (errors.PasswordEmptyError, "password", "is wrong"),
)
_TOO_OFTEN = (errors.PhoneNumberFloodError, errors.PhonePasswordFloodError, errors.SendCodeUnavailableError)
_PAUSE = 24 * 3600.0
"""Seconds, where Telegram says only that it was too often; its help pages speak of a day."""

_FILE = (
    errors.WebpageCurlFailedError,
    errors.WebpageMediaEmptyError,
    errors.MediaEmptyError,
    errors.ExternalUrlInvalidError,
)
_FILE_WORDS = ("photo", "webpage", "media", "file", "video", "document", "url", "externalurl")


def ended(error: Exception) -> bool:
    """Whether the session is gone for good: ended on another device, used twice at a time, the account deleted."""
    return isinstance(error, (errors.UnauthorizedError, errors.AuthKeyError)) and not isinstance(
        error, (errors.SessionPasswordNeededError, *_TOO_OFTEN)
    )


@contextmanager
def login_errors() -> Iterator[None]:
    """Raise what a person who logs in can act on; nothing of what was typed is in it."""
    try:
        yield
    except (errors.RPCError, OSError, TimeoutError, ValueError) as error:
        raise _login_error(error) from None


def _login_error(error: Exception) -> HubError:
    for kind, field, reason in _LOGIN:
        if isinstance(error, kind):
            return BadRequest.of_field(field, reason, f"{reason} ({_official_name(error)})")
    if isinstance(error, errors.FloodError):
        return TooManyRequests("Telegram asks for a pause before the next try", _seconds(error) or _PAUSE)
    if isinstance(error, _TOO_OFTEN):
        return TooManyRequests("Telegram was asked for codes too often", _PAUSE)
    if isinstance(error, (errors.ApiIdInvalidError, errors.ApiIdPublishedFloodError)):
        return ProviderUnavailable(PROVIDER, _APPLICATION)
    if ended(error):
        return BadRequest("the login has ended; begin it again")
    if isinstance(error, errors.RPCError) and not isinstance(error, (errors.ServerError, errors.TimedOutError)):
        return ProviderRejected(PROVIDER, f"Telegram refused: {_word(error)}")
    return ProviderUnavailable(PROVIDER, f"Telegram did not answer ({type(error).__name__})")


@contextmanager
def sending_errors() -> Iterator[None]:
    """Raise what `Line.send` promises."""
    try:
        yield
    except (errors.RPCError, OSError, TimeoutError, ValueError) as error:
        raise _sending_error(error) from None


def _sending_error(error: Exception) -> HubError:
    if isinstance(error, errors.FloodError):
        return ProviderUnavailable(PROVIDER, "Telegram asks for a pause", _seconds(error))
    if ended(error):
        return SessionEnded(PROVIDER, "the session was ended; log in again")
    if isinstance(error, errors.PeerFloodError):
        return ProviderRejected(PROVIDER, "Telegram does not let this account write to strangers now")
    if isinstance(error, (errors.ServerError, errors.TimedOutError)):
        return ProviderUnavailable(PROVIDER, f"Telegram has trouble: {_word(error)}")
    if isinstance(error, errors.RPCError):
        word = _word(error)
        refused = isinstance(error, _FILE) or word.lower().startswith(_FILE_WORDS)
        return (FileRefused if refused else ProviderRejected)(PROVIDER, f"Telegram refused: {word}")
    if isinstance(error, ValueError):
        # What telethon raises for a person or chat that the account has never met.
        return ProviderRejected(PROVIDER, "this account knows no such chat")
    return ProviderUnavailable(PROVIDER, f"the connection was lost ({type(error).__name__})")


def _seconds(error: Exception) -> float | None:
    seconds = getattr(error, "seconds", None)
    return bounded_pause(seconds) if isinstance(seconds, int) else None


def _official_name(error: Exception) -> str:
    """What Telegram's documentation calls the refusal, such as `PHONE_CODE_INVALID`: clients look for these words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).upper()


def _word(error: Exception) -> str:
    """Telegram's own short name of the refusal; telethon makes a class of each that it knows."""
    message = getattr(error, "message", None)
    if type(error).__module__ == errors.RPCError.__module__ and isinstance(message, str):
        return message[:64]
    return type(error).__name__.removesuffix("Error")
