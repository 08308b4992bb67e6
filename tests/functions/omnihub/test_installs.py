"""Installing an app in a browser: the link of `/qr`, and what comes back from it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from functions.omnihub.main import blueprints
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.errors import NotFound, Unauthorized
from shared.ports.store import Merge
from shared.security.tokens import AccessClaims, sign, span
from shared.usecases.accounts.credentials import access_key
from shared.usecases.instances import installing, instances
from tests import refs
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.functions.omnihub.door import PATH, create
from tests.stubs import Reply, Stub

GRANTED = {
    "ok": True,
    "access_token": "xoxb-granted",
    "token_type": "bot",
    "bot_user_id": "U0LAN0Z89",
    "app_id": "A0MDYCDME",
    "team": {"name": "Acme <Inc>", "id": "T061EG9R6"},
}


@pytest.fixture
def deps(deps: Deps) -> Deps:
    """A hub with a Slack app and a public address."""
    changes = {
        "slack_client_id": "12.34",
        "slack_client_secret": SecretStr("s3cr3t"),
        "public_url": "https://hub.example",
    }
    return replace(deps, settings=deps.settings.model_copy(update=changes))


@pytest.fixture
def client(deps: Deps, provider: Stub) -> FlaskClient:
    provider.on("POST", "/oauth.v2.access", Reply(json=GRANTED))
    return create_app(deps, blueprints()).test_client()


@pytest.fixture
def team(client: FlaskClient, new: dict[str, Any]) -> str:
    create(client, new, "team", channel_type="slack")
    return f"{PATH}/team"


def link_of(client: FlaskClient, path: str) -> str:
    """The link of `/qr`."""
    answer: Any = client.get(f"{path}/qr").json
    return str(answer["auth_url"])


def start(client: FlaskClient, link: str) -> TestResponse:
    """Press the button on the link's page."""
    [token] = parse_qs(urlsplit(link).query)["link"]
    return client.post(urlsplit(link).path, data={"link": token})


def link_parameters(client: FlaskClient, path: str) -> dict[str, str]:
    """What Slack is asked for where the link of `/qr` is followed in this client's browser."""
    answer = start(client, link_of(client, path))
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def back(client: FlaskClient, **query: str) -> TestResponse:
    return client.get("/oauth/slack/callback", query_string=query)


def test_the_link_leads_back_here_and_installs_the_app(client: FlaskClient, team: str, provider: Stub) -> None:
    before: Any = client.get(f"{team}/qr").json
    assert (before["status"], before["qr_code"], before["invite_url"]) == ("disconnected", None, None)
    link = link_parameters(client, team)
    assert link["redirect_uri"] == "https://hub.example/oauth/slack/callback"
    answer = back(client, state=link["state"], code="the-code")
    assert answer.status_code == 200, answer.text
    assert "Acme &lt;Inc&gt; is connected" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    query = parse_qs(urlsplit(provider.to("oauth.v2.access")[0].path).query)
    assert query == {"code": ["the-code"], "redirect_uri": ["https://hub.example/oauth/slack/callback"]}
    after: Any = client.get(f"{team}/qr").json
    assert (after["status"], after["message"]) == ("connected", "Already connected")


def test_the_token_is_kept_as_a_secret_and_calls_find_the_instance(client: FlaskClient, deps: Deps, team: str) -> None:
    back(client, state=link_parameters(client, team)["state"], code="the-code")
    instance = instances.find_cached(deps, address=("slack", "A0MDYCDME:T061EG9R6"))
    assert instance is not None
    assert (instance.name, instance.display_name) == ("team", "Acme <Inc>")
    assert "xoxb-granted" not in instance.model_dump_json()
    assert instances.credentials(deps, instance)["bot_token"] == "xoxb-granted"


def assert_refused(answer: TestResponse, status: int, expected: str, provider: Stub) -> None:
    assert answer.status_code == status, answer.text
    assert expected in answer.text
    assert answer.mimetype == "text/html"


def test_a_state_is_good_once(client: FlaskClient, team: str, provider: Stub) -> None:
    state = link_parameters(client, team)["state"]
    assert back(client, state=state, code="one").status_code == 200
    assert_refused(back(client, state=state, code="two"), 409, "used already", provider)
    assert len(provider.to("oauth.v2.access")) == 1


