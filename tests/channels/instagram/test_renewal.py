"""The token of an Instagram login, which ends after 60 days, is renewed long before."""

from __future__ import annotations

import pytest

from shared.usecases.delivery.status_checks import MAX_ACCOUNTS
from tests.channels.instagram.example import ACCOUNT
from tests.channels.instagram.test_lifecycle import PAGE, RENEW, instagram_rules
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply

REFUSED = Reply(400, {"error": {"message": "Session has expired", "type": "OAuthException", "code": 190}})


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    instagram_rules(manual_hub.provider)
    return manual_hub


def _connect(hub: ManualHub, token: str = "IGAA1", name: str = "Insta") -> str:
    config = {"accessToken": token, "appSecret": "app-secret"}
    return str(hub.post("/api/channels", {"name": name, "type": "INSTAGRAM", "config": config}, 201)["id"])


def _renewals(hub: ManualHub) -> list[str]:
    return [request.path.partition("access_token=")[2] for request in hub.provider.to(RENEW)]


def _days_pass(hub: ManualHub, days: int) -> None:
    for _ in range(days):
        hub.wait(hours=24)
        hub.tick()


def test_a_token_is_renewed_every_week(hub: ManualHub) -> None:
    _connect(hub)
    assert _renewals(hub) == ["IGAA1"], "when it is connected"
    _days_pass(hub, 6)
    assert _renewals(hub) == ["IGAA1"]
    answer = Reply(json={"access_token": "IGAA3", "token_type": "bearer", "expires_in": 5183944})
    hub.provider.on("GET", RENEW, answer)
    _days_pass(hub, 9)
    assert _renewals(hub) == ["IGAA1", "IGAA2", "IGAA3"]


def test_a_token_that_is_not_renewed_is_told_once_and_shows_with_its_channel(hub: ManualHub) -> None:
    channel = _connect(hub)
    hub.provider.on("GET", RENEW, REFUSED)
    _days_pass(hub, 10)
    instance = hub.get(f"/api/channels/{channel}")
    assert instance["status"] == "ERROR"
    assert "Session has expired" in instance["statusDetail"]
    [notification] = hub.documents("notifications", type="channel_error")
    assert "Session has expired" in notification["message"]


def test_an_instagram_that_is_down_is_asked_again_and_nobody_is_told(hub: ManualHub) -> None:
    channel = _connect(hub)
    hub.provider.on("GET", RENEW, Reply(503))
    _days_pass(hub, 8)
    assert hub.get(f"/api/channels/{channel}")["status"] == "CONNECTED"
    assert hub.documents("notifications", type="channel_error") == []
    instagram_rules(hub.provider)
    refused = len(_renewals(hub))
    _days_pass(hub, 6)
    assert len(_renewals(hub)) == refused + 1, "on the first day"


def test_the_token_of_a_page_is_never_renewed(hub: ManualHub) -> None:
    hub.provider.on("GET", r"/me\?", Reply(json=PAGE))
    _connect(hub, "EAAB1")
    _days_pass(hub, 8)
    assert _renewals(hub) == []


def test_many_accounts_are_renewed_by_more_than_the_sweep(hub: ManualHub) -> None:
    def account(request: Received) -> Reply:
        return Reply(json=ACCOUNT | {"user_id": request.headers["authorization"].removeprefix("Bearer IGAA")})

    hub.provider.on("GET", r"/me\?", account)
    hub.provider.on("GET", RENEW, lambda request: Reply(json={"access_token": request.path.partition("ken=")[2]}))
    for number in range(MAX_ACCOUNTS + 2):
        _connect(hub, f"IGAA{number}", f"Insta {number}")
    connected = len(_renewals(hub))
    _days_pass(hub, 7)
    assert len(_renewals(hub)) == connected * 2
