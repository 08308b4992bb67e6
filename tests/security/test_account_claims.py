"""An account belongs to whom its provider says, whatever a configuration claims."""

from __future__ import annotations

from typing import Any

import pytest

from shared.deps import Deps
from shared.usecases.instances import instances
from tests.security.tenants import business
from tests.stubs import Reply, Stub


@pytest.mark.parametrize("spelling", ["appId", "app_id"])
def test_a_slack_workspace_is_not_claimed_by_the_id_of_anothers_app(deps: Deps, provider: Stub, spelling: str) -> None:
    own_bot = {"ok": True, "team": "Acme", "team_id": "T1", "user_id": "U2", "bot_id": "B2"}
    provider.on("GET", "/auth.test", Reply(json=own_bot))
    provider.on("GET", "/bots.info", Reply(json={"ok": True, "bot": {"app_id": "A-MALLORY"}}))
    mallory = business(deps, "mallory")
    config = {"botToken": "xoxb-mallory", spelling: "A-OF-THE-HUB"}
    created: Any = mallory.call("POST", "/api/channels", {"name": "s", "type": "SLACK", "config": config}).json
    mallory.call("PATCH", f"/api/channels/{created['id']}", {"config": {spelling: "A-OF-THE-HUB"}})
    assert instances.find_cached(deps, address=("slack", "A-OF-THE-HUB:T1")) is None
    assert instances.find_cached(deps, address=("slack", "A-MALLORY:T1"))


def test_a_number_at_meta_is_not_claimed_by_another_spelling_of_an_id(deps: Deps, provider: Stub) -> None:
    provider.on("GET", "/[0-9]+", Reply(json={"id": "42", "display_phone_number": "+1 555", "verified_name": "M"}))
    mallory = business(deps, "mallory")
    config = {"provider": "cloud", "phoneNumberId": "0042", "accessToken": "token-of-mallory"}
    mallory.call("POST", "/api/channels", {"name": "w", "type": "WHATSAPP", "config": config})
    assert instances.find_cached(deps, address=("whatsapp_cloud", "0042")) is None
