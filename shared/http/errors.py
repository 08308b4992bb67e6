"""Every failure as the one body that all dialects share."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from shared.errors import (
    BadRequest,
    HubError,
    Overloaded,
    ProviderUnavailable,
    StoreError,
    TooManyRequests,
    Unauthorized,
)
from shared.logs import current_trace

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)


class Failure(BaseModel):
    """What every failed request is answered with."""

    model_config = ConfigDict(title="Error")

    detail: str = Field(description="Written for a person.")
    code: str = Field(description="Written for a program, such as `not_found` or `overloaded`.")
    request_id: str = Field(description="Quote it when asking for help; the log lines carry it.")
    fields: dict[str, str] | None = Field(default=None, description="What is wrong, by field.")


def invalid(error: ValidationError) -> BadRequest:
    """Say in words what a model refused. The refused values are not repeated, for they may be secrets."""
    fields: dict[str, str] = {}
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        fields.setdefault(".".join(map(str, problem["loc"])), _message(problem["type"], problem["msg"]))
    detail = "; ".join(f"{path}: {said}" if path else _of_all(said) for path, said in list(fields.items())[:5])
    return BadRequest(detail, {path or "body": message for path, message in fields.items()})


def _of_all(message: str) -> str:
    """What is wrong with the body as a whole, as a sentence."""
    return f"The body {message}" if message.startswith("must ") else message[:1].upper() + message[1:]


def _message(kind: str, message: str) -> str:
    if kind in ("model_type", "dict_type", "model_attributes_type", "mapping_type"):
        return "must be a JSON object"
    return message.removeprefix("Value error, ")


def failure(
    status: int, detail: str, code: str, fields: Mapping[str, str] | None = None, retry_after: float | None = None
) -> Response:
    """Make the answer to a failed request."""
    trace = current_trace()
    body = Failure(detail=detail, code=code, request_id=trace.request_id if trace else "", fields=dict(fields or {}))
    shown = body.model_dump(exclude=None if fields else {"fields"})
    response = Response(json.dumps(shown), status, mimetype="application/json")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return response


def answered(work: Callable[[], Response]) -> Response:
    """What `work` answers, or the answer to the exception that it raises; needs no application."""
    try:
        return work()
    except HubError as error:
        return _hub_error(error)
    except HTTPException as error:
        return _described(error)
    except Exception:
        log.exception("unexpected error")
        return _internal_error()


@contextmanager
def reworded(
    sentence: Callable[[str], str], name: Callable[[str], str], kinds: tuple[type[HubError], ...] = (HubError,)
) -> Iterator[None]:
    """Have errors of these kinds say what is wrong, and in which field, in a dialect's own words."""
    try:
        yield
    except kinds as error:
        error.detail = sentence(error.detail)
        if isinstance(error, BadRequest):
            error.fields = {name(field): sentence(reason) for field, reason in error.fields.items()}
        raise


def install_errors(app: Flask) -> None:
    """Answer every exception in the one form."""
    app.register_error_handler(HubError, _hub_error)
    # Both are needed: without the first, the second would turn a 405 into a 500.
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _hub_error(error: HubError) -> Response:
    if error.status == 500:
        return _unexpected(error)
    if error.status >= 500:
        log.warning("request failed: %s", error.detail, extra={"code": error.code})
    fields = error.fields if isinstance(error, BadRequest) else None
    return failure(error.status, error.detail, error.code, fields, _retry_after(error))


def _retry_after(error: HubError) -> float | None:
    if isinstance(error, (TooManyRequests, Overloaded, ProviderUnavailable)):
        return error.retry_after
    return 1 if isinstance(error, StoreError) and error.status == StoreError.status else None


_DETAILS = {404: "Resource not found", 405: "Method not allowed", 413: "The body is too large"}
_CODES = {413: "too_large", 500: "internal_error"}


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None:
        return error  # somebody chose the whole answer
    return _described(error)


def _described(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 401:
        return _hub_error(Unauthorized("Invalid or missing API key"))
    detail = _DETAILS.get(status) or error.description or error.name
    code = _CODES.get(status) or re.sub(r"\W+", "_", error.name.lower())
    response = failure(status, detail, code)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return _internal_error()


def _internal_error() -> Response:
    return failure(500, "Internal server error", HubError.code)
