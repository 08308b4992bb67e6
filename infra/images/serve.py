"""The function that `FUNCTION_SOURCE` and `FUNCTION_TARGET` name, as the WSGI application of an image.

It does of functions-framework what the functions need, and not what loading the
framework costs at every cold start. Importing it raises `ConfigurationInvalid` where there is no such function.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from shared.errors import ConfigurationInvalid
from shared.http.errors import answered

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_BLOCK = 64 * 1024


def _named(environment: Mapping[str, str]) -> Callable[[Request], Response]:
    source, target = environment.get("FUNCTION_SOURCE", ""), environment.get("FUNCTION_TARGET", "")
    spec = spec_from_file_location("main", source)
    if spec is None or spec.loader is None or not Path(source).is_file():
        raise ConfigurationInvalid("FUNCTION_SOURCE: must be the path of a Python file")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[Request], Response] | None = getattr(module, target, None)
    if function is None:
        raise ConfigurationInvalid(f"FUNCTION_TARGET: must be the name of a function in {source}")
    return function


_function = _named(os.environ)  # noqa: TID251 - the framework's variables are no settings of the hub


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    request = Request(environ)
    response = answered(lambda: _function(request))
    # A client that is answered before it has sent everything may see a broken connection instead of the answer.
    while environ["wsgi.input"].read(_BLOCK):
        pass
    return response(environ, start_response)
