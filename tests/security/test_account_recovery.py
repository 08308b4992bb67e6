"""Getting an account back from somebody who knows its password or holds its tokens."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnichat import auth, link_pages, users
from infra import operate
from shared.cache import TTLCache
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.ports.store import Delete, Merge, Ref
from shared.security.tokens import AccessClaims, sign, span
from shared.usecases.accounts.credentials import access_key
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.functions.omnichat.accounts import (
    PASSWORD,
    Account,
    account_of,
    client_of,
    join,
    me,
    refresh,
    sign_in,
    sign_up,
)
from tests.security.account_links import follow

NEW = "a quite different passphrase"


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api, users.api, link_pages.api)


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client)


def _agent(client: FlaskClient, owner: Account, role: str = "agent", email: str = "bob@example.com") -> Account:
    return join(client, owner, role, email)


def _again(client: FlaskClient) -> Account:
    return account_of(sign_in(client).json)


def _change(client: FlaskClient, account: Account, current: str = PASSWORD, new: str = NEW) -> Any:
    body = {"currentPassword": current, "newPassword": new}
    return client.post("/api/auth/password", json=body, headers=account.headers)


def _sessions(client: FlaskClient, account: Account) -> list[dict[str, Any]]:
    answer: Any = client.get("/api/auth/sessions", headers=account.headers)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json["sessions"]
    return listed


def _is_in(client: FlaskClient, account: Account) -> bool:
    return me(client, account.access).status_code == 200


def _can_refresh(client: FlaskClient, account: Account) -> bool:
    return refresh(client, account.refresh).status_code == 200


def test_who_signs_out_ends_both_tokens_and_no_other_session(client: FlaskClient, owner: Account) -> None:
    other = _again(client)
    assert client.post("/api/auth/logout", headers=owner.headers).status_code == 204
    assert not _is_in(client, owner)
    assert not _can_refresh(client, owner)
    assert _is_in(client, other)
    assert _can_refresh(client, other)


def test_tokens_that_were_refreshed_end_with_their_session(client: FlaskClient, owner: Account) -> None:
    child = account_of(refresh(client, owner.refresh).json)
    assert client.post("/api/auth/logout", headers=owner.headers).status_code == 204
    assert not _is_in(client, child)
    assert not _can_refresh(client, child)


def test_a_viewer_looks_after_their_own_account(client: FlaskClient, owner: Account) -> None:
    viewer = _agent(client, owner, "viewer")
    fresh = account_of(_change(client, viewer).json)
    [session] = _sessions(client, fresh)
    assert client.delete(f"/api/auth/sessions/{session['id']}", headers=fresh.headers).status_code == 204
    again = account_of(sign_in(client, "bob@example.com", NEW).json)
    assert client.post("/api/auth/logout", headers=again.headers).status_code == 204


def test_who_signs_out_everywhere_ends_all_sessions(client: FlaskClient, owner: Account) -> None:
    other = _again(client)
    answer = client.post("/api/auth/logout", json={"everywhere": True}, headers=other.headers)
    assert answer.status_code == 204
    assert [_is_in(client, account) or _can_refresh(client, account) for account in (owner, other)] == [False, False]
    assert _is_in(client, _again(client))


def test_a_new_password_ends_all_other_sessions_and_begins_one(client: FlaskClient, owner: Account) -> None:
    thief = _again(client)
    answer = _change(client, owner)
    assert answer.status_code == 200, answer.text
    fresh = account_of(answer.json)
    assert [_is_in(client, account) or _can_refresh(client, account) for account in (owner, thief)] == [False, False]
    assert _is_in(client, fresh)
    assert _can_refresh(client, fresh)
    assert [sign_in(client).status_code, sign_in(client, password=NEW).status_code] == [401, 200]


def test_the_current_password_must_be_right_and_is_not_to_be_guessed(client: FlaskClient, owner: Account) -> None:
    guesses = [_change(client, owner, current=f"guess number {n}") for n in range(11)]
    assert [guess.status_code for guess in guesses] == [400] * 10 + [429]
    assert set(guesses[0].json["fields"]) == {"currentPassword"}
    assert _is_in(client, owner)


@pytest.mark.parametrize("new", ["short12", "x" * 1025])
def test_a_new_password_is_measured(client: FlaskClient, owner: Account, new: str) -> None:
    answer = _change(client, owner, new=new)
    assert answer.status_code == 400
    assert set(answer.json["fields"]) == {"newPassword"}
    assert sign_in(client).status_code == 200


def test_of_two_changes_at_once_one_is_told_to_sign_in_again(client: FlaskClient, owner: Account) -> None:
    app = client.application

    def change(n: int) -> int:
        return int(_change(app.test_client(), owner, new=f"{NEW} {n}").status_code)

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(change, range(2)))
    assert statuses.count(200) == 1
    assert sign_in(client, password=f"{NEW} {statuses.index(200)}").status_code == 200


def test_a_patch_with_a_password_is_refused_and_says_where_to_go(client: FlaskClient, owner: Account) -> None:
    path = f"/api/users/{owner.user_id}"
    for body in ({"password": NEW}, {"name": "Ann", "password": NEW}, {"password": None}):
        answer: Any = client.patch(path, json=body, headers=owner.headers)
        assert answer.status_code == 400
        assert "/api/auth/password" in answer.json["fields"]["password"]
    assert me(client, owner.access).json["user"]["name"] is None  # type: ignore[index]


def test_an_owner_sees_their_sessions_and_where_they_began(client: FlaskClient, owner: Account) -> None:
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    body = {"email": "ann@example.com", "password": PASSWORD}
    client.post("/api/auth/login", json=body, environ_base=elsewhere, headers={"User-Agent": "Thief/1.0 " + "x" * 900})
    listed = _sessions(client, owner)
    assert [session["isCurrent"] for session in listed] == [False, True]
    assert (listed[0]["address"], listed[0]["userAgent"][:10]) == ("203.0.113.7", "Thief/1.0 ")
    assert len(listed[0]["userAgent"]) == 200
    assert set(listed[0]) == {"id", "address", "userAgent", "createdAt", "lastUsedAt", "isCurrent"}


def test_a_session_that_is_ended_from_another_one_is_gone(client: FlaskClient, owner: Account) -> None:
    thief = _again(client)
    [session] = [each for each in _sessions(client, owner) if not each["isCurrent"]]
    assert client.delete(f"/api/auth/sessions/{session['id']}", headers=owner.headers).status_code == 204
    assert not _is_in(client, thief)
    assert not _can_refresh(client, thief)
    assert [each["isCurrent"] for each in _sessions(client, owner)] == [True]
    assert client.delete(f"/api/auth/sessions/{session['id']}", headers=owner.headers).status_code == 404


def test_sessions_of_others_are_not_there(client: FlaskClient, owner: Account) -> None:
    strangers = [_agent(client, owner), sign_up(client, "eve@example.com")]
    [session] = _sessions(client, owner)
    for stranger in strangers:
        assert session["id"] not in str(_sessions(client, stranger))
        assert client.delete(f"/api/auth/sessions/{session['id']}", headers=stranger.headers).status_code == 404
    assert _is_in(client, owner)


def test_a_refresh_token_cannot_be_named_as_a_session(client: FlaskClient, owner: Account, deps: Deps) -> None:
    tokens = [document.id for document in deps.store.find("refresh_tokens").documents]
    sessions = [session["id"] for session in _sessions(client, owner)]
    for token in set(tokens) - set(sessions):
        assert client.delete(f"/api/auth/sessions/{token}", headers=owner.headers).status_code == 404


def test_sessions_come_in_pages(client: FlaskClient, owner: Account) -> None:
    for _ in range(2):
        _again(client)
    first: Any = client.get("/api/auth/sessions?limit=2", headers=owner.headers).json
    query = {"limit": "2", "cursor": first["nextCursor"]}
    rest: Any = client.get("/api/auth/sessions", query_string=query, headers=owner.headers).json
    assert [len(page["sessions"]) for page in (first, rest)] == [2, 1]
    assert rest["nextCursor"] is None


def test_a_key_has_no_session_and_no_password(client: FlaskClient, owner: Account, deps: Deps) -> None:
    key = key_for(deps, owner.tenant_id, Role.OWNER)
    body = {"currentPassword": PASSWORD, "newPassword": NEW}
    answers = [
        client.post("/api/auth/logout", headers=key),
        client.post("/api/auth/password", json=body, headers=key),
        client.get("/api/auth/sessions", headers=key),
        client.delete("/api/auth/sessions/any", headers=key),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4


def test_a_copied_refresh_token_ends_the_access_tokens_of_its_session_too(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    child = account_of(refresh(client, account.refresh).json)
    late = client_of(deps, auth.api, later=timedelta(seconds=11))
    assert refresh(late, account.refresh).status_code == 401
    assert not _is_in(client, child)


def test_another_process_refuses_an_ended_session_within_half_a_minute(
    client: FlaskClient, owner: Account, deps: Deps
) -> None:
    seconds = [0.0]
    other = create_app(replace(deps, cache=TTLCache(lambda: seconds[0])), [auth.api]).test_client()
    assert _is_in(other, owner)
    client.post("/api/auth/logout", headers=owner.headers)
    seconds[0] = 31.0
    assert not _is_in(other, owner)


def test_an_owner_resets_a_forgotten_password(client: FlaskClient, owner: Account) -> None:
    agent = _agent(client, owner)
    answer: Any = client.post(f"/api/users/{agent.user_id}/password-reset", headers=owner.headers)
    assert answer.status_code == 201
    assert _is_in(client, agent)
    reset = follow(client, answer.json["link"], password=NEW)
    assert reset.status_code == 200, reset.text
    assert account_of(reset.json).user_id == agent.user_id
    assert not _is_in(client, agent)
    assert not _can_refresh(client, agent)
    assert [sign_in(client, "bob@example.com", word).status_code for word in (PASSWORD, NEW)] == [401, 200]
    assert follow(client, answer.json["link"], password="yet another password").status_code == 401


@pytest.mark.parametrize("change", ["demoted", "removed"])
def test_a_reset_link_ends_with_the_owner_who_made_it(client: FlaskClient, owner: Account, change: str) -> None:
    other = _agent(client, owner, "owner", "ada@example.com")
    link = client.post(f"/api/users/{owner.user_id}/password-reset", headers=other.headers).json["link"]  # type: ignore[index]
    path = f"/api/users/{other.user_id}"
    if change == "removed":
        client.delete(path, headers=owner.headers)
    else:
        client.patch(path, json={"role": "admin"}, headers=owner.headers)
    assert follow(client, link, password=NEW).status_code == 401
    assert _is_in(client, owner)


def test_reset_links_end_when_the_password_is_changed(client: FlaskClient, owner: Account) -> None:
    agent = _agent(client, owner)
    path = f"/api/users/{agent.user_id}/password-reset"
    links: list[Any] = [client.post(path, headers=owner.headers).json for _ in range(3)]
    assert follow(client, links[0]["link"], password=NEW).status_code == 200
    assert follow(client, links[1]["link"], password="yet another password").status_code == 401
    changed = account_of(sign_in(client, "bob@example.com", NEW).json)
    later: Any = client.post(path, headers=owner.headers).json
    assert _change(client, changed, current=NEW, new=PASSWORD).status_code == 200
    assert follow(client, later["link"], password="yet another password").status_code == 401


def test_of_many_who_follow_a_reset_link_at_once_one_chooses(client: FlaskClient, owner: Account) -> None:
    link = client.post(f"/api/users/{owner.user_id}/password-reset", headers=owner.headers).json["link"]  # type: ignore[index]
    app = client.application

    def choose(n: int) -> int:
        return int(follow(app.test_client(), link, password=f"{NEW} {n}").status_code)

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(choose, range(4)))
    assert sorted(statuses) == [200, 401, 401, 401]
    assert sign_in(client, password=f"{NEW} {statuses.index(200)}").status_code == 200


def test_only_an_owner_of_the_tenant_resets_passwords(client: FlaskClient, owner: Account) -> None:
    agent, admin = _agent(client, owner), _agent(client, owner, "admin", "ada@example.com")
    stranger = sign_up(client, "eve@example.com")
    path = f"/api/users/{agent.user_id}/password-reset"
    answers = [client.post(path, headers=by.headers).status_code for by in (agent, admin, stranger)]
    assert answers == [403, 403, 404]


def test_an_admin_throws_an_agent_out_who_may_come_back(client: FlaskClient, owner: Account) -> None:
    agent, admin = _agent(client, owner), _agent(client, owner, "admin", "ada@example.com")
    stranger = sign_up(client, "eve@example.com")
    assert client.delete(f"/api/users/{agent.user_id}/sessions", headers=stranger.headers).status_code == 404
    assert client.delete(f"/api/users/{owner.user_id}/sessions", headers=admin.headers).status_code == 403
    assert client.delete(f"/api/users/{agent.user_id}/sessions", headers=admin.headers).status_code == 204
    assert not _is_in(client, agent)
    assert not _can_refresh(client, agent)
    assert sign_in(client, "bob@example.com").status_code == 200


def test_the_operator_lets_the_last_owner_back_in(
    client: FlaskClient,
    owner: Account,
    deps: Deps,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATA_DIR", str(deps.settings.data_dir))
    assert operate.main(["reset-password", "Ann@Example.com", "--tenant", owner.tenant_id]) == 0
    link = json.loads(capsys.readouterr().out)["link"]
    assert follow(client, link, password=NEW).status_code == 200
    assert not _can_refresh(client, owner)
    assert sign_in(client, password=NEW).status_code == 200
    for email, tenant in (("eve@example.com", owner.tenant_id), ("ann@example.com", "another")):
        assert operate.main(["reset-password", email, "--tenant", tenant]) == 1


def test_tokens_of_the_former_version_are_good_until_everything_ends(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    issued, expires = span(deps.now(), 60)
    claims = AccessClaims(
        user_id=account.user_id,
        tenant_id=account.tenant_id,
        email="ann@example.com",
        role=Role.OWNER,
        iat=issued,
        exp=expires,
    )
    former = replace(account, access=sign(claims, access_key(deps)))
    assert _is_in(client, former)
    assert client.post("/api/auth/logout", headers=former.headers).status_code == 204
    assert [_is_in(client, former), _is_in(client, account)] == [False, False]


def test_the_operators_key_is_nobody_who_could_sign_out(deps: Deps) -> None:
    keyed = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("the-key")}))
    client = create_app(keyed, [auth.api]).test_client()
    assert client.post("/api/auth/logout", headers={"X-API-Key": "the-key"}).status_code == 400


def test_who_was_removed_elsewhere_is_told_so_while_their_token_still_counts_here(
    client: FlaskClient, owner: Account, deps: Deps
) -> None:
    assert me(client, owner.access).status_code == 200
    deps.store.commit([Delete(Ref("users", owner.user_id))])
    assert me(client, owner.access).status_code == 404


@pytest.mark.parametrize(("ended", "status"), [(199, 204), (200, 429)])
def test_only_so_many_sessions_are_ended_one_by_one(
    client: FlaskClient, owner: Account, deps: Deps, ended: int, status: int
) -> None:
    later = deps.now() + timedelta(hours=1)
    deps.store.commit([Merge(Ref("users", owner.user_id), {"ended_sign_ins": {f"s{n}": later for n in range(ended)}})])
    answer = client.post("/api/auth/logout", json={}, headers=owner.headers)
    assert answer.status_code == status, answer.text
    assert (me(client, owner.access).status_code == 200) is (status == 429)
