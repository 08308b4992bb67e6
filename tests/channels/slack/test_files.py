"""Files that only the bot's token opens."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channel.media import Media
from shared.channels.slack import media
from shared.channels.slack.config import SlackConfig
from shared.channels.slack.people import enrich
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.errors import NotFound, ProviderError, ProviderRejected
from tests.documents import a_message
from tests.stubs import Reply, Stub

RECEIPT = Attachment(type=MessageKind.IMAGE, mime_type="image/png", extra={"file_id": "F0RDC39U1"})


def fetched(deps: Deps, instance: Instance, attachment: Attachment = RECEIPT) -> Media:
    config = SlackConfig.model_validate({"botToken": "xoxb-1"})
    return media.fetch_media(deps, instance, config, a_message(), attachment)


def about(provider: Stub, url: str) -> None:
    file = {"ok": True, "file": {"id": "F0RDC39U1", "url_private_download": url}}
    provider.on("GET", r"/files.info\?file=F0RDC39U1$", Reply(json=file))


def test_a_file_is_fetched_with_the_bots_token(deps: Deps, instance: Instance, provider: Stub) -> None:
    about(provider, f"{provider.url}/files-pri/receipt.png")
    provider.on("GET", "/files-pri/receipt.png", Reply(content=b"\x89PNG", headers={"content-type": "image/png"}))
    assert fetched(deps, instance) == Media(content=b"\x89PNG", mime_type="image/png")
    assert provider.to("/files-pri")[0].headers["authorization"] == "Bearer xoxb-1"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/receipt.png",
        "http://files.slack.com/receipt.png",
        "https://files.slack.com.evil.example/receipt.png",
        "https://files.slack.com@evil.example/receipt.png",
        "https://notslack.com/receipt.png",
        "https://[",
    ],
)
def test_the_token_is_shown_to_nobody_but_slack(deps: Deps, instance: Instance, provider: Stub, url: str) -> None:
    about(provider, url)
    with pytest.raises(ProviderRejected, match="not kept by Slack"):
        fetched(deps, instance)


def test_a_page_to_sign_in_is_not_the_file(deps: Deps, instance: Instance, provider: Stub) -> None:
    about(provider, f"{provider.url}/files-pri/receipt.png")
    page = Reply(text="<html>Sign in</html>", headers={"content-type": "text/html; charset=utf-8"})
    provider.on("GET", "/files-pri/receipt.png", page)
    with pytest.raises(ProviderRejected, match="files:read"):
        fetched(deps, instance)
    provider.on("GET", "/files-pri/receipt.png", Reply(302, headers={"location": "https://acme.slack.com/?redir=x"}))
    with pytest.raises(ProviderRejected, match="status 302"):
        fetched(deps, instance)


def test_a_file_that_is_gone_is_not_found(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(NotFound):
        fetched(deps, instance, Attachment(type=MessageKind.IMAGE))
    provider.on("GET", "/files.info", Reply(json={"ok": True, "file": {"id": "F0RDC39U1"}}))
    with pytest.raises(NotFound):
        fetched(deps, instance)
    provider.on("GET", "/files.info", Reply(json={"ok": False, "error": "file_deleted"}))
    with pytest.raises(ProviderRejected, match="file_deleted"):
        fetched(deps, instance)


def test_a_file_that_breaks_off_did_not_come(deps: Deps, instance: Instance, provider: Stub) -> None:
    about(provider, f"{provider.url}/files-pri/receipt.png")
    provider.on("GET", "/files-pri", Reply(drop=True))
    with pytest.raises(ProviderError, match="did not come"):
        fetched(deps, instance)


def named(deps: Deps, instance: Instance, event: object) -> Any:
    return enrich(deps, instance, SlackConfig.model_validate({"botToken": "xoxb-1"}), {"event": event}).get("name")


MESSAGE = {"type": "message", "user": "U1", "text": "hello"}


def test_the_writers_name_is_looked_up_once(deps: Deps, instance: Instance, provider: Stub) -> None:
    user = {"real_name": "Ann Example", "profile": {"display_name": "ann", "real_name": "Ann Example"}}
    provider.on("GET", r"/users.info\?user=U1$", Reply(json={"ok": True, "user": user}))
    assert [named(deps, instance, MESSAGE) for _ in range(3)] == ["ann"] * 3
    assert len(provider.requests) == 1


@pytest.mark.parametrize("reply", [Reply(json={"ok": False, "error": "missing_scope"}), Reply(503), Reply(drop=True)])
def test_a_message_is_taken_without_a_name(deps: Deps, instance: Instance, provider: Stub, reply: Reply) -> None:
    provider.on("GET", "/users.info", reply)
    assert named(deps, instance, MESSAGE) is None


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {"type": "reaction_added", "user": "U1"},
        MESSAGE | {"bot_id": "B1"},
        MESSAGE | {"user": 7},
        MESSAGE | {"subtype": "message_changed"},
    ],
)
def test_nobody_is_asked_about_what_no_person_wrote(
    deps: Deps, instance: Instance, provider: Stub, event: object
) -> None:
    assert named(deps, instance, event) is None
    assert provider.requests == []
