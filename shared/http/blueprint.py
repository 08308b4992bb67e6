"""The blueprint that every dialect is made of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from flask_openapi import blueprint
from flask_openapi.utils import parse_parameters

from shared.http.errors import PLAIN, Vocabulary, install_vocabulary
from shared.http.unknown_names import Accepted, checked

_ACCEPTED = "accepted"


class APIBlueprint(blueprint.APIBlueprint):
    """Validates by its views' models, and describes them only when somebody asks for the OpenAPI document.

    Making hundreds of JSON schemas would take most of a cold start. Errors name
    fields and channels by `vocabulary`. Names that a view's models do not have are
    refused (`shared/http/unknown_names.py`).
    """

    def __init__(self, name: str, import_name: str, *, vocabulary: Vocabulary = PLAIN, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        install_vocabulary(self, vocabulary)
        self._undescribed: list[Callable[[], object]] = []
        self._describing = threading.Lock()

    def describe_routes(self) -> None:
        """Fill in `paths` and `components_schemas`."""
        with self._describing:
            while self._undescribed:
                self._undescribed.pop(0)()

    def _collect_openapi_info(self, rule: str, func: Any, **options: Any) -> Any:
        self._undescribed.append(partial(super()._collect_openapi_info, rule, func, **options))
        parameters = parse_parameters(func, doc_ui=False)
        _, _, _, query, form, body = parameters
        setattr(func, _ACCEPTED, Accepted(query, body, form))
        return parameters

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: Any = None, *args: Any, **options: Any
    ) -> None:
        accepted = getattr(view_func, _ACCEPTED, None)
        view = checked(view_func, accepted) if accepted else view_func
        super().add_url_rule(rule, endpoint, view, *args, **options)