def test_of_two_that_come_at_once_one_is_taken(client: FlaskClient, deps: Deps, team: str, provider: Stub) -> None:
    beginning = start(client, link_of(client, team))
    [state] = parse_qs(urlsplit(beginning.headers["Location"]).query)["state"]
    cookie = {"Cookie": beginning.headers["Set-Cookie"].partition(";")[0]}

    def come(code: str) -> int:
        query = {"state": state, "code": code}
        own_client = client.application.test_client(use_cookies=False)
        return own_client.get("/oauth/slack/callback", query_string=query, headers=cookie).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(come, "abcd")) == [200, 409, 409, 409]
    assert len(provider.to("oauth.v2.access")) == 1


FORGED: dict[str, Callable[[Deps], str]] = {
    "nonsense": lambda deps: "nonsense",
    "a signed one": lambda deps: sign(_login(deps), access_key(deps)),
    "what is stored of one": lambda deps: deps.store.find("install_states").documents[0].id,
}


def _login(deps: Deps) -> AccessClaims:
    issued, expires = span(deps.now(), 600)
    return AccessClaims(user_id="u", tenant_id="default", email="a@b.example", role=Role.OWNER, iat=issued, exp=expires)


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_strangers_state_is_refused(
    client: FlaskClient, deps: Deps, team: str, provider: Stub, forged: Callable[[Deps], str]
) -> None:
    link_parameters(client, team)
    assert_refused(back(client, state=forged(deps), code="c"), 401, "Not connected", provider)
    assert provider.to("oauth.v2.access") == []


def test_a_state_is_no_login(client: FlaskClient, deps: Deps, team: str) -> None:
    state = link_parameters(client, team)["state"]
    configured = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("the-key")}))
    door = create_app(configured, blueprints()).test_client()
    assert door.get(PATH, headers={"Authorization": f"Bearer {state}"}).status_code == 401


def test_a_link_of_an_instance_that_is_gone_or_another_is_refused(
    client: FlaskClient, new: dict[str, Any], team: str, provider: Stub
) -> None:
    create(client, new, "second", channel_type="slack")
    state = link_parameters(client, team)["state"]
    assert client.put(team, json={"channel_type": "discord"}).status_code == 200
    assert_refused(back(client, state=state, code="c"), 401, "another type", provider)
    assert client.delete(team).status_code == 204
    assert_refused(back(client, state=state, code="c"), 401, "is gone", provider)


def test_an_account_belongs_to_one_instance(
    client: FlaskClient, new: dict[str, Any], team: str, provider: Stub
) -> None:
    create(client, new, "second", channel_type="slack")
    assert back(client, state=link_parameters(client, team)["state"], code="c").status_code == 200
    second = link_parameters(client, f"{PATH}/second")["state"]
    assert_refused(back(client, state=second, code="c"), 409, "already connected to another channel", provider)
    assert client.get(f"{PATH}/second/status").json["status"] == "disconnected"  # type: ignore[index]


def test_installing_again_renews_the_token(client: FlaskClient, deps: Deps, team: str, provider: Stub) -> None:
    for token in ("xoxb-old", "xoxb-new"):
        provider.on("POST", "/oauth.v2.access", Reply(json=GRANTED | {"access_token": token}))
        assert back(client, state=link_parameters(client, team)["state"], code="c").status_code == 200
    instance = instances.by_key(deps, "default", "team")
    assert instances.credentials(deps, instance)["bot_token"] == "xoxb-new"


def test_who_says_no_at_slack_is_told_so(client: FlaskClient, team: str, provider: Stub) -> None:
    state = link_parameters(client, team)["state"]
    assert_refused(
        back(client, state=state, error="access_denied<script>"), 400, "access_denied&lt;script&gt;", provider
    )
    assert back(client, state=state, code="c").status_code == 200


@pytest.mark.parametrize("query", [{}, {"state": "x"}, {"code": "x"}])
def test_a_call_without_state_or_code_is_refused(client: FlaskClient, provider: Stub, query: dict[str, str]) -> None:
    assert_refused(back(client, **query), 400, "state or code is missing", provider)


@pytest.mark.parametrize("name", ["discord", "telegram_bot", "nothing"])
def test_other_channels_are_not_installed(client: FlaskClient, name: str) -> None:
    assert client.get(f"/oauth/{name}/callback", query_string={"state": "x", "code": "y"}).status_code == 404


def test_slack_being_down_is_told_and_costs_the_link(client: FlaskClient, team: str, provider: Stub) -> None:
    provider.on("POST", "/oauth.v2.access", Reply(503))
    state = link_parameters(client, team)["state"]
    assert_refused(back(client, state=state, code="c"), 503, "Ask for a new link", provider)
    assert_refused(back(client, state=state, code="c"), 409, "used already", provider)


