"""Calls to Google's services: which errors are retried, and our error for the rest.

Google's libraries are imported inside the functions here and in this whole
package: importing them takes more than half a second, and not every process needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import StoreError

if TYPE_CHECKING:
    from google.api_core.retry import Retry


@contextmanager
def errors(service: str) -> Iterator[None]:
    """Turn what Google's clients raise into `StoreError`; its cause has the details, such as a missing index."""
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415  cold start
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415  cold start

    try:
        yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise StoreError(f"{service} did not answer: {type(error).__name__}") from error


def while_contended(timeout: float) -> Retry:
    """Retry calls that were certainly not carried out, with jitter, for `timeout` seconds."""
    from google.api_core import exceptions  # noqa: PLC0415  cold start

    return _retry(timeout, exceptions.Aborted)


def while_unavailable(timeout: float) -> Retry:
    """Retry calls that may be carried out twice, with jitter, for `timeout` seconds."""
    from google.api_core import exceptions  # noqa: PLC0415  cold start

    return _retry(
        timeout,
        exceptions.Aborted,
        exceptions.Cancelled,
        exceptions.InternalServerError,
        exceptions.ResourceExhausted,
        exceptions.ServiceUnavailable,
    )


def _retry(timeout: float, *passing: type[Exception]) -> Retry:
    from google.api_core import retry  # noqa: PLC0415  cold start

    predicate = retry.if_exception_type(*passing)
    return retry.Retry(predicate, initial=0.05, maximum=2.0, multiplier=2.0, timeout=timeout)
