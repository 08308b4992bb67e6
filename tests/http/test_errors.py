"""Every error has the same form and shows no internals."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.errors import BadRequest, ChannelName, Collision, FieldName, HubError, Unprocessable
from shared.http.blueprint import APIBlueprint
from shared.http.errors import Vocabulary
from shared.http.guards import Access, protect
from tests.apps import create_app
from tests.http.dialect import assert_failed, client_of


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("collision", 409, "conflict"),
        ("conflict", 409, "conflict"),
        ("store", 503, "store_unavailable"),
        ("slow", 429, "too_many_requests"),
        ("rejected", 502, "provider_rejected"),
        ("away", 503, "provider_unavailable"),
        ("bug", 500, "internal_error"),
        ("base", 500, "internal_error"),
    ],
)
def test_an_error_has_its_status_and_code(client: FlaskClient, name: str, status: int, code: str) -> None:
    assert_failed(client.get(f"/fails/{name}"), status, code)


@pytest.mark.parametrize(
    ("name", "seconds"), [("store", "1"), ("slow", "13"), ("away", "7"), ("collision", None), ("conflict", None)]
)
def test_whoever_may_try_again_is_told_when(client: FlaskClient, name: str, seconds: str | None) -> None:
    assert client.get(f"/fails/{name}").headers.get("Retry-After") == seconds


@pytest.mark.parametrize("name", ["bug", "base"])
def test_an_unexpected_error_is_for_the_log_only(
    client: FlaskClient, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = client.get(f"/fails/{name}")
    assert assert_failed(response, 500, "internal_error") == "Internal server error"
    assert "hunter2" not in response.text
    assert "hunter2" in caplog.text


@pytest.mark.parametrize("name", ["collision", "store", "bug"])
def test_the_sentence_has_all_the_names_that_clients_read_it_under(client: FlaskClient, name: str) -> None:
    body = client.get(f"/fails/{name}").get_json()
    assert body["message"] == body["error"] == body["detail"] != ""


def test_an_unknown_address_is_not_found(client: FlaskClient) -> None:
    assert assert_failed(client.get("/nowhere"), 404, "not_found") == "Resource not found"


def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient) -> None:
    response = client.put("/pets")
    assert_failed(response, 405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_a_static_address_wins_over_a_parameter(client: FlaskClient) -> None:
    assert client.get("/pets/supported").json == {"served by": "supported"}


def test_a_slash_at_the_end_changes_nothing(client: FlaskClient) -> None:
    assert client.post("/pets/", json={"name": "Rex"}).status_code == 200


SHOUTING = Vocabulary(field=str.upper, channel=lambda name: f"the {name}")


@pytest.mark.parametrize(
    ("error", "detail", "fields"),
    [
        (
            BadRequest.of_field("config.bot_token", "is missing", ("is needed on ", ChannelName("widget"))),
            "CONFIG.BOT_TOKEN: is needed on the widget",
            {"CONFIG.BOT_TOKEN": "is missing"},
        ),
        (BadRequest.of_fields({"a_b": "x", "c": "y"}), "A_B: x; C: y", {"A_B": "x", "C": "y"}),
        (BadRequest("a_b: of the caller", {"a_b": "stays"}), "a_b: of the caller", {"a_b": "stays"}),
        (Collision("is taken", "external_id"), "EXTERNAL_ID: is taken", None),
        (Unprocessable(("no ", ChannelName("sms"), ", no ", FieldName("phone"))), "no the sms, no PHONE", None),
    ],
)
def test_a_dialect_names_fields_and_channels_in_its_own_way(
    deps: Deps, error: HubError, detail: str, fields: dict[str, str] | None
) -> None:
    api = APIBlueprint("shouting", __name__, vocabulary=SHOUTING)
    protect(api, Access.HUB)

    @api.get("/shout")
    def shout() -> None:
        raise error

    answer = create_app(deps, [api]).test_client().get("/shout").get_json()
    assert (answer["detail"], answer.get("fields")) == (detail, fields)


def test_without_a_dialect_an_error_speaks_the_hubs_names() -> None:
    assert BadRequest.of_field("a_b", "is missing").detail == "a_b: is missing"
    assert str(Unprocessable(("no ", ChannelName("widget")))) == "no widget"
