"""Notifications; a channel's failure creates one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.domain.inbound import ConnectionChanged
from shared.domain.instances import ChannelType, InstanceStatus
from shared.domain.notifications import Notification
from shared.usecases.instances import connection_state, instance_operations, instances
from shared.usecases.reporting.notifications import notify_once
from tests.functions.dashboard.golden import golden, shape
from tests.functions.dashboard.people import channel
from tests.functions.keys import key_for
from tests.stubs import Reply, Stub

AT = datetime(2024, 1, 20, 10, 25, tzinfo=UTC)


def notify(deps: Deps, id_: str, minute: int = 0, tenant_id: str | None = None) -> None:
    notify_once(
        deps,
        Notification(
            id=id_,
            tenant_id=tenant_id or deps.settings.default_tenant_id,
            type="session_alert",
            title="High Priority Session",
            message="Customer waiting for 5+ minutes",
            created_at=AT + timedelta(minutes=minute),
        ),
    )


def listed(client: FlaskClient, query: str = "") -> list[str]:
    answer: Any = client.get(f"/notifications{query}").json
    return [each["id"] for each in answer["notifications"]]


def test_nothing_is_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/notifications").json == {"notifications": []}


def test_a_notification_has_the_printed_form(client: FlaskClient, deps: Deps) -> None:
    notify(deps, "notif_123")
    answer: Any = client.get("/notifications").json
    assert answer == golden("notifications_response")
    assert shape(answer) == shape(golden("notifications_response"))


def test_reading_one_has_the_printed_form_and_can_be_done_again(client: FlaskClient, deps: Deps) -> None:
    notify(deps, "notif_123")
    for _ in range(2):
        answer = client.put("/notifications/notif_123/read")
        assert (answer.status_code, answer.json) == (200, golden("notification_read_response"))
    assert client.get("/notifications").json["notifications"][0]["read"] is True  # type: ignore[index]


def test_the_newest_twenty_come_first_and_the_rest_by_cursor(client: FlaskClient, deps: Deps) -> None:
    for n in range(25):
        notify(deps, f"n{n}", n)
    notify(deps, "foreign", 99, "other")
    first: Any = client.get("/notifications")
    assert [each["id"] for each in first.json["notifications"]] == [f"n{n}" for n in range(24, 4, -1)]
    rest: Any = client.get("/notifications", query_string={"cursor": first.headers["X-Next-Cursor"]})
    assert [each["id"] for each in rest.json["notifications"]] == ["n4", "n3", "n2", "n1", "n0"]
    assert "X-Next-Cursor" not in rest.headers


def test_only_unread_ones_when_asked(client: FlaskClient, deps: Deps) -> None:
    for n in range(3):
        notify(deps, f"n{n}", n)
    client.put("/notifications/n1/read")
    assert listed(client, "?unread_only=true") == ["n2", "n0"]
    assert listed(client, "?unread_only=true&limit=1") == ["n2"]
    assert listed(client, "?unread_only=false") == ["n2", "n1", "n0"]


def test_a_poll_is_answered_in_full_only_when_something_changed(client: FlaskClient, deps: Deps) -> None:
    notify(deps, "a")
    etag = client.get("/notifications").headers["ETag"]
    assert client.get("/notifications", headers={"If-None-Match": etag}).status_code == 304
    assert client.get("/notifications", headers={"If-None-Match": f'"x", W/{etag}'}).status_code == 304
    client.put("/notifications/a/read")
    assert client.get("/notifications", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "unread_only=maybe", "cursor=nonsense"])
def test_a_page_that_cannot_be_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/notifications?{query}").status_code == 400


def test_unknown_and_foreign_ones_look_the_same(client: FlaskClient, deps: Deps) -> None:
    notify(deps, "theirs", tenant_id="other")
    assert client.put("/notifications/theirs/read").status_code == 404
    assert client.put("/notifications/nothing/read").status_code == 404
    assert client.put("/notifications/theirs/read", headers=key_for(deps, "other")).status_code == 200


def alerts(client: FlaskClient) -> list[tuple[str, str]]:
    answer: Any = client.get("/notifications").json
    return [(each["type"], each["title"]) for each in answer["notifications"]]


def test_a_channel_that_loses_its_connection_or_fails_is_told_once_per_change(client: FlaskClient, deps: Deps) -> None:
    instance = channel(deps, ChannelType.WHATSAPP, label="Shop")

    def becomes(*states: InstanceStatus) -> None:
        for status in states:
            connection_state.apply_connection(deps, instance, ConnectionChanged(status=status, detail="logged out"))

    becomes(InstanceStatus.CONNECTING, InstanceStatus.DISCONNECTED, InstanceStatus.CONNECTED)
    assert alerts(client) == []
    becomes(InstanceStatus.DISCONNECTED, InstanceStatus.DISCONNECTED)
    assert alerts(client) == [("channel_error", "Channel Disconnected")]
    assert client.get("/notifications").json["notifications"][0]["message"] == "Shop was disconnected: logged out"  # type: ignore[index]
    becomes(InstanceStatus.ERROR, InstanceStatus.ERROR)
    assert alerts(client)[0] == ("channel_error", "Channel Error")
    assert len(alerts(client)) == 2


def test_a_provider_that_refuses_the_credential_is_told_once(client: FlaskClient, deps: Deps, provider: Stub) -> None:
    provider.on("POST", r"/getMe", Reply(401, {"ok": False, "description": "Unauthorized"}))
    new = instances.NewInstance(channel_type=ChannelType.TELEGRAM_BOT, config={"bot_token": "7:token"})
    instance = instances.create(deps, deps.settings.default_tenant_id, new)
    instances.connect(deps, instance)
    assert alerts(client) == [("channel_error", "Channel Error")]


def test_a_connection_that_turns_out_to_be_lost_is_told_and_one_that_was_ended_is_not(
    client: FlaskClient, deps: Deps, provider: Stub
) -> None:
    provider.on("GET", r"/instance/connectionState", Reply(json={"instance": {"state": "open"}}))
    provider.on("GET", r"/instance/fetchInstances", Reply(json=[]))
    provider.on("DELETE", r"/instance/logout", Reply(json={"status": "SUCCESS"}))
    new = instances.NewInstance(channel_type=ChannelType.WHATSAPP, config={"evolution_key": "k"})
    instance = instances.create(deps, deps.settings.default_tenant_id, new)
    instance_operations.logout(deps, instance)
    assert alerts(client) == []
    instance = instances.connect(deps, instance)
    provider.on("GET", r"/instance/connectionState", Reply(json={"instance": {"state": "close"}}))
    instance_operations.status(deps, instance)
    instance_operations.status(deps, instance)
    assert alerts(client) == [("channel_error", "Channel Disconnected")]
