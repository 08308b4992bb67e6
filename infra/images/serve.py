"""The function that `FUNCTION_SOURCE` and `FUNCTION_TARGET` name, as the WSGI application of an image."""

from __future__ import annotations

from functions_framework import create_app

app = create_app()  # type: ignore[no-untyped-call]  # the framework has no types
