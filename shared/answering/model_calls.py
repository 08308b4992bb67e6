"""Calls of the language model's service, each within what was reserved for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.answering.budget import NAME, Reservation
from shared.deps import Deps
from shared.errors import HubError, OutcomeUnknown, ProviderUnavailable
from shared.outgoing import Answer


def ask(
    deps: Deps,
    reservation: Reservation,
    path: str,
    body: object,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    listen: Callable[[bytes], None] | None = None,
) -> Answer:
    """The service's answer to `body`, also one that refuses; `listen` gets the pieces of a success as they come.

    Nothing is counted for a call that was refused or never made; one whose answer never came counts as made. Raises
    `ProviderUnavailable`.
    """
    key = deps.settings.openai_api_key
    try:
        answer = deps.http.request(
            "POST",
            f"{deps.settings.openai_base_url}{path}",
            provider=NAME,
            json=body,
            headers={"Authorization": f"Bearer {key.get_secret_value() if key else ''}", **(headers or {})},
            timeout=timeout,
            guarded=False,
            listen=listen,
        )
    except OutcomeUnknown as error:
        raise ProviderUnavailable(NAME, error.reason) from error
    except HubError:
        reservation.release()
        raise
    if not answer.ok:
        reservation.release()
    return answer
