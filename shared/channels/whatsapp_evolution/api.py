"""Calling an Evolution server, and sorting what it answers instead of success."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from shared.channelkit.whatsapp.wire import fields, objects, text
from shared.channels.whatsapp_evolution import accounts
from shared.channels.whatsapp_evolution.accounts import name_of
from shared.channels.whatsapp_evolution.config import EvolutionConfig, EvolutionSettings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import (
    ConnectionLost,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from shared.outgoing import MAX_ANSWER, Answer
from shared.security.addresses import AddressRefused

PROVIDER = accounts.PROVIDER

# Evolution's words may hold the addresses of files and servers, which are for nobody's eyes.
_URL = re.compile(r"\b\w{1,20}://\S+")
_MOST_READ = 2_000

Failure = Callable[[Answer, str], ProviderError]


def _rejected(reason: str) -> Failure:
    return lambda answer, text: ProviderRejected(PROVIDER, reason.format(text=text, status=answer.status))


def _unavailable(reason: str) -> Failure:
    return lambda answer, text: ProviderUnavailable(
        PROVIDER, reason.format(text=text, status=answer.status), answer.retry_after
    )


def _down(reason: str) -> Failure:
    return lambda answer, text: ProviderDown(
        PROVIDER, reason.format(text=text, status=answer.status), answer.retry_after
    )


def _unknown(reason: str) -> Failure:
    return lambda answer, text: OutcomeUnknown(PROVIDER, reason.format(text=text, status=answer.status))


def _lost(reason: str) -> Failure:
    return lambda answer, text: ConnectionLost(PROVIDER, reason, answer.retry_after)


# The first row whose statuses and words both fit says what a failure means. `{text}` is Evolution's own text.
_FAILURES: tuple[tuple[str, str, Failure], ...] = (
    (r"400", r"exists: false", _rejected("the number is not on WhatsApp")),
    (
        r"503|403|401",
        r"LICENSE_REQUIRED",
        _down("the server runs Evolution 2.4 or newer without a licence (LICENSE_REQUIRED): activate it there"),
    ),
    (
        r"400|5\d\d",
        r"Connection Closed|reading 'sendMessage'",
        _lost("the socket to WhatsApp is closed: restart the instance if this lasts"),
    ),
    (r"400", r"Failed to fetch stream|Message not found", _rejected("WhatsApp no longer has the file")),
    (r"400|5\d\d", r"rate-overlimit", _unavailable("WhatsApp asks to slow down")),
    (r"400|5\d\d", r"(?i)\btimed out\b", _unavailable("WhatsApp did not answer Evolution in time")),
    (r"401|403", r"", _rejected("evolution_key was refused ({text})")),
    (r"404", r"does not exist", _rejected("whatsapp_instance is not on this server ({text})")),
    (r"404", r"", _rejected("evolution_url does not lead to an Evolution server (status 404)")),
    (r"502|503", r"", _down("answered {status}: {text}")),
    (r"504", r"", _unknown("a gateway gave up waiting for Evolution")),
    (r"408|425|429|5\d\d", r"", _unavailable("answered {status}: {text}")),
    (r"3\d\d", r"", _rejected("evolution_url redirects elsewhere (status {status}): set the final address")),
    (r"", r"", _rejected("answered {status}: {text}")),
)


def call(
    deps: Deps,
    instance: Instance,
    config: EvolutionConfig,
    method: str,
    action: str,
    *,
    json: Mapping[str, Any] | None = None,
    params: Mapping[str, str] | None = None,
    per_instance: bool = True,
    by_server_key: bool = False,
    timeout: float = 30.0,
    max_bytes: int = MAX_ANSWER,
) -> Answer:
    """Call `/{action}/{instance}` on the instance's own server, with the account's key or, if told so, the server's.

    Raises `NotConfigured` without an address or a key, `ProviderRejected` when the settings do not allow it,
    `ProviderUnavailable` and `OutcomeUnknown` when the call failed on its way.
    """
    url, key = accounts.server_key(deps, config) if by_server_key else accounts.account_key(deps, instance, config)
    path = f"/{action}/{quote(name_of(instance, config), safe='')}" if per_instance else f"/{action}"
    # The deployment's own server may well live on a private address.
    guarded = url != deps.settings.of(EvolutionSettings).evolution_url
    try:
        return deps.http.request(
            method, url + path, provider=PROVIDER, headers={"apikey": key}, json=json, params=params,
            timeout=timeout, guarded=guarded, max_bytes=max_bytes,
        )  # fmt: skip
    except AddressRefused as error:
        raise ProviderRejected(PROVIDER, f"evolution_url cannot be used: {error.detail}") from error


def succeeded(answer: Answer) -> bool:
    """Whether Evolution did it, and not whatever else is at its address."""
    return answer.ok and not answer.is_page


def failure(answer: Answer) -> ProviderError:
    """The error that an answer means."""
    if answer.ok:
        return ProviderRejected(PROVIDER, "evolution_url leads to a web page, not to an Evolution server")
    text = text_of(answer)
    for statuses, pattern, means in _FAILURES:
        if re.fullmatch(statuses or r"\d+", str(answer.status)) and re.search(pattern, text):
            return means(answer, text)
    raise AssertionError("the last row fits every answer")


def text_of(answer: Answer) -> str:
    """Evolution's own words, from any of the places where its versions put them."""
    body = answer.json()
    if not isinstance(body, dict):
        return _without_addresses(answer.text)
    inner = body.get("response", body)
    places = (fields(inner).get("message", inner), body.get("code"), body.get("error"))
    texts = dict.fromkeys(text for place in places for text in _texts(place))
    return _without_addresses("; ".join(texts))


def _without_addresses(text: str) -> str:
    return _URL.sub("(address)", text[:_MOST_READ])[:300]


def _texts(value: object) -> Iterator[str]:
    """Words from `"a"`, `["a"]`, `[["a", "b"]]` or `[{"jid", "exists": false, "number"}]`."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, list):
        if any(item.get("exists") is False for item in objects(value)):
            yield "exists: false"
        for item in value:
            # One level down is as deep as Evolution goes.
            yield from (str(text(part)) for part in (item if isinstance(item, list) else [item]) if text(part))
