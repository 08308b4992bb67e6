"""What Discord is asked when a message is edited or deleted."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channels.discord import changes
from shared.channels.discord.config import DiscordConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import Choice, OutboxPayload
from shared.errors import ProviderRejected
from tests.stubs import Reply, Stub

CONFIG = DiscordConfig.model_validate({"botToken": "MTk4.secret"})
PATH = "/channels/645027906669510667/messages/1308922333333333333"
MESSAGE = "645027906669510667:1308922333333333333"


def edit(deps: Deps, instance: Instance, text: str, **more: Any) -> None:
    changes.edit(deps, instance, CONFIG, OutboxPayload(external_user_id="8", text=text, **more), MESSAGE)


def delete(deps: Deps, instance: Instance, message: str = MESSAGE) -> None:
    changes.delete(deps, instance, CONFIG, OutboxPayload(external_user_id="8", text="hello"), message)


def test_a_text_is_replaced_beside_its_buttons(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("PATCH", PATH, Reply(json={"id": "1308922333333333333"}))
    edit(deps, instance, "hi @everyone")
    edit(deps, instance, "Which one?", choices=[Choice(id="r", title="Red")])
    plain, question = (request.json for request in provider.requests)
    assert plain == {"content": "hi @everyone", "allowed_mentions": {"parse": []}}
    assert question["components"][0]["components"][0]["custom_id"] == "r"


def test_a_message_is_deleted_once(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("DELETE", PATH, Reply(404, {"message": "Unknown Message", "code": 10008}))
    provider.on("DELETE", PATH, Reply(204), times=1)
    delete(deps, instance)
    delete(deps, instance)
    assert [request.method for request in provider.requests] == ["DELETE", "DELETE"]


def test_refusals_are_told_in_discords_words(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("PATCH", PATH, Reply(404, {"message": "Unknown Message", "code": 10008}))
    with pytest.raises(ProviderRejected, match="Unknown Message"):
        edit(deps, instance, "hello")
    with pytest.raises(ProviderRejected, match="not one of Discord's"):
        delete(deps, instance, "interaction:1")
