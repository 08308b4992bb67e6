"""The OpenAPI document and the page that shows it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from pydantic import BaseModel

from shared.deps import Deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.guards import Access
from tests.http.dialect import client_of, dialect, large


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, dialect(Access.CREDENTIAL), large(100))


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    response = client.get("/api/v1/openapi.json")
    assert response.content_type == "application/json"
    assert isinstance(response.json, dict)
    return response.json


def test_the_page_is_html_at_its_address(client: FlaskClient) -> None:
    response = client.get("/api/v1/docs")
    assert response.status_code == 200
    assert response.content_type.startswith("text/html")


def test_the_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/api/v1/docs")
    policy = page.headers["Content-Security-Policy"]
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert "script-src 'self';" in policy
    assert addresses
    assert not re.search(r"<script>|onload=", page.text)
    for address in addresses:
        assert address.startswith("/")
        with client.get(address) as response:
            assert response.status_code == 200


@pytest.mark.parametrize("name", ["js/nothing.js", "js/..%2fplugins.py", "templates/x", "js/../../plugins.py"])
def test_the_page_serves_its_own_files_only(client: FlaskClient, name: str) -> None:
    assert client.get(f"/api/v1/docs/{name}").status_code == 404


def test_the_page_keeps_the_credential_over_a_reload(client: FlaskClient) -> None:
    assert "persistAuthorization: true" in client.get("/api/v1/docs/start.js").text


@pytest.mark.parametrize(
    ("public_url", "server"), [(None, "/"), ("https://hub.example.com", "https://hub.example.com")]
)
def test_the_document_says_where_the_hub_is(deps: Deps, public_url: str | None, server: str) -> None:
    configured = replace(deps, settings=deps.settings.model_copy(update={"public_url": public_url}))
    document: Any = client_of(configured, dialect()).get("/api/v1/openapi.json").json
    assert document["servers"] == [{"url": server}]


def test_every_operation_is_listed(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {"/pets", "/pets/{name}", "/pets/supported", "/large", "/whoami"} <= set(document["paths"])
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}


def test_every_failure_has_the_one_model(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Error"}
    responses = document["paths"]["/pets/{name}"]["get"]["responses"]
    assert set(responses) == {"200", "400", "401", "403", "404", "429", "500", "503"}
    assert {str(r["content"]["application/json"]["schema"]) for s, r in responses.items() if s != "200"} == {
        str(schema)
    }
    properties = {"detail", "message", "error", "code", "request_id", "fields"}
    assert set(document["components"]["schemas"]["Error"]["properties"]) == properties


def test_the_document_says_where_a_credential_is_needed(document: dict[str, Any]) -> None:
    assert document["paths"]["/whoami"]["get"]["security"] == [{"bearer": []}, {"apiKey": []}]
    assert document["paths"]["/open"]["get"]["security"] == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert references <= set(document["components"]["schemas"])


def test_two_models_of_one_name_do_not_overwrite_each_other(deps: Deps) -> None:
    document = client_of(deps, dialect(), _other_pets()).get("/api/v1/openapi.json").json
    assert document is not None
    body = document["paths"]["/other"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/OtherPet"}
    assert set(document["components"]["schemas"]["OtherPet"]["properties"]) == {"legs"}
    assert "name" in document["components"]["schemas"]["Pet"]["properties"]


def _other_pets() -> APIBlueprint:
    pet = type("Pet", (BaseModel,), {"__annotations__": {"legs": int}})
    api = APIBlueprint("other", __name__)

    def make(body: BaseModel) -> Response:
        return answer(body)

    make.__annotations__["body"] = pet
    api.post("/other", responses={200: pet})(make)
    return api
