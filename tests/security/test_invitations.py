"""Nobody is made a user without wanting to, and nobody's e-mail address is taken by others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnichat import auth, link_pages, users
from infra import operate
from shared.deps import Deps
from shared.documents import ids
from shared.domain.accounts import Role
from shared.ports.store import Ref, Set
from shared.security.tokens import fingerprint
from shared.usecases.accounts.accounts import MAX_TENANTS, MOST_COMPARED
from shared.usecases.accounts.users import list_invitations
from tests.functions.keys import key_for
from tests.functions.omnichat.accounts import (
    PASSWORD,
    Account,
    account_of,
    client_of,
    invite,
    join,
    me,
    sign_in,
    sign_up,
)

BOB = "bob@example.com"
OWN = "bob's own passphrase"


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api, users.api, link_pages.api)


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client)


@pytest.fixture
def stranger(client: FlaskClient, owner: Account) -> Account:
    """The owner of another tenant, who means no good."""
    return sign_up(client, "eve@example.com")


def _accept(client: FlaskClient, token: str, **choices: str) -> Any:
    return client.post("/api/auth/link", json={"token": token, "password": OWN, **choices})


def _listed(client: FlaskClient, account: Account) -> list[dict[str, Any]]:
    answer: Any = client.get("/api/users/invitations", headers=account.headers).json
    invitations: list[dict[str, Any]] = answer["invitations"]
    return invitations


def test_who_was_invited_is_no_user_until_they_accept(client: FlaskClient, owner: Account) -> None:
    token = invite(client, owner.headers, "agent", BOB)
    assert sign_in(client, BOB, OWN).status_code == 401
    [pending] = _listed(client, owner)
    assert set(pending) == {"id", "email", "name", "role", "createdAt", "expiresAt"}
    joined = account_of(_accept(client, token, name="Bob").json)
    user: Any = me(client, joined.access).json
    assert (joined.tenant_id, user["user"]["role"], user["user"]["name"]) == (owner.tenant_id, "agent", "Bob")
    assert _listed(client, owner) == []
    assert _accept(client, token).status_code == 401


def test_an_invitation_takes_nobodys_address(client: FlaskClient, owner: Account, stranger: Account) -> None:
    invite(client, stranger.headers, "agent", BOB)
    assert join(client, owner, "agent", BOB, OWN).tenant_id == owner.tenant_id
    own = client.post("/api/auth/register", json={"email": BOB, "password": OWN})
    assert own.status_code == 201, own.text


def test_who_accepts_in_anothers_name_gets_nothing_of_theirs(
    client: FlaskClient, owner: Account, stranger: Account
) -> None:
    join(client, stranger, "agent", BOB, "what eve chose")
    join(client, owner, "agent", BOB, OWN)
    assert sign_up(client, BOB).tenant_id
    assert account_of(sign_in(client, BOB, OWN).json).tenant_id == owner.tenant_id
    assert account_of(sign_in(client, BOB, "what eve chose").json).tenant_id == stranger.tenant_id
    assert "tenants" not in sign_in(client, BOB, "what eve chose").json


def test_a_password_that_an_owner_resets_opens_their_own_tenant_alone(
    client: FlaskClient, owner: Account, stranger: Account
) -> None:
    join(client, owner, "agent", BOB, OWN)
    bob = join(client, stranger, "agent", BOB, OWN)
    answer: Any = client.post(f"/api/users/{bob.user_id}/password-reset", headers=stranger.headers).json
    assert _accept(client, answer["link"].rpartition("token=")[2], password="what eve chose").status_code == 200
    opened = sign_in(client, BOB, "what eve chose")
    assert account_of(opened.json).tenant_id == stranger.tenant_id
    assert "tenants" not in opened.json
    refused = {"email": BOB, "password": "what eve chose", "tenantId": owner.tenant_id}
    assert client.post("/api/auth/login", json=refused).status_code == 401
    assert account_of(sign_in(client, BOB, OWN).json).tenant_id == owner.tenant_id


def test_one_person_belongs_to_several_tenants_and_chooses(
    client: FlaskClient, owner: Account, stranger: Account
) -> None:
    for tenant in (owner, stranger):
        join(client, tenant, "agent", BOB, OWN)
    first = sign_in(client, BOB, OWN).json
    assert [tenant["id"] for tenant in first["tenants"]] == [owner.tenant_id, stranger.tenant_id]
    for tenant in (owner, stranger):
        body = {"email": BOB, "password": OWN, "tenantId": tenant.tenant_id}
        session = account_of(client.post("/api/auth/login", json=body).json)
        assert me(client, session.access).json["tenantId"] == tenant.tenant_id  # type: ignore[index]


def test_who_is_removed_from_one_tenant_stays_in_the_others(
    client: FlaskClient, owner: Account, stranger: Account
) -> None:
    here = join(client, owner, "agent", BOB, OWN)
    join(client, stranger, "agent", BOB, OWN)
    assert client.delete(f"/api/users/{here.user_id}", headers=owner.headers).status_code == 204
    assert me(client, here.access).status_code == 401
    assert account_of(sign_in(client, BOB, OWN).json).tenant_id == stranger.tenant_id
    assert join(client, owner, "viewer", BOB, OWN).user_id != here.user_id


def test_an_address_registers_once(client: FlaskClient, owner: Account) -> None:
    join(client, owner, "agent", BOB)
    assert sign_up(client, BOB).tenant_id != owner.tenant_id
    assert client.post("/api/auth/register", json={"email": BOB, "password": OWN}).status_code == 409


def test_strangers_who_took_an_address_into_their_tenants_keep_its_owner_out_of_nothing(
    client: FlaskClient, owner: Account, deps: Deps
) -> None:
    _take_into_tenants(deps, MOST_COMPARED)
    here = join(client, owner, "agent", BOB, OWN)
    login = {"email": BOB, "password": OWN, "tenantId": owner.tenant_id}
    answer: Any = client.post("/api/auth/login", json=login)
    assert account_of(answer.json).user_id == here.user_id
    registered = sign_up(client, BOB)
    assert account_of(sign_in(client, BOB).json).tenant_id == registered.tenant_id


def test_an_address_is_not_in_more_tenants_than_a_person_would_be(client: FlaskClient, deps: Deps) -> None:
    _take_into_tenants(deps, MAX_TENANTS)
    token = invite(client, key_for(deps, "one-more", Role.OWNER), "agent", BOB)
    assert _accept(client, token).status_code == 409
    assert client.post("/api/auth/register", json={"email": BOB, "password": OWN}).status_code == 201


def test_a_sign_in_that_compares_many_passwords_counts_as_many(client: FlaskClient, deps: Deps) -> None:
    for number in range(MOST_COMPARED):
        join(client, key_for(deps, f"t{number}", Role.OWNER), "agent", BOB)
    statuses = [sign_in(client, BOB).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def _take_into_tenants(deps: Deps, count: int) -> None:
    memberships = [{"tenant_id": f"t{n}", "user_id": f"u{n}"} for n in range(count)]
    fields = {"memberships": memberships, "created_at": deps.now()}
    deps.store.commit([Set(Ref("emails", ids.email(BOB)), fields)])


def test_of_many_who_accept_at_once_one_becomes_the_user(client: FlaskClient, owner: Account) -> None:
    tokens = [invite(client, owner.headers, "agent", BOB) for _ in range(2)]
    app = client.application
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda n: _accept(app.test_client(), tokens[n % 2]).status_code, range(4)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 409}
    listed: Any = client.get("/api/users", headers=owner.headers).json
    assert [user["email"] for user in listed["users"]] == ["ann@example.com", BOB]


def test_an_invitation_ends_after_a_week_or_when_it_is_withdrawn(
    client: FlaskClient, owner: Account, stranger: Account, deps: Deps
) -> None:
    token = invite(client, owner.headers, "agent", BOB)
    late = client_of(deps, auth.api, users.api, later=timedelta(days=7, seconds=1))
    assert _accept(late, token).status_code == 401
    [pending] = _listed(client, owner)
    path = f"/api/users/invitations/{pending['id']}"
    assert client.delete(path, headers=stranger.headers).status_code == 404
    assert client.delete(path, headers=owner.headers).status_code == 204
    assert _accept(client, token).status_code == 401


def test_a_link_of_another_kind_is_no_invitation_to_withdraw(client: FlaskClient, owner: Account) -> None:
    bob = join(client, owner, "agent", BOB)
    answer: Any = client.post(f"/api/users/{bob.user_id}/password-reset", headers=owner.headers).json
    token = answer["link"].rpartition("token=")[2]
    path = f"/api/users/invitations/{fingerprint(token)}"
    assert client.delete(path, headers=owner.headers).status_code == 404
    assert _accept(client, token).status_code == 200


def test_an_admin_invites_and_withdraws_below_admins_alone(client: FlaskClient, owner: Account) -> None:
    admin = join(client, owner, "admin", "ada@example.com")
    for role in ("owner", "admin"):
        body = {"email": BOB, "role": role}
        assert client.post("/api/users", json=body, headers=admin.headers).status_code == 403
    invite(client, owner.headers, "admin", BOB)
    [pending] = _listed(client, admin)
    assert client.delete(f"/api/users/invitations/{pending['id']}", headers=admin.headers).status_code == 403


@pytest.mark.parametrize("change", ["demoted", "removed"])
def test_what_a_user_offered_ends_with_their_right_to_offer_it(
    client: FlaskClient, owner: Account, change: str
) -> None:
    admin = join(client, owner, "admin", "ada@example.com")
    token = invite(client, admin.headers, "agent", BOB)
    path = f"/api/users/{admin.user_id}"
    if change == "removed":
        client.delete(path, headers=owner.headers)
    else:
        client.patch(path, json={"role": "agent"}, headers=owner.headers)
    assert _accept(client, token).status_code == 401


def test_no_password_is_chosen_for_others(client: FlaskClient, owner: Account) -> None:
    body = {"email": BOB, "role": "agent", "password": PASSWORD}
    answer: Any = client.post("/api/users", json=body, headers=owner.headers)
    assert answer.status_code == 400
    assert set(answer.json["fields"]) == {"password"}


def test_the_page_of_an_invitation_says_for_whom_it_is(client: FlaskClient, owner: Account) -> None:
    token = invite(client, owner.headers, "agent", BOB)
    page = client.get("/api/auth/link", query_string={"token": token})
    assert BOB in page.text
    done = client.post("/api/auth/link/form", data={"token": token, "password": OWN, "name": ""})
    assert done.status_code == 303, done.text
    assert sign_in(client, BOB, OWN).status_code == 200


def test_the_operator_invites_an_owner(
    client: FlaskClient, deps: Deps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(deps.settings.data_dir))
    assert operate.main(["invite", "Ann@Example.com", "--tenant", "default"]) == 0
    token = capsys.readouterr().out.rpartition("token=")[2].split('"')[0]
    session: Any = _accept(client, token).json
    assert (session["user"]["email"], session["user"]["role"]) == ("ann@example.com", "owner")
    assert session["tenant"]["id"] == "default"


def test_an_address_as_the_former_version_stored_it_is_read(client: FlaskClient, owner: Account, deps: Deps) -> None:
    former = {"tenant_id": owner.tenant_id, "user_id": owner.user_id, "created_at": deps.now()}
    deps.store.commit([Set(Ref("emails", ids.email("ann@example.com")), former)])
    assert account_of(sign_in(client).json).user_id == owner.user_id
    assert client.post("/api/auth/register", json={"email": "ann@example.com", "password": OWN}).status_code == 409
    assert join(client, key_for(deps, "other", Role.OWNER), "agent", "ann@example.com").tenant_id == "other"
    assert len(sign_in(client).json["tenants"]) == 2


def test_the_list_has_what_can_still_be_accepted_and_nothing_else(
    client: FlaskClient, owner: Account, stranger: Account
) -> None:
    bob = join(client, owner, "agent", BOB)
    client.post(f"/api/users/{bob.user_id}/password-reset", headers=owner.headers)
    invite(client, stranger.headers, "agent", "dan@example.com")
    emails = [f"{name}@example.com" for name in ("zoe", "eve2", "max")]
    for email in emails:
        invite(client, owner.headers, "agent", email)
    assert [each["email"] for each in _listed(client, owner)] == emails
    path = "/api/users/invitations?limit=2"
    first: Any = client.get(path, headers=owner.headers).json
    second: Any = client.get(f"{path}&cursor={first['nextCursor']}", headers=owner.headers).json
    pages = [[each["email"] for each in page["invitations"]] for page in (first, second)]
    assert (pages, second["nextCursor"]) == ([emails[:2], emails[2:]], None)


@pytest.mark.parametrize(("seconds", "is_valid"), [(-1, True), (0, False)], ids=["until", "from"])
def test_the_list_and_the_link_agree_on_the_second_at_which_it_ends(
    client: FlaskClient, owner: Account, deps: Deps, seconds: int, is_valid: bool
) -> None:
    token = invite(client, owner.headers, "agent", BOB)
    [pending], _ = list_invitations(deps, owner.tenant_id)
    ends_at = pending.expires_at
    then = replace(deps, now=lambda: ends_at + timedelta(seconds=seconds))
    left, cursor = list_invitations(then, owner.tenant_id)
    assert ([link.email for link in left], cursor) == ([BOB] if is_valid else [], None)
    assert _accept(client_of(then, auth.api), token).status_code == (200 if is_valid else 401)
