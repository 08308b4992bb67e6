"""A dialect for these tests, and assertions on its responses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import Response
from flask.testing import FlaskClient
from pydantic import BaseModel, Field, RootModel
from werkzeug.test import TestResponse

from shared.deps import Deps
from shared.domain.accounts import Role
from shared.errors import (
    Collision,
    Conflict,
    HubError,
    ProviderRejected,
    ProviderUnavailable,
    StoreError,
    TooManyRequests,
)
from shared.http.app import limit_body
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, open_to_all, protect, require
from shared.http.times import Milliseconds, WholeSeconds
from tests.apps import create_app


class Pet(BaseModel):
    name: str = Field(max_length=20)
    age: int | None = None
    tags: dict[str, Any] = Field(default_factory=dict)


class Names(RootModel[list[str]]):
    pass


class PetPath(BaseModel):
    name: str


class Times(BaseModel):
    seconds: WholeSeconds
    millis: Milliseconds


FAILURES: dict[str, Exception] = {
    "collision": Collision("It is there already"),
    "conflict": Conflict(),
    "store": StoreError("The store did not answer"),
    "slow": TooManyRequests("Slow down", retry_after=12.2),
    "rejected": ProviderRejected("telegram", "chat not found"),
    "away": ProviderUnavailable("telegram", "flood", retry_after=7),
    "bug": ZeroDivisionError("the secret is hunter2"),
    "base": HubError("the secret is hunter2"),
}


def dialect(access: Access | None = Access.HUB, name: str = "pets") -> APIBlueprint:
    """Pets, behind a guard unless `access` is None."""
    api = APIBlueprint(name, __name__)
    cors(api)
    if access:
        protect(api, access)
    _add_pets(api)
    _add_oddities(api)
    return api


def _add_pets(api: APIBlueprint) -> None:
    @api.post("/pets", responses={200: Pet})
    def make(body: Pet) -> Response:
        return answer(body)

    @api.post("/pets/names")
    def name_all(body: Names) -> list[str]:
        return body.root

    @api.get("/pets/supported")
    def supported() -> dict[str, str]:
        return {"served by": "supported"}

    @api.get("/pets/<name>", responses={200: Pet})
    def show(path: PetPath) -> Response:
        """Read a pet."""
        return answer(Pet(name=path.name))


def _add_oddities(api: APIBlueprint) -> None:
    @api.get("/whoami")
    def whoami() -> dict[str, Any]:
        return {"tenant": caller().tenant_id, "role": caller().role, "scopes": sorted(caller().scopes)}

    @api.delete("/everything")
    def delete() -> dict[str, str]:
        require(Role.ADMIN)
        return {}

    @api.get("/open")
    @open_to_all
    def free() -> dict[str, Any]:
        return {"at": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)}

    @api.get("/times")
    @open_to_all
    def times() -> Response:
        moment = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
        return answer(Times(seconds=moment, millis=moment))

    @api.get("/fails/<name>")
    @open_to_all
    def fail(path: PetPath) -> Response:
        raise FAILURES[path.name]


def large(size: int) -> APIBlueprint:
    api = APIBlueprint("large", __name__)
    limit_body(api, lambda path: size)

    @api.post("/large")
    def take(body: Pet) -> Response:
        return answer(body)

    return api


def client_of(deps: Deps, *blueprints: APIBlueprint, **settings: object) -> FlaskClient:
    """A client of an application that carries the blueprints, under changed settings."""
    changed = replace(deps, settings=deps.settings.model_copy(update=settings))
    return create_app(changed, blueprints or [dialect()]).test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def assert_failed(response: TestResponse, status: int, code: str) -> str:
    """Check the one form that all failures have; returns the detail."""
    body = response.json
    assert response.status_code == status, response.text
    assert isinstance(body, dict)
    assert set(body) - {"fields"} == {"detail", "message", "error", "code", "request_id"}
    assert isinstance(body["detail"], str)
    assert body["code"] == code
    assert body["request_id"] == response.headers["X-Request-ID"]
    return str(body["detail"])
