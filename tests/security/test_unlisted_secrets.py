"""A secret under an unsuspicious name is neither stored nor shown in clear."""

from __future__ import annotations

from typing import Any

import pytest

from shared.deps import Deps
from shared.domain.accounts import Role
from shared.ports.store import Merge, Ref
from tests.functions.keys import key_for
from tests.pipeline.hub import telegram_rules
from tests.security.tenants import Business, business
from tests.stubs import Stub

PLANTED = "hunter2-and-more-that-nobody-may-read"
PLACES: list[dict[str, Any]] = [
    {"config": {"note": PLANTED}},
    {"config": {"remarks": {"first": [PLANTED]}}},
    {"config": {"list": [PLANTED]}},
    {"metadata": {"colour": PLANTED}},
    {"metadata": {"deeper": {"still": [PLANTED]}}},
]
DOORS = ["/api/channels", "/channels/integrations", "/api/v1/instances", "/integrations/status"]


@pytest.fixture
def owner(deps: Deps, provider: Stub) -> Business:
    telegram_rules(provider)
    return business(deps, "owner")


def channel(owner: Business, fields: dict[str, Any]) -> Any:
    body = {"name": "bot", "type": "TELEGRAM_BOT"} | fields
    return owner.call("POST", "/api/channels", body | {"config": {"botToken": "7:token"} | body.get("config", {})}).json


def check_hidden(deps: Deps, owner: Business) -> None:
    for file in deps.settings.data_dir.rglob("*"):
        assert not file.is_file() or PLANTED.encode() not in file.read_bytes(), file
    for role in (Role.OWNER, Role.VIEWER):
        for path in DOORS:
            answer = owner.client.get(path, headers=key_for(deps, owner.tenant_id, role))
            assert PLANTED not in answer.text, path


@pytest.mark.parametrize("fields", PLACES, ids=str)
def test_it_is_hidden_from_the_first_answer_on(deps: Deps, owner: Business, fields: dict[str, Any]) -> None:
    created = channel(owner, fields)
    assert PLANTED not in str(created)
    check_hidden(deps, owner)
    again = owner.call("PATCH", f"/api/channels/{created['id']}", {"name": "renamed"}).json
    assert again == owner.call("GET", f"/api/channels/{created['id']}").json
    [name] = fields
    assert set(fields[name]) <= set(again[name])  # type: ignore[index]


@pytest.mark.parametrize("fields", PLACES, ids=str)
def test_it_is_hidden_when_it_comes_with_a_change(deps: Deps, owner: Business, fields: dict[str, Any]) -> None:
    created = channel(owner, {})
    changed = owner.call("PATCH", f"/api/channels/{created['id']}", fields)
    assert changed.status_code == 200
    assert PLANTED not in changed.text
    check_hidden(deps, owner)


def test_a_mask_that_comes_back_leaves_it_as_it_is(deps: Deps, owner: Business) -> None:
    created = channel(owner, {"config": {"note": PLANTED}, "metadata": {"colour": PLANTED, "size": 3}})
    shown_back = {"config": created["config"], "metadata": created["metadata"]}
    changed = owner.call("PATCH", f"/api/channels/{created['id']}", shown_back).json
    assert (changed["config"], changed["metadata"]) == (created["config"], created["metadata"])  # type: ignore[index]
    sealed = deps.secrets.read(f"instance-{created['id']}")["_unlisted"]
    assert sealed.count(PLANTED) == 2


def test_it_goes_when_it_is_taken_away(deps: Deps, owner: Business) -> None:
    created = channel(owner, {"config": {"note": PLANTED}, "metadata": {"colour": PLANTED}})
    changed = owner.call("PATCH", f"/api/channels/{created['id']}", {"config": {"note": None}, "metadata": {}}).json
    assert "note" not in changed["config"]  # type: ignore[index]
    assert changed["metadata"] == {}  # type: ignore[index]
    assert "_unlisted" not in deps.secrets.read(f"instance-{created['id']}")


def test_what_an_earlier_version_stored_in_clear_is_masked_and_sealed_by_the_next_change(
    deps: Deps, owner: Business
) -> None:
    created = channel(owner, {})
    document = Ref("instances", created["id"])
    deps.store.commit([Merge(document, {"config": {"note": PLANTED}, "metadata": {"colour": PLANTED}})])
    for path in DOORS:
        assert PLANTED not in owner.client.get(path, headers=key_for(deps, owner.tenant_id)).text, path
    owner.call("PATCH", f"/api/channels/{created['id']}", {"name": "renamed"})
    assert PLANTED not in str(deps.store.get([document])[document].data)
    assert PLANTED in deps.secrets.read(f"instance-{created['id']}")["_unlisted"]
