"""What tokens are signed with, and that who can only verify them cannot make any."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from functions.omnichat import auth
from infra.deployables import load
from shared.bootstrap import bootstrap
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.errors import ConfigurationInvalid
from shared.security.tokens import Ed25519Key
from tests.functions.omnichat.accounts import account_of, client_of, me, refresh, sign_in, sign_up

SECRET = "a-secret-of-more-than-32-bytes-for-tests"


def _pem(key: Ed25519PrivateKey) -> tuple[str, str]:
    """A key pair as operators give it."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


PRIVATE, PUBLIC = _pem(Ed25519PrivateKey.generate())
OTHER_PRIVATE, OTHER_PUBLIC = _pem(Ed25519PrivateKey.generate())


def _with(deps: Deps, **variables: str) -> Deps:
    keys = load_settings(variables)
    names = ("jwt_private_key", "jwt_public_key", "jwt_secret", "jwt_refresh_secret")
    return replace(deps, settings=deps.settings.model_copy(update={name: getattr(keys, name) for name in names}))


@pytest.fixture
def signing(deps: Deps) -> Deps:
    return _with(deps, JWT_PRIVATE_KEY=PRIVATE)


@pytest.fixture
def verifying(deps: Deps) -> Deps:
    return _with(deps, JWT_PUBLIC_KEY=PUBLIC)


def test_who_has_the_public_key_alone_recognises_who_signed_in_elsewhere(signing: Deps, verifying: Deps) -> None:
    account = sign_up(client_of(signing, auth.api))
    assert jwt.get_unverified_header(account.access)["alg"] == "EdDSA"
    assert me(client_of(verifying, auth.api), account.access).status_code == 200
    assert refresh(client_of(signing, auth.api), account.refresh).status_code == 200


def test_who_has_the_public_key_alone_cannot_sign_anybody_in(signing: Deps, verifying: Deps) -> None:
    sign_up(client_of(signing, auth.api))
    answer = sign_in(client_of(verifying, auth.api))
    assert answer.status_code == 500
    assert "JWT" not in answer.text


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def test_a_token_that_was_made_with_what_everybody_may_know_is_refused(signing: Deps, verifying: Deps) -> None:
    account = sign_up(client_of(signing, auth.api))
    raw = verifying.settings.jwt_public_key or ""
    claims = _claims(account.access)
    forged = [jwt.encode(claims, key, algorithm="HS256") for key in (raw, bytes.fromhex(raw), PUBLIC.replace("-", "_"))]
    other = Ed25519Key(
        (load_settings({"JWT_PRIVATE_KEY": OTHER_PRIVATE}).jwt_private_key or SecretStr("")).get_secret_value()
    )
    forged += [jwt.encode(claims, other.key, algorithm="EdDSA"), _unsigned(account.access)]
    for deps in (signing, verifying, _with(signing, JWT_PUBLIC_KEY=PUBLIC, JWT_SECRET=SECRET)):
        assert [me(client_of(deps, auth.api), token).status_code for token in forged] == [401] * len(forged)


def test_tokens_of_the_secret_are_good_until_it_is_taken_away(deps: Deps) -> None:
    former, both = _with(deps, JWT_SECRET=SECRET), _with(deps, JWT_SECRET=SECRET, JWT_PRIVATE_KEY=PRIVATE)
    account = sign_up(client_of(former, auth.api))
    client = client_of(both, auth.api)
    assert me(client, account.access).status_code == 200
    renewed = account_of(refresh(client, account.refresh).json)
    assert jwt.get_unverified_header(renewed.access)["alg"] == "EdDSA"
    only = client_of(_with(deps, JWT_PRIVATE_KEY=PRIVATE), auth.api)
    assert [me(only, token).status_code for token in (account.access, renewed.access)] == [401, 200]


def test_the_key_that_signs_is_deployed_only_where_people_sign_in() -> None:
    rows = load().functions
    assert {name for name, row in rows.items() if "JWT_PRIVATE_KEY" in row.secrets} == {"omnichat", "hub"}


@pytest.mark.parametrize(
    "written",
    [
        PRIVATE,
        PRIVATE.replace("\n", "\\n"),
        "".join(PRIVATE.splitlines()[1:-1]),
        f"  {''.join(PRIVATE.splitlines()[1:-1])}\n",
    ],
    ids=["PEM", "escaped", "base64", "blanks around"],
)
def test_a_key_may_be_written_in_one_line(written: str) -> None:
    key = load_settings({"JWT_PRIVATE_KEY": written, "JWT_PUBLIC_KEY": PUBLIC}).jwt_private_key
    assert key == load_settings({"JWT_PRIVATE_KEY": PRIVATE}).jwt_private_key


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"JWT_PRIVATE_KEY": PUBLIC}, "JWT_PRIVATE_KEY"),
        ({"JWT_PUBLIC_KEY": PRIVATE}, "JWT_PUBLIC_KEY"),
        ({"JWT_PRIVATE_KEY": PRIVATE[:40]}, "JWT_PRIVATE_KEY"),
        ({"JWT_PRIVATE_KEY": "ä" * 64}, "JWT_PRIVATE_KEY"),
    ],
)
def test_a_key_that_cannot_be_used_stops_the_start_and_is_not_shown(variables: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=f"^{named}: ") as refused:
        load_settings(variables)
    assert "".join(PRIVATE.splitlines()[1:-1])[:20] not in str(refused.value)


def test_keys_that_do_not_belong_together_stop_the_start(tmp_path: Path) -> None:
    variables = {"JWT_PRIVATE_KEY": PRIVATE, "JWT_PUBLIC_KEY": OTHER_PUBLIC, "DATA_DIR": str(tmp_path)}
    with pytest.raises(ConfigurationInvalid, match=r"^JWT_PUBLIC_KEY: "):
        bootstrap(load_settings(variables))


@pytest.mark.parametrize("variables", [{"JWT_PUBLIC_KEY": PUBLIC}, {"JWT_PRIVATE_KEY": PRIVATE}])
def test_production_starts_without_a_shared_secret(variables: dict[str, str]) -> None:
    settings: Settings = load_settings({"ENVIRONMENT": "production", **variables})
    assert settings.production
    assert "".join(PRIVATE.splitlines()[1:-1]) not in repr(settings)
