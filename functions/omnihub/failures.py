"""The statuses of failures that this dialect knows."""

from __future__ import annotations

from werkzeug.wrappers import Response

from shared.errors import BadRequest, ProviderError, Unprocessable
from shared.http.blueprint import APIBlueprint
from shared.http.errors import failure


def answer_in_documented_statuses(api: APIBlueprint) -> None:
    """This dialect knows no 422, 502 and 503: what cannot be sent is 400, and what a provider did not do is 500."""
    api.register_error_handler(ProviderError, _provider_failed)
    api.register_error_handler(Unprocessable, _refused)


def _provider_failed(error: ProviderError) -> Response:
    return failure(min(error.status, 500), error.detail, error.code)


def _refused(error: Unprocessable) -> Response:
    return failure(BadRequest.status, error.detail, error.code)
