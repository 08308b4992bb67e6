"""Calling Pigeon Post."""

from __future__ import annotations

from typing import Any

from shared.channelkit.providers import refusal
from shared.deps import Deps
from shared.errors import OutcomeUnknown

from .config import PROVIDER, PigeonConfig, PigeonSettings


def call(deps: Deps, config: PigeonConfig, method: str, path: str, json: object = None) -> dict[str, Any]:
    """The answer's body; raises `ProviderRejected`, `ProviderUnavailable` or `OutcomeUnknown`."""
    answer = deps.http.request(
        method,
        deps.settings.of(PigeonSettings).pigeon_api_url + path,
        provider=PROVIDER,
        json=json,
        headers={"authorization": f"Bearer {config.loft_key.get_secret_value()}"},
        guarded=False,
    )
    if not answer.ok:
        raise refusal(PROVIDER, answer, f"HTTP {answer.status}")
    body = answer.json()
    if not isinstance(body, dict):
        raise OutcomeUnknown(PROVIDER, "the answer is not one of Pigeon Post's")
    return body
