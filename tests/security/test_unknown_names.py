"""A name that an operation does not know is refused, whoever adds the operation: nothing is swallowed with success."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from functions.hub.main import blueprints
from shared.deps import Deps
from shared.http.documentation import template
from shared.http.unknown_names import ANY_NAMES, MOST_NAMES, Accepted
from shared.usecases.instances.unlisted import MASK
from tests.apps import SETTINGS_ONLY, create_app, openapi
from tests.functions.keys import key_for

APP = create_app(SETTINGS_ONLY, blueprints())

# What somebody else decides: a provider, a load balancer, the page that links to a widget or to the console.
ANY = re.compile(
    r"(GET|POST) (/webhook/|/api/telegram/bot/|/api/facebook/)"
    r"|GET (/oauth/|/health|/widget/embed.js|/widget/assets/|/widget/\{instance\}(/embed.js)?$|/$|/console)"
)
# A channel's settings stand in the body itself; what a channel does not know is kept like its `config`. A file's
# content has no names, and the Dashboard's page sends with a campaign what it shows of it.
ANY_FIELDS = {
    "POST /channels/{channel_type}/configure",
    "POST /api/files",
    "POST /api/visitors/{instance}/files",
    "POST /api/customers/import",
    "POST /campaign/omnichannel-launch",
}

_PACING = ("delay", "split_message", "mentioned", "mentions_everyone", "auto_parse_mentions")
SENDING = {
    "text": _PACING,
    "media": _PACING,
    "audio": (*_PACING, "ptt"),
    "sticker": _PACING,
    "contact": _PACING,
    "reaction": ("delay",),
}
# What genuine clients of the five dialects send beside what means something here.
IGNORED: dict[str, list[str]] = {
    "POST /api/v1/instances": [
        *("webhook_base64", "is_active", "agent_id", "agent_type", "agent_instance_type", "agent_stream_mode"),
        *("automagik_instance_id", "automagik_instance_name", "enable_auto_split"),
        *("discord_bot_token", "discord_client_id", "slack_bot_token", "slack_signing_secret"),
    ],
    "PUT /api/v1/instances/{instance_name}": [
        *("webhook_base64", "is_active", "discord_guild_id", "slack_app_token", "enable_auto_split"),
        *("id", "created_at", "updated_at", "evolution_status", "profile_name", "profile_pic_url", "owner_jid"),
        *("phone_number", "auto_qr", "integration"),
    ],
    **{
        f"POST /api/v1/{collection}/{{instance_name}}/send-{kind}": [*names]
        for collection in ("instance", "instances")
        for kind, names in SENDING.items()
    },
    "POST /api/channels": ["tenantId"],
    "POST /api/telegram/user/confirm": ["tenantId", "phoneNumber", "phoneCodeHash"],
    "POST /api/whatsapp/channels/{id}/whatsapp": ["_method", "disconnect"],
    "POST /api/messages/send": ["autoReply"],
    "PUT /api/forge/config": ["success", "data", "error_data", "message"],
}


@cache
def _document() -> dict[str, Any]:
    return openapi(blueprints())


def _operations() -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in _document()["paths"].items() for method in methods]


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    """A client of the whole hub, with the key of the owner."""
    keyed = deps.settings.model_copy(update={"api_key": SecretStr("the-key"), "default_tenant_id": "default"})
    client = create_app(dataclasses.replace(deps, settings=keyed), blueprints()).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = "Bearer the-key"
    return client


def _called(client: FlaskClient, method: str, path: str, query: str = "", **options: Any) -> TestResponse:
    return client.open(re.sub(r"\{\w+\}", "whatsapp", path) + query, method=method, **options)


def _refused(response: TestResponse) -> dict[str, str]:
    """The names that the answer refuses, with the reasons."""
    assert response.status_code == 400, response.text
    body = cast("dict[str, Any]", response.json)
    assert body["code"] == "bad_request"
    return cast("dict[str, str]", body.get("fields", {}))


def test_every_operation_refuses_an_unknown_parameter(client: FlaskClient) -> None:
    for method, path in _operations():
        if not ANY.match(f"{method} {path}"):
            for query in ("?zebra=1", "?zebra", "?zebra="):
                assert list(_refused(_called(client, method, path, query))) == ["zebra"], f"{method} {path}{query}"


def test_every_operation_that_writes_refuses_an_unknown_field(client: FlaskClient) -> None:
    for method, path in _operations():
        operation = f"{method} {path}"
        if method != "GET" and not ANY.match(operation) and operation not in ANY_FIELDS:
            for value in ("x",) if _takes_a_form(method, path) else (True, None, "", {"deep": [1]}):
                body = {"zebra": value}
                sent: dict[str, Any] = {"data": body} if _takes_a_form(method, path) else {"json": body}
                assert list(_refused(_called(client, method, path, **sent))) == ["zebra"], f"{operation} {body}"


def _takes_a_form(method: str, path: str) -> bool:
    content = _document()["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    return bool(content) and "application/json" not in content


def test_the_api_description_says_so_too() -> None:
    for path, methods in _document()["paths"].items():
        for method, operation in methods.items():
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            if name := schema.get("$ref", "").rpartition("/")[2]:
                described = _document()["components"]["schemas"][name]
                open_ = f"{method.upper()} {path}" in {*ANY_FIELDS, "POST /integrations/{integration_type}/test"}
                assert described["additionalProperties"] is open_, f"{method} {path}"


def test_what_takes_any_name_is_listed_here() -> None:
    views = {
        f"{method} {template(rule.rule)}"
        for rule in APP.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if getattr(APP.view_functions[rule.endpoint], ANY_NAMES, False)
    }
    assert views == {f"{method} {path}" for method, path in _operations() if ANY.match(f"{method} {path}")}


def test_operations_without_a_body_refuse_whatever_comes(client: FlaskClient) -> None:
    path = "/campaigns/c/launch"
    assert _refused(client.post(path, json={"dry_run": True})) == {
        "dry_run": "is unknown: this operation takes no fields"
    }
    for body, kind in (
        (b"dry_run=true", "application/x-www-form-urlencoded"),
        (b"dry run", "text/plain"),
        (b"[]", "application/json"),
        (b"[1]", "application/json"),
        (b'"x"', "application/json"),
    ):
        assert client.post(path, data=body, content_type=kind).status_code == 400
    for nothing in (b"", b" ", b"{}"):
        assert client.post(path, data=nothing, content_type="application/json").status_code == 404


def test_what_genuine_clients_send_beside_is_ignored_and_nothing_else(client: FlaskClient) -> None:
    for operation, names in IGNORED.items():
        method, path = operation.split(" ")
        refused = _refused(_called(client, method, path, json=dict.fromkeys([*names, "zebra"], 1)))
        assert list(refused) == ["zebra"], operation


def test_no_other_model_ignores_anything() -> None:
    """A new exception has to be written down above."""
    ignoring = set()
    for rule in APP.url_map.iter_rules():
        accepted = getattr(APP.view_functions[rule.endpoint], "accepted", Accepted(None, None, None))
        if any(getattr(model, "ignored", None) for model in (accepted.query, accepted.body)):
            ignoring |= {f"{method} {template(rule.rule)}" for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert ignoring == set(IGNORED)


@pytest.mark.parametrize(
    ("path", "body", "name", "meant"),
    [
        pytest.param("/customers/c/merge", {"sourceId": "x"}, "sourceId", "source_id", id="camel case"),
        pytest.param("/customers/c/merge", {"Source_ID": "x"}, "Source_ID", "source_id", id="capitals"),
        pytest.param("/customers/c/merge", {"source-id": "x"}, "source-id", "source_id", id="hyphen"),
        pytest.param("/customers/c/merge", {"suorce_id": "x"}, "suorce_id", "source_id", id="typing error"),
        pytest.param(
            "/api/messages/send", {"conversationid": "x"}, "conversationid", "conversationId", id="lower case"
        ),
        pytest.param("/api/keys", {"name": "k", "scope": ["read"]}, "scope", "scopes", id="singular"),
        pytest.param("/campaigns", {"audience": {"tag": ["x"]}}, "audience.tag", "tags", id="nested"),
        pytest.param(
            "/api/messages/send",
            {"attachments": [{"type": "image"}, {"type": "image", "filename": "x"}]},
            "attachments.1.filename",
            "fileName",
            id="in a list",
        ),
        pytest.param(
            "/messages/send",
            {"template": {"name": "n", "buttons": [{"kind": "url", "idnex": 1}]}},
            "template.buttons.0.idnex",
            "index",
            id="in a list of a part",
        ),
    ],
)
def test_the_nearest_name_is_told(client: FlaskClient, path: str, body: dict[str, Any], name: str, meant: str) -> None:
    assert _refused(client.post(path, json=body))[name].endswith(f"did you mean {meant}?")


def test_where_none_is_near_the_names_are_told(client: FlaskClient) -> None:
    refused = _refused(client.post("/customers/c/unmerge", json={"zebra": 1}))
    assert refused == {"zebra": "is no field here; use merge_id"}


def test_both_spellings_of_a_name_are_taken_but_not_at_once(client: FlaskClient) -> None:
    for body in ({"name": "k", "expires_at": None}, {"name": "k", "expiresAt": None}):
        assert client.post("/api/keys", json=body).status_code == 201
    twice = {"name": "k", "expiresAt": "2030-01-01T00:00:00Z", "expires_at": "2020-01-01T00:00:00Z"}
    assert "expiresAt" in _refused(client.post("/api/keys", json=twice))["expires_at"]


def test_an_error_holds_few_and_short_names(client: FlaskClient) -> None:
    names = [f"{number}{'x' * 100_000}" for number in range(8)]
    response = client.post("/api/keys", json=dict.fromkeys(names, 1))
    assert len(_refused(response)) == MOST_NAMES
    assert len(response.text) < 3000
    assert "there are more" in response.text


def test_a_hundred_thousand_names_are_refused_as_soon_as_a_few(client: FlaskClient) -> None:
    body = json.dumps({f"n{number}": number for number in range(60_000)})
    assert len(_refused(client.post("/api/keys", data=body, content_type="application/json"))) == MOST_NAMES


def test_free_mappings_stay_free(client: FlaskClient) -> None:
    body = {
        "name": "Chat",
        "type": "WIDGET",
        "config": {"zebra": {"stripes": 7}},
        "metadata": {"herd": [{"of": 2}], "legs": 4},
    }
    created = client.post("/api/channels", json=body)
    assert created.status_code == 201, created.text
    assert cast("dict[str, Any]", created.json)["metadata"] == {"herd": MASK, "legs": 4}


def test_who_may_not_call_is_told_nothing_of_the_names(client: FlaskClient, deps: Deps) -> None:
    strangers = [({"Authorization": "Bearer wrong"}, 401), (key_for(deps, "default", scopes=["read"]), 403)]
    for headers, status in strangers:
        response = client.post("/api/keys", json={"zebra": 1}, headers=headers)
        assert response.status_code == status
        assert "zebra" not in response.text


def test_a_password_in_a_users_change_is_not_swallowed(client: FlaskClient) -> None:
    assert list(_refused(client.patch("/api/users/u", json={"name": "A", "password": "correct horse"}))) == ["password"]


def test_a_private_note_does_not_go_to_the_customer(client: FlaskClient) -> None:
    body = {"conversationId": "c", "text": "not for the customer", "private": True}
    assert list(_refused(client.post("/api/messages/send", json=body))) == ["private"]


def test_an_instance_keeps_its_name_and_says_so(client: FlaskClient) -> None:
    agent = {"agent_api_url": "https://agents.example.com", "agent_api_key": "k", "default_agent": "a"}
    created = client.post("/api/v1/instances", json={"name": "shop", "channel_type": "slack", **agent})
    assert created.status_code == 201, created.text
    whole = cast("dict[str, Any]", client.get("/api/v1/instances/shop").json)
    assert client.put("/api/v1/instances/shop", json=whole).status_code == 200
    assert "keeps its name" in _refused(client.put("/api/v1/instances/shop", json=whole | {"name": "other"}))["name"]
