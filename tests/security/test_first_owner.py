"""Who comes to own a hub: in production nobody who merely registers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnichat import auth, channels, link_pages, users
from shared.config import Settings
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.usecases.accounts import links
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.functions.omnichat.accounts import PASSWORD, account_of, client_of, invite, sign_in, sign_up
from tests.security.account_links import follow, token_of

PRODUCTION = {
    "environment": "production",
    "jwt_secret": SecretStr("a-secret-of-more-than-32-bytes-ok"),
    "public_url": "https://hub.example",
}
OWNER = {"email": "ann@example.com", "password": PASSWORD, "name": "Ann", "tenantName": "Ann's shop"}


def _in_production(deps: Deps, **settings: Any) -> Deps:
    return replace(deps, settings=deps.settings.model_copy(update={**PRODUCTION, **settings}))


def _client(deps: Deps) -> FlaskClient:
    return create_app(deps, [auth.api, link_pages.api, users.api, channels.api]).test_client()


def _follow(client: FlaskClient, link: str, **choices: str) -> Any:
    return follow(client, link, **OWNER | choices)


@pytest.fixture
def production(deps: Deps) -> Deps:
    return _in_production(deps)


def test_a_stranger_cannot_register_in_production(production: Deps) -> None:
    assert _client(production).post("/api/auth/register", json=OWNER).status_code == 403
    assert production.store.count("tenants") == 0


def test_a_stranger_who_may_register_in_production_gets_a_tenant_of_their_own(deps: Deps) -> None:
    client = _client(_in_production(deps, registration="open"))
    assert sign_up(client).tenant_id != "default"


def test_in_development_the_first_person_owns_what_is_made_without_a_credential(deps: Deps) -> None:
    client = _client(deps)
    first, second = sign_up(client), sign_up(client, "bob@example.com")
    assert first.tenant_id == "default"
    assert second.tenant_id != "default"


def test_of_many_who_come_first_one_owns_the_default_tenant(deps: Deps) -> None:
    app = _client(deps).application
    with ThreadPoolExecutor(6) as pool:
        accounts = list(pool.map(lambda n: sign_up(app.test_client(), f"u{n}@example.com"), range(6)))
    assert [account.tenant_id for account in accounts].count("default") == 1
    assert len({account.tenant_id for account in accounts}) == 6


def test_the_setup_link_makes_the_owner_of_the_default_tenant(production: Deps) -> None:
    link = links.create_setup_link(production)
    assert link.startswith("https://hub.example/api/auth/link?token=")
    client = _client(production)
    answer = _follow(client, link)
    assert answer.status_code == 200, answer.text
    assert (answer.json["user"]["role"], answer.json["tenant"]) == ("owner", {"id": "default", "name": "Ann's shop"})
    assert account_of(sign_in(client).json).tenant_id == "default"


def test_the_owner_sees_what_the_operators_key_has_made(production: Deps) -> None:
    client = _client(production)
    widget = {"name": "website", "type": "WIDGET"}
    key = key_for(production, "default", Role.OWNER)
    assert client.post("/api/channels", json=widget, headers=key).status_code == 201
    owner = account_of(_follow(client, links.create_setup_link(production)).json)
    listed: Any = client.get("/api/channels", headers=owner.headers).json
    assert [channel["name"] for channel in listed] == ["website"]


def test_a_setup_link_works_once(production: Deps) -> None:
    client, link = _client(production), links.create_setup_link(production)
    assert _follow(client, link).status_code == 200
    assert _follow(client, link, email="eve@example.com").status_code == 401


def test_of_many_setup_links_one_makes_the_owner(production: Deps) -> None:
    setup_links = [links.create_setup_link(production) for _ in range(3)]
    app = _client(production).application

    def follow(n: int) -> int:
        return int(_follow(app.test_client(), setup_links[n % 3], email=f"u{n}@example.com").status_code)

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(follow, range(6)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 409}
    assert production.store.count("users") == 1


def test_a_setup_link_ends_after_a_day_and_a_wrong_one_is_refused(production: Deps) -> None:
    link = links.create_setup_link(production)
    late = client_of(production, auth.api, later=timedelta(hours=25))
    assert _follow(late, link).status_code == 401
    assert _follow(_client(production), f"{link}x").status_code == 401


@pytest.mark.parametrize("wrong", [{"email": "ann"}, {"password": "short12"}, {"email": ""}])
def test_a_choice_that_cannot_be_leaves_the_link_as_it_was(production: Deps, wrong: dict[str, str]) -> None:
    client, link = _client(production), links.create_setup_link(production)
    assert _follow(client, link, **wrong).status_code == 400
    assert _follow(client, link).status_code == 200


def test_the_page_of_a_setup_link_needs_no_script(production: Deps) -> None:
    client, link = _client(production), links.create_setup_link(production)
    page = client.get(link.removeprefix("https://hub.example"))
    assert page.status_code == 200
    assert "script" not in page.text
    assert "default-src 'none'; form-action 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    done = client.post("/api/auth/link/form", data={"token": token_of(link), **OWNER})
    assert (done.status_code, done.headers["Location"]) == (303, "/console")
    assert client.post("/api/auth/refresh", json={}, headers={"X-Refresh-Token": "cookie"}).status_code == 200
    assert client.get(link.removeprefix("https://hub.example")).status_code == 401
    assert sign_in(client).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_form_of_somebody_elses_page_signs_nobody_in(production: Deps, origin: str) -> None:
    client, link = _client(production), links.create_setup_link(production)
    done = client.post("/api/auth/link/form", data={"token": token_of(link), **OWNER}, headers={"Origin": origin})
    assert "You can sign in now as ann@example.com" in done.text
    assert "Set-Cookie" not in done.headers


def test_a_client_with_forms_of_its_own_sets_the_hub_up(production: Deps) -> None:
    client, link = _client(production), links.create_setup_link(production)
    answer: Any = client.post("/api/auth/setup", json={"token": token_of(link), **OWNER})
    assert answer.status_code == 201, answer.text
    assert (answer.json["user"]["role"], answer.json["tenant"]) == ("owner", {"id": "default", "name": "Ann's shop"})
    again = client.post("/api/auth/setup", json={"token": token_of(link), **OWNER})
    assert again.status_code == 401


def test_no_other_link_sets_the_hub_up(production: Deps) -> None:
    client = _client(production)
    owner = account_of(_follow(client, links.create_setup_link(production)).json)
    token = invite(client, owner.headers, "agent", "bob@example.com")
    answer = client.post("/api/auth/setup", json={"token": token, **OWNER, "email": "bob@example.com"})
    assert answer.status_code == 401
    assert follow(client, f"?token={token}", password=PASSWORD).status_code == 200


def test_a_page_never_repeats_markup(production: Deps) -> None:
    client, link = _client(production), links.create_setup_link(production)
    hostile = "<script>alert(1)</script>"
    assert "<script" not in client.get("/api/auth/link", query_string={"token": hostile}).text
    form = {"token": token_of(link), **OWNER, "email": f"{hostile}@example.com"}
    assert "<script" not in client.post("/api/auth/link/form", data=form).text


def test_no_link_is_stored_so_that_it_could_be_read_again(production: Deps) -> None:
    link = links.create_setup_link(production)
    assert token_of(link) not in repr(production.store.find("account_links").documents)


@pytest.mark.parametrize(
    ("settings", "model", "allowed"),
    [
        ({}, "gpt-4o-mini", True),
        ({}, "o1-pro", False),
        ({"openai_models": ("gpt-nano",)}, "gpt-nano", True),
        ({"openai_models": ("gpt-nano",)}, "o1-pro", False),
        ({"openai_models": ("*",)}, "o1-pro", True),
        ({"environment": "development"}, "o1-pro", True),
    ],
)
def test_in_production_agents_use_the_deployments_own_model(
    settings: dict[str, Any], model: str, allowed: bool
) -> None:
    assert Settings.model_validate(PRODUCTION | settings).allows_model(model) is allowed


def test_a_hub_needs_an_owner_until_somebody_is_a_user_of_its_own_tenant(deps: Deps) -> None:
    client = _client(_in_production(deps, registration="open"))
    assert links.needs_owner(deps)
    sign_up(client, "bob@example.com")
    assert links.needs_owner(deps), "of another tenant"
    assert _follow(client, links.create_setup_link(deps)).status_code == 200
    assert not links.needs_owner(deps)


def test_who_sets_a_hub_up_says_what_they_will_sign_in_with(deps: Deps) -> None:
    client, link = _client(deps), links.create_setup_link(deps)
    refused = follow(client, link, password=PASSWORD)
    assert (refused.status_code, list(refused.json["fields"])) == (400, ["email"])
    assert _follow(client, link).status_code == 200
