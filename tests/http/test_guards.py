"""Which credentials are accepted, and whom they identify."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from shared.deps import Deps
from shared.domain.accounts import ApiKey, Role
from shared.http.guards import Access
from shared.ports.store import Create, Merge, Ref, Set
from shared.security.tokens import AccessClaims, fingerprint, sign, span
from shared.usecases.accounts.credentials import access_key, forget_key
from tests.documents import a_user
from tests.http.dialect import assert_failed, bearer, client_of, dialect

KEY = SecretStr("the-operators-own-key")
PRODUCTION = {"environment": "production", "jwt_secret": SecretStr("a-secret-of-more-than-32-bytes-ok")}

WRONG_CREDENTIALS = [
    {"Authorization": "Bearer wrong"},
    {"Authorization": "bearer a.b.c"},
    {"Authorization": "Basic dXNlcjpwYXNz"},
    {"Authorization": "the-operators-own-key-without-a-scheme"},
    {"Authorization": "Bearer " + "x" * 5000},
    {"Authorization": "Bearer schl\u00fcssel"},
    {"X-API-Key": "wrong"},
]


def _client(deps: Deps, access: Access, **settings: object) -> FlaskClient:
    return client_of(deps, dialect(access), **settings)


def _stored_key(deps: Deps, secret: str, **fields: object) -> Ref:
    key = ApiKey.model_validate(
        {"id": fingerprint(secret), "tenant_id": "acme", "name": "shop", "prefix": secret[:4], "created_at": deps.now()}
        | fields
    )
    ref = Ref("api_keys", key.id)
    deps.store.commit([Create(ref, key.model_dump())])
    return ref


def _user_token(deps: Deps, role: Role) -> str:
    user = a_user(tenant_id="acme", role=role)
    deps.store.commit([Set(Ref("users", user.id), user.model_dump())])
    issued, expires = span(deps.now(), 60)
    claims = AccessClaims(user_id="u1", tenant_id="acme", email="a@b.c", role=role, iat=issued, exp=expires)
    return sign(claims, access_key(deps))


@pytest.mark.parametrize("access", [Access.HUB, Access.DASHBOARD])
def test_development_without_a_key_is_open_as_the_owner(deps: Deps, access: Access) -> None:
    assert _client(deps, access).get("/whoami").json == {
        "tenant": "default",
        "role": "owner",
        "scopes": ["secrets:read"],
    }


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8000",
        "LOCALHOST",
        "127.0.0.1:8000",
        "127.9.9.9",
        "[::1]:8000",
        "192.168.1.7:8000",
        "hub.example.com",
        "hub:8000",
        "host.docker.internal:8000",
    ],
)
def test_development_without_a_key_is_open_where_only_who_is_near_calls(deps: Deps, host: str) -> None:
    client = _client(deps, Access.HUB, public_url="https://hub.example.com")
    assert client.get("/whoami", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("access", [Access.HUB, Access.DASHBOARD])
@pytest.mark.parametrize("host", ["rebind.evil.example", "rebind.evil.example:8000", "localhost.evil.example", "["])
def test_a_name_that_somebody_made_lead_to_us_is_refused_without_a_credential(
    deps: Deps, access: Access, host: str
) -> None:
    client = _client(deps, access)
    assert client.get("/whoami", headers={"Host": host}).status_code in (400, 403)
    key = _client(deps, access, api_key=KEY)
    assert key.get("/whoami", headers=bearer(KEY.get_secret_value()) | {"Host": "a.b.example"}).status_code == 200


def test_a_name_that_is_refused_is_told_what_to_do(deps: Deps) -> None:
    refused = _client(deps, Access.HUB).get("/whoami", headers={"Host": "rebind.evil.example"})
    assert "API_KEY" in assert_failed(refused, 403, "forbidden")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://localhost:3000", 200),
        ("http://192.168.1.7:8000", 200),
        ("https://hub.example.com", 200),
        ("https://evil.example", 403),
        ("http://192.168.1.7:9000", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_a_foreign_page_writes_nothing_without_a_credential(deps: Deps, origin: str | None, status: int) -> None:
    client = _client(deps, Access.HUB, public_url="https://hub.example.com")
    headers = {"Host": "192.168.1.7:8000"} | ({"Origin": origin} if origin else {})
    assert client.post("/pets/names", json=["Rex"], headers=headers).status_code == status
    assert client.get("/whoami", headers=headers).status_code == 200


@pytest.mark.parametrize("origin", ["null", "", "https://", "https://evil.example"])
def test_a_page_without_a_name_is_foreign_too(deps: Deps, origin: str) -> None:
    answer = _client(deps, Access.HUB).post("/pets/names", json=["Rex"], headers={"Origin": origin})
    assert answer.status_code == 403


def test_the_pages_of_cors_origin_write_without_a_credential_in_development(deps: Deps) -> None:
    client = _client(deps, Access.HUB, cors_origin=("https://dash.example",))
    assert client.post("/pets/names", json=["Rex"], headers={"Origin": "https://dash.example"}).status_code == 200
    assert client.post("/pets/names", json=["Rex"], headers={"Origin": "http://localhost:3000"}).status_code == 403


def test_a_credential_dialect_is_never_open(deps: Deps) -> None:
    response = _client(deps, Access.CREDENTIAL, anonymous_tenant="acme").get("/whoami")
    assert assert_failed(response, 401, "unauthorized") == "Invalid or missing API key"
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("access", list(Access))
def test_production_without_a_key_is_closed(deps: Deps, access: Access) -> None:
    assert_failed(_client(deps, access, **PRODUCTION).get("/whoami"), 401, "unauthorized")


@pytest.mark.parametrize("access", list(Access))
def test_a_configured_key_closes_development_too(deps: Deps, access: Access) -> None:
    assert_failed(_client(deps, access, api_key=KEY).get("/whoami"), 401, "unauthorized")


def test_the_anonymous_tenant_is_for_the_dashboard_alone(deps: Deps) -> None:
    settings = {**PRODUCTION, "anonymous_tenant": "acme"}
    identity = _client(deps, Access.DASHBOARD, **settings).get("/whoami").json
    assert identity == {"tenant": "acme", "role": "agent", "scopes": []}
    assert_failed(_client(deps, Access.HUB, **settings).get("/whoami"), 401, "unauthorized")


@pytest.mark.parametrize(
    ("access", "deployed"),
    [
        *((access, PRODUCTION) for access in Access),
        *((access, {"api_key": KEY}) for access in Access),
        (Access.CREDENTIAL, {}),
        (Access.DASHBOARD, {}),
    ],
)
def test_a_wrong_credential_is_refused_even_where_none_is_needed(
    deps: Deps, access: Access, deployed: dict[str, object]
) -> None:
    client = _client(deps, access, anonymous_tenant="acme", **deployed)
    for headers in WRONG_CREDENTIALS:
        assert_failed(client.get("/whoami", headers=headers), 401, "unauthorized")


@pytest.mark.parametrize("headers", [bearer("your_api_key"), {"X-API-Key": "your_api_key"}, bearer("x" * 5000)])
def test_development_without_a_key_takes_any_key_for_none_on_the_hub(deps: Deps, headers: dict[str, str]) -> None:
    client = _client(deps, Access.HUB)
    assert client.get("/whoami", headers=headers).json == client.get("/whoami").json


@pytest.mark.parametrize(
    ("credential", "expected"),
    [("a.b.c", "Invalid or expired token"), ("omh_revoked", "Invalid or missing API key")],
)
@pytest.mark.parametrize("access", list(Access))
def test_what_the_hub_gave_out_is_refused_when_it_has_run_out(
    deps: Deps, access: Access, credential: str, expected: str
) -> None:
    response = _client(deps, access).get("/whoami", headers=bearer(credential))
    assert assert_failed(response, 401, "unauthorized") == expected


@pytest.mark.parametrize("access", list(Access))
@pytest.mark.parametrize(
    "headers",
    [
        bearer(KEY.get_secret_value()),
        {"Authorization": f"bearer  {KEY.get_secret_value()} "},
        {"x-api-key": KEY.get_secret_value()},
    ],
    ids=["bearer", "small letters", "x-api-key"],
)
def test_the_configured_key_is_the_owner_and_reads_secrets(deps: Deps, access: Access, headers: dict[str, str]) -> None:
    identity = _client(deps, access, api_key=KEY, default_tenant_id="main").get("/whoami", headers=headers).json
    assert identity == {"tenant": "main", "role": "owner", "scopes": ["secrets:read"]}


def test_a_stored_key_speaks_for_its_tenant(deps: Deps) -> None:
    _stored_key(deps, "hub_abc", role=Role.AGENT, scopes=["messages:send"])
    identity = _client(deps, Access.CREDENTIAL).get("/whoami", headers=bearer("hub_abc")).json
    assert identity == {"tenant": "acme", "role": "agent", "scopes": ["messages:send"]}


def test_a_key_made_after_it_was_refused_works_at_once(deps: Deps) -> None:
    client = _client(deps, Access.CREDENTIAL)
    assert client.get("/whoami", headers=bearer("hub_new")).status_code == 401
    _stored_key(deps, "hub_new")
    assert client.get("/whoami", headers=bearer("hub_new")).status_code == 200


def test_a_revoked_key_is_refused(deps: Deps) -> None:
    client = _client(deps, Access.CREDENTIAL)
    ref = _stored_key(deps, "hub_gone")
    assert client.get("/whoami", headers=bearer("hub_gone")).status_code == 200
    deps.store.commit([Merge(ref, {"revoked": True})])
    forget_key(deps, ref.id)
    assert_failed(client.get("/whoami", headers=bearer("hub_gone")), 401, "unauthorized")


def test_an_expired_key_is_refused(deps: Deps) -> None:
    _stored_key(deps, "hub_old", expires_at=deps.now() - timedelta(seconds=1))
    _stored_key(deps, "hub_young", expires_at=deps.now() + timedelta(hours=1))
    client = _client(deps, Access.CREDENTIAL)
    assert client.get("/whoami", headers=bearer("hub_old")).status_code == 401
    assert client.get("/whoami", headers=bearer("hub_young")).status_code == 200


@pytest.mark.parametrize(
    ("role", "scopes"),
    [(Role.OWNER, ["secrets:read"]), (Role.ADMIN, ["secrets:read"]), (Role.AGENT, []), (Role.VIEWER, [])],
)
@pytest.mark.parametrize("access", list(Access))
def test_a_users_token_works_on_every_dialect(deps: Deps, access: Access, role: Role, scopes: list[str]) -> None:
    headers = bearer(_user_token(deps, role))
    identity = _client(deps, access).get("/whoami", headers=headers).json
    assert identity == {"tenant": "acme", "role": role.value, "scopes": scopes}


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.AGENT, 403), (Role.VIEWER, 403)]
)
def test_a_view_may_require_a_role(deps: Deps, role: Role, status: int) -> None:
    response = _client(deps, Access.HUB).delete("/everything", headers=bearer(_user_token(deps, role)))
    assert response.status_code == status


def test_a_viewer_only_reads(deps: Deps) -> None:
    client, headers = _client(deps, Access.HUB), bearer(_user_token(deps, Role.VIEWER))
    assert client.get("/pets/rex", headers=headers).status_code == 200
    assert_failed(client.post("/pets", json={"name": "Rex"}, headers=headers), 403, "forbidden")


def test_an_open_view_asks_nobody(deps: Deps) -> None:
    client = _client(deps, Access.CREDENTIAL)
    assert client.get("/open").status_code == 200
    assert client.get("/open", headers=bearer("wrong")).status_code == 200


def test_a_body_is_not_read_before_the_caller_is_known(deps: Deps) -> None:
    assert_failed(_client(deps, Access.CREDENTIAL).post("/pets", data=b"{"), 401, "unauthorized")
