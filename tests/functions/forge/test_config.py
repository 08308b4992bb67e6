"""Forge's settings: what is stored, what is refused, and who sees the key."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from functions.forge.main import blueprints
from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.errors import SecretLost
from shared.ports.secrets import Secrets
from shared.ports.store import Ref
from tests.apps import create_app
from tests.functions.forge.conftest import KEY, Door
from tests.functions.keys import key_for

MASK = "••••"


def _secret_name(deps: Deps, tenant_id: str = "default") -> Any:
    ref = Ref("forge_settings", tenant_id)
    return deps.store.get([ref])[ref].data["secret_name"]


def test_unconfigured_settings_are_the_defaults(door: Door) -> None:
    assert door.read() == door.golden("default_settings")


def test_what_is_saved_is_answered_and_read_again(door: Door) -> None:
    settings = door.golden("settings")
    assert door.write(settings) == settings | {"success": True}
    assert door.read() == settings
    assert list(door.read()["omni_config"]) == list(settings["omni_config"])


def test_settings_outlive_a_restart(door: Door, settings: Settings) -> None:
    door.write(door.golden("settings"))
    restarted = bootstrap(settings)
    try:
        assert replace(door, client=create_app(restarted, blueprints()).test_client()).read() == door.golden("settings")
    finally:
        close(restarted)


def test_the_key_lies_nowhere_in_clear(door: Door, deps: Deps) -> None:
    door.write(door.golden("settings"))
    for path in deps.settings.data_dir.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()
    for path in deps.settings.data_dir.rglob("*.db"):
        with sqlite3.connect(path) as database:
            assert KEY not in "\n".join(database.iterdump())


@pytest.mark.parametrize(("scopes", "expected"), [((), MASK), (("secrets:read",), KEY)])
def test_the_key_is_masked_for_who_may_not_read_it(door: Door, deps: Deps, scopes: Any, expected: str) -> None:
    own = replace(door, headers=key_for(deps, "acme", scopes=scopes))
    assert own.write(own.golden("settings"))["omni_config"]["api_key"] == KEY
    assert own.read()["omni_config"]["api_key"] == expected


@pytest.mark.parametrize("form", ["masked", "left out"])
def test_a_round_trip_keeps_the_key(door: Door, deps: Deps, form: str) -> None:
    own = replace(door, headers=key_for(deps, "acme"))
    own.write(own.golden("settings"))
    settings = own.read()
    settings["omni_config"]["instance"] = "another"
    if form == "left out":
        del settings["omni_config"]["api_key"]
    assert own.write(settings)["omni_config"] == own.read()["omni_config"]
    assert own.read()["omni_config"]["instance"] == "another"
    assert deps.secrets.read(_secret_name(deps, "acme")) == {"api_key": KEY}


def test_where_no_key_is_kept_the_address_is_changed_by_who_may_not_read_one(door: Door, deps: Deps) -> None:
    own = replace(door, headers=key_for(deps, "acme"))
    for host in (door.omni.url, "http://localhost:1"):
        body = own.config(host=host)
        del body["omni_config"]["api_key"]
        assert own.write(body)["omni_config"]["host"] == host


@pytest.mark.parametrize("nothing", ["null", "empty", "no config"])
def test_disconnecting_destroys_the_key(door: Door, deps: Deps, nothing: str) -> None:
    door.write(door.golden("settings"))
    former = _secret_name(deps)
    empty_settings = door.golden("default_settings")
    if nothing == "empty":
        empty_settings["omni_config"] |= dict.fromkeys(
            ("host", "api_key", "instance", "recipient", "recipient_type"), ""
        )
    answer = door.write(empty_settings if nothing != "no config" else {"omni_enabled": False, "omni_config": None})
    assert answer == door.golden("default_settings") | {"success": True}
    assert door.read() == door.golden("default_settings")
    assert deps.secrets.read(former) == {}


def test_a_new_key_destroys_the_old_one(door: Door, deps: Deps) -> None:
    door.write(door.config())
    former = _secret_name(deps)
    door.write(door.config(api_key="another-key-5678"))
    assert deps.secrets.read(former) == {}
    assert door.read()["omni_config"]["api_key"] == "another-key-5678"


def test_a_kept_key_does_not_go_to_another_host(door: Door, deps: Deps) -> None:
    own = replace(door, headers=key_for(deps, "acme"))
    own.write(own.config())
    for host in ("https://elsewhere.example", None):
        refused = own.config(host=host, api_key=MASK)
        if host is None:
            own.write(refused)
            refused = own.config(host="https://elsewhere.example", api_key=MASK)
        assert set(own.write(refused, 400)["fields"]) == {"omni_config.api_key"}
    reader = replace(door, headers=key_for(deps, "acme", scopes=["secrets:read"]))
    reader.write(own.config(host="https://elsewhere.example", api_key=MASK))
    assert reader.read()["omni_config"]["api_key"] == KEY


@pytest.mark.parametrize(
    ("omni", "field"),
    [
        ({"host": "nonsense"}, "omni_config.host"),
        ({"host": "ftp://omni.example"}, "omni_config.host"),
        ({"host": "file:///etc/passwd"}, "omni_config.host"),
        ({"host": "gopher://omni.example"}, "omni_config.host"),
        ({"host": "http://omni example"}, "omni_config.host"),
        ({"host": "http://user:hunter2@omni.example"}, "omni_config.host"),
        ({"host": "http://169.254.169.254"}, "omni_config.host"),
        ({"host": "http://metadata.google.internal"}, "omni_config.host"),
        ({"host": "http://[::ffff:169.254.169.254]"}, "omni_config.host"),
        ({"host": "http://2852039166"}, "omni_config.host"),
        ({"host": "http://[::1"}, "omni_config.host"),
        ({"host": "http://omni.example:port"}, "omni_config.host"),
        ({"host": "http://omni.example/?x=1"}, "omni_config.host"),
        ({"host": "http://omni.example/#x"}, "omni_config.host"),
        ({"host": 7}, "omni_config.host"),
        ({"api_key": "with space"}, "omni_config.api_key"),
        ({"api_key": "a\r\nx-injected: 1"}, "omni_config.api_key"),
        ({"api_key": "ключ"}, "omni_config.api_key"),
        ({"recipient_type": "phonenumber"}, "omni_config.recipient_type"),
        ({"recipient_type": "Email"}, "omni_config.recipient_type"),
        ({"enabled": "yes"}, "omni_config.enabled"),
        ({"instance": "x" * 257}, "omni_config.instance"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(door: Door, omni: dict[str, Any], field: str) -> None:
    refused = door.write(door.config(**omni), 400)
    assert isinstance(refused["detail"], str)
    assert "hunter2" not in refused["detail"]
    assert field in refused["fields"]
    assert field in refused["detail"]
    assert door.read() == door.golden("default_settings")


@pytest.mark.parametrize("body", [{}, [], {"omni_enabled": True}, {"omni_enabled": 1, "omni_config": {}}])
def test_a_body_that_is_no_settings_is_refused(door: Door, body: Any) -> None:
    assert isinstance(door.write(body, 400)["detail"], str)


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"host": None}, {"omni_config.host"}),
        ({"api_key": None}, {"omni_config.api_key"}),
        ({"host": None, "api_key": None}, {"omni_config.host", "omni_config.api_key"}),
    ],
    ids=["host", "key", "both"],
)
def test_enabled_settings_must_be_complete(door: Door, missing: dict[str, None], named: set[str]) -> None:
    enabled = door.golden("settings")
    enabled["omni_config"] |= missing
    assert set(door.write(enabled, 400)["fields"]) == named
    for switches in ({"omni_enabled": False}, {"omni_config": enabled["omni_config"] | {"enabled": False}}):
        door.write(enabled | switches)


def test_a_refused_key_is_not_kept(door: Door, deps: Deps) -> None:
    enabled = door.golden("settings")
    enabled["omni_config"]["host"] = None
    door.write(enabled, 400)
    for path in deps.settings.data_dir.rglob("*.db"):
        with sqlite3.connect(path) as database:
            assert "forge-default" not in "\n".join(database.iterdump())


def test_settings_written_at_once_are_one_writers(door: Door, deps: Deps) -> None:
    def write(n: int) -> None:
        own_door = replace(door, client=door.client.application.test_client())
        own_door.write(door.config(host=f"https://h{n}.example", api_key=f"key-of-writer-{n}", instance=str(n)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    omni = door.read()["omni_config"]
    n = omni["instance"]
    assert (omni["host"], omni["api_key"]) == (f"https://h{n}.example", f"key-of-writer-{n}")
    sealed = 0
    for path in deps.settings.data_dir.rglob("*.db"):
        with sqlite3.connect(path) as database:
            sealed += sum("forge-default-" in line and "secrets" in line for line in database.iterdump())
    assert sealed == 1


def test_tenants_have_settings_of_their_own(door: Door, deps: Deps) -> None:
    acme = replace(door, headers=key_for(deps, "acme"))
    acme.write(acme.golden("settings"))
    assert replace(door, headers=key_for(deps, "other")).read() == door.golden("default_settings")


def test_a_viewer_only_reads(door: Door, deps: Deps) -> None:
    viewer = replace(door, headers=key_for(deps, "acme", Role.VIEWER))
    assert viewer.read() == door.golden("default_settings")
    viewer.write(door.golden("settings"), 403)


def _deployment(door: Door, deps: Deps, **settings: Any) -> Door:
    own = {"omni_host": door.omni.url, "omni_api_key": SecretStr("operators-key-9999")} | settings
    changed = replace(deps, settings=deps.settings.model_copy(update=own))
    return replace(door, client=create_app(changed, blueprints()).test_client())


def test_the_deployment_fills_what_is_empty_and_shows_its_key_to_nobody(door: Door, deps: Deps) -> None:
    filled = _deployment(door, deps)
    omni = filled.read()["omni_config"]
    assert (omni["host"], omni["api_key"]) == (door.omni.url, "••••9999")
    settings = filled.read()
    settings["omni_enabled"] = settings["omni_config"]["enabled"] = True
    assert filled.write(settings) == settings | {"success": True}
    assert door.read()["omni_config"]["api_key"] is None


def test_the_deployments_key_goes_to_the_deployments_host_alone(door: Door, deps: Deps) -> None:
    filled = _deployment(door, deps)
    filled.write(door.config(host="https://elsewhere.example", api_key=None))
    assert filled.read()["omni_config"]["api_key"] is None
    assert set(filled.instances(400)["fields"]) == {"omni_config.api_key"}


def test_other_tenants_are_not_given_the_deployments_omni(door: Door, deps: Deps) -> None:
    stranger = replace(_deployment(door, deps), headers=key_for(deps, "acme"))
    assert stranger.read() == door.golden("default_settings")


def test_an_anonymous_tenants_client_configures_its_own_tenant(door: Door, deps: Deps) -> None:
    anonymous = _deployment(door, deps, anonymous_tenant="acme", omni_host=None)
    anonymous.write(door.config())
    assert anonymous.read()["omni_config"]["api_key"] == MASK
    assert replace(door, headers=key_for(deps, "acme")).read()["omni_config"]["host"] == door.omni.url
    assert door.read() == door.golden("default_settings")


def test_without_an_anonymous_tenant_a_configured_key_closes_the_door(door: Door, deps: Deps) -> None:
    closed = _deployment(door, deps, api_key=SecretStr("the-key"))
    closed.read(401)
    closed.write(door.config(), 401)
    closed.instances(401)


def test_browsers_are_let_in(door: Door) -> None:
    preflight = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "PUT"}
    answer = door.client.options("/api/forge/config", headers=preflight)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"


def test_a_key_that_cannot_be_opened_any_more_is_none_until_it_is_entered_again(door: Door, deps: Deps) -> None:
    door.write(door.config())
    client = create_app(replace(deps, secrets=LostSecrets(deps.secrets)), blueprints()).test_client()
    reopened = replace(door, client=client)
    assert reopened.read()["omni_config"]["api_key"] in (None, "")
    reopened.write(door.config())


class LostSecrets:
    """Secrets that were sealed with another key: they can be written, and not read."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def read(self, name: str) -> dict[str, str]:
        raise SecretLost(f"{name} was sealed with another key")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._secrets, name)
