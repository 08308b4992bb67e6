"""Texts about a channel use the terms of the OmniChat dialect."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.hub import Hub


def _create_channel(hub: Hub, channel_type: str, **fields: Any) -> Any:
    return hub.post("/api/channels", {"name": "Support", "type": channel_type} | fields, 201)


@pytest.mark.parametrize(
    ("channel_type", "config", "field"),
    [
        ("SMS", {"twilioAccountSid": 5}, "config.twilioAccountSid"),
        ("WHATSAPP", {"evolutionUrl": "nonsense"}, "config.evolutionUrl"),
        ("WIDGET", {"pacePerSecond": "fast"}, "config.pacePerSecond"),
    ],
)
def test_a_wrong_field_of_the_configuration_is_named_as_it_was_given(
    hub: Hub, channel_type: str, config: dict[str, Any], field: str
) -> None:
    refused = hub.post("/api/channels", {"name": "Support", "type": channel_type, "config": config}, 400)
    assert list(refused["fields"]) == [field]
    assert refused["detail"].startswith(f"{field}: ")


def test_a_change_that_cannot_be_names_the_field_as_it_was_given(hub: Hub) -> None:
    first, _ = _create_channel(hub, "WIDGET"), _create_channel(hub, "WIDGET")
    refused = hub.patch(f"/api/channels/{first['id']}", {"isDefault": False}, 400)
    assert list(refused["fields"]) == ["isDefault"]
    assert refused["detail"].startswith("isDefault: ")


def test_what_is_missing_is_named_as_it_has_to_be_given(hub: Hub) -> None:
    assert "botToken" in _create_channel(hub, "TELEGRAM_BOT")["statusDetail"]
    assert "pageAccessToken" in _create_channel(hub, "FACEBOOK")["statusDetail"]


@pytest.mark.parametrize("channel_type", ["SLACK", "DISCORD"])
def test_a_channel_that_nobody_installed_says_so_after_its_name_was_changed(hub: Hub, channel_type: str) -> None:
    created = _create_channel(hub, channel_type)
    assert "botToken" in created["statusDetail"]
    renamed = hub.patch(f"/api/channels/{created['id']}", {"name": "Sales"})
    assert (renamed["name"], renamed["statusDetail"]) == ("Sales", created["statusDetail"])
    slugs = hub.get("/channels/integrations")["channels"]
    assert [channel["status"] for channel in slugs] == ["not_configured"]


UNSTORABLE: list[dict[str, Any]] = [{"rows": [[1], [2]]}, {"": 1}, {"deep": {"__own__": 1}}, {"k" * 1501: 1}]


@pytest.mark.parametrize(
    "unstorable", UNSTORABLE, ids=["lists in lists", "no name", "Firestore's own name", "long name"]
)
@pytest.mark.parametrize("name", ["config", "metadata"])
def test_what_some_store_could_not_keep_is_refused_by_each(hub: Hub, name: str, unstorable: dict[str, Any]) -> None:
    body = {"name": "Support", "type": "WIDGET", name: unstorable}
    assert list(hub.post("/api/channels", body, 400)["fields"]) == [name]
    channel = _create_channel(hub, "WIDGET", **{name: {"rows": [{"cells": [1]}, {"cells": [2]}]}})
    assert list(hub.patch(f"/api/channels/{channel['id']}", {name: unstorable}, 400)["fields"]) == [name]


@pytest.mark.parametrize("name", ["config", "metadata"])
def test_what_is_kept_with_a_channel_has_an_end(hub: Hub, name: str) -> None:
    body = {"name": "Support", "type": "WIDGET", name: {"note": "x" * 70_000}}
    assert list(hub.post("/api/channels", body, 400)["fields"]) == [name]
    channel = _create_channel(hub, "WIDGET", **{name: {"note": "x" * 50_000}})
    assert list(hub.patch(f"/api/channels/{channel['id']}", {name: {"note": "x" * 70_000}}, 400)["fields"]) == [name]


def test_a_configuration_cannot_grow_without_end_either(hub: Hub) -> None:
    channel = _create_channel(hub, "WIDGET", config={"first": "x" * 40_000})
    for added in ({"second": "x" * 40_000}, {"secret": "x" * 70_000}):
        assert list(hub.patch(f"/api/channels/{channel['id']}", {"config": added}, 400)["fields"]) == ["config"]
    hub.patch(f"/api/channels/{channel['id']}", {"config": {"first": None, "second": "x" * 40_000}})