def test_an_agent_and_another_tenant_get_no_link(client: FlaskClient, deps: Deps, team: str) -> None:
    assert client.get(f"{team}/qr", headers=key_for(deps, "default", Role.AGENT)).status_code == 403
    assert client.get(f"{team}/qr", headers=key_for(deps, "other")).status_code == 404


def test_a_stranger_who_tries_and_tries_is_slowed_down(client: FlaskClient) -> None:
    answers = {back(client, state="x", code="y").status_code for _ in range(80)}
    assert answers == {401, 429}


def test_another_browser_cannot_finish_what_this_one_began(client: FlaskClient, team: str, provider: Stub) -> None:
    state = link_parameters(client, team)["state"]
    other = client.application.test_client()
    assert_refused(back(other, state=state, code="intruder"), 401, "another browser", provider)
    assert provider.to("oauth.v2.access") == []
    assert back(client, state=state, code="mine").status_code == 200


def test_a_link_that_nobody_began_with_finishes_nothing(client: FlaskClient, team: str, provider: Stub) -> None:
    [token] = parse_qs(urlsplit(link_of(client, team)).query)["link"]
    assert_refused(back(client, state=token, code="c"), 401, "another browser", provider)
    assert provider.to("oauth.v2.access") == []


def test_a_link_belongs_to_the_browser_that_began_with_it(client: FlaskClient, team: str, provider: Stub) -> None:
    link = link_of(client, team)
    assert start(client, link).status_code == 303
    assert_refused(start(client.application.test_client(), link), 401, "another browser", provider)
    assert start(client, link).status_code == 303


def test_looking_at_a_link_begins_nothing(client: FlaskClient, team: str) -> None:
    link = link_of(client, team)
    preview = client.application.test_client().get(link.removeprefix("https://hub.example"))
    assert preview.status_code == 200
    assert "the channel team of" in preview.text
    assert "slack.com" in preview.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in preview.headers
    assert start(client, link).status_code == 303


def test_the_browsers_secret_is_for_no_script_and_no_other_site(client: FlaskClient, team: str) -> None:
    cookie = start(client, link_of(client, team)).headers["Set-Cookie"]
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/oauth/", "Max-Age=3600"):
        assert attribute in cookie


def test_two_installations_go_on_in_one_browser(client: FlaskClient, new: dict[str, Any], team: str) -> None:
    create(client, new, "second", channel_type="slack")
    first, second = (link_parameters(client, path)["state"] for path in (team, f"{PATH}/second"))
    assert back(client, state=first, code="c").status_code == 200
    assert back(client, state=second, code="c").status_code == 409  # the same account


def test_without_an_address_of_the_hub_there_is_no_link_and_an_earlier_one_ends(
    deps: Deps, client: FlaskClient, team: str
) -> None:
    [token] = parse_qs(urlsplit(link_of(client, team)).query)["link"]
    [instance] = instances.list_page(deps, "default")
    nameless = replace(deps, settings=deps.settings.model_copy(update={"public_url": None}))
    links = installing.links(nameless, instance)
    assert links is not None
    assert (links.auth_url, "PUBLIC_URL" in links.message) == (None, True)
    with pytest.raises(Unauthorized):
        installing.begin(nameless, "slack", token, "browser")
    with pytest.raises(NotFound):
        installing.finish(nameless, "slack", token, "code", "browser")


def test_a_link_ends_when_the_app_is_not_set_any_more(deps: Deps, client: FlaskClient, team: str) -> None:
    link = link_of(client, team)
    refused = start(_client_with(deps, slack_client_id=None), link)
    assert refused.status_code == 401
    assert "not connected so any more" in refused.text
    assert start(client, link).status_code == 303


def _client_with(deps: Deps, **settings: object) -> FlaskClient:
    changed = replace(deps, settings=deps.settings.model_copy(update=settings))
    return create_app(changed, blueprints()).test_client()


def test_a_configuration_that_cannot_be_used_is_named_instead_of_a_link(
    deps: Deps, client: FlaskClient, team: str
) -> None:
    [stored] = instances.list_page(deps, "default")
    deps.store.commit([Merge(refs.instance(stored.id), {"config": {"client_id": ["not", "a", "text"]}})])
    answer: Any = client.get(f"{team}/qr").json
    assert answer["auth_url"] is None
    assert "client_id" in answer["message"]
