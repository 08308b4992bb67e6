"""Flask's test client, as far as the pipeline's tests use it, over real HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from tests.crash.driver import PATIENCE


@dataclass(frozen=True)
class WebAnswer:
    status_code: int
    text: str
    json: Any

    def get_json(self) -> Any:
        return self.json


class WebClient:
    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> WebAnswer:
        return self._call("GET", path, headers)

    def post(
        self,
        path: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> WebAnswer:
        sent = {**(headers or {}), **({"Content-Type": content_type} if content_type else {})}
        return self._call("POST", path, sent, json, data)

    def patch(self, path: str, json: Any = None, headers: Mapping[str, str] | None = None) -> WebAnswer:
        return self._call("PATCH", path, headers, json)

    def _call(
        self, method: str, path: str, headers: Mapping[str, str] | None, json: Any = None, data: bytes | None = None
    ) -> WebAnswer:
        answer = requests.request(
            method, self._url + path, json=json, data=data, headers=dict(headers or {}), timeout=PATIENCE
        )
        is_json = "json" in answer.headers.get("content-type", "")
        return WebAnswer(answer.status_code, answer.text, answer.json() if is_json else None)
