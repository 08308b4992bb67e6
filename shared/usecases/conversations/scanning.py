"""The operator's scanner, which sees every file before anybody may fetch it.

It gets the file's bytes by POST, with the name percent-encoded in `X-File-Name`, and answers 2xx with
`{"verdict": "clean"}` or `{"verdict": "infected", "reason": "..."}`. Whatever else comes is no verdict.
"""

from __future__ import annotations

import logging
from urllib.parse import quote

from shared.deps import Deps
from shared.errors import ProviderError, ProviderUnavailable

log = logging.getLogger(__name__)

SCANNER = "scanner"
TIMEOUT = 30.0
"""Seconds for a verdict; an upload waits for it."""

_MOST_REASON = 200


def is_on(deps: Deps) -> bool:
    """Whether files are checked."""
    return deps.settings.media_scan_url is not None


def infection(deps: Deps, content: bytes, file_name: str | None) -> str | None:
    """What is wrong with the file; None for a clean one, and where there is no scanner.

    Raises `ProviderUnavailable` without a verdict.
    """
    url = deps.settings.media_scan_url
    if url is None:
        return None
    headers = {"Content-Type": "application/octet-stream", "X-File-Name": quote(file_name or "", safe="")}
    try:
        answer = deps.http.request(
            "POST", url, provider=SCANNER, json=content, headers=headers, timeout=TIMEOUT, guarded=False
        )
    except ProviderError as error:
        raise ProviderUnavailable(SCANNER, f"no verdict: {error.reason}") from None
    body = answer.json()
    verdict = body.get("verdict") if isinstance(body, dict) and answer.ok else None
    if verdict == "clean":
        return None
    if verdict == "infected":
        reason = body.get("reason")
        return reason[:_MOST_REASON] if isinstance(reason, str) and reason else "no reason given"
    log.error("the scanner gave no verdict", extra={"status": answer.status})
    raise ProviderUnavailable(SCANNER, f"no verdict: HTTP {answer.status}")
