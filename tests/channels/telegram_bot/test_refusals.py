"""What becomes of the Bot API's refusals."""

from __future__ import annotations

import logging

import pytest

from shared.channel.outbound import Sent
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable
from tests.channels.telegram_bot.sending import TOKEN, refused, send, to_chat
from tests.stubs import Reply, Stub


@pytest.mark.parametrize(
    "reply",
    [
        refused(403, "Forbidden: bot was blocked by the user"),
        refused(403, "Forbidden: user is deactivated"),
        refused(400, "Bad Request: chat not found"),
        refused(400, "Bad Request: message text is empty"),
    ],
)
def test_final_refusal_is_rejected_in_telegrams_words(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply
) -> None:
    provider.on("POST", "/send", reply)
    with pytest.raises(ProviderRejected) as caught:
        send(deps, instance, to_chat("hi"))
    assert caught.value.reason == reply.json["description"]


@pytest.mark.parametrize("reply", [refused(401, "Unauthorized"), refused(404, "Not Found")])
def test_wrong_token_names_the_setting(deps: Deps, instance: Instance, provider: Stub, reply: Reply) -> None:
    provider.on("POST", "/send", reply)
    with pytest.raises(ProviderRejected, match=r"config\.botToken"):
        send(deps, instance, to_chat("hi"))


def test_flood_wait_is_obeyed(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/send", refused(429, "Too Many Requests: retry after 35", retry_after=35))
    with pytest.raises(ProviderUnavailable) as caught:
        send(deps, instance, to_chat("hi"))
    assert caught.value.retry_after == 35


@pytest.mark.parametrize("reply", [Reply(502, text="<html>Bad Gateway</html>"), refused(500, "Internal Server Error")])
def test_failure_at_telegram_is_tried_again(deps: Deps, instance: Instance, provider: Stub, reply: Reply) -> None:
    provider.on("POST", "/send", reply)
    with pytest.raises(ProviderUnavailable):
        send(deps, instance, to_chat("hi"))


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(200, text="not json"), Reply(200, json=[])])
def test_lost_or_unreadable_answer_leaves_the_outcome_unknown(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply
) -> None:
    provider.on("POST", "/send", reply)
    with pytest.raises(OutcomeUnknown):
        send(deps, instance, to_chat("hi"))


def test_sent_message_without_a_readable_id_is_still_sent(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/send", Reply(json={"ok": True, "result": True}))
    assert send(deps, instance, to_chat("hi")) == Sent(external_message_id=None)


@pytest.mark.parametrize(
    "reply", [Reply(drop=True), refused(400, f"Bad Request: {TOKEN}"), refused(401, "Unauthorized")]
)
def test_token_shows_neither_in_errors_nor_in_logs(
    deps: Deps, instance: Instance, provider: Stub, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    provider.on("POST", "/send", reply)
    with caplog.at_level(logging.DEBUG, logger="shared"), pytest.raises(ProviderError) as caught:
        send(deps, instance, to_chat("hi"))
    logging.getLogger("shared.test").error("sending failed", exc_info=caught.value)
    assert "secret_token" not in str(caught.value)
    assert "secret_token" not in caplog.text


def test_token_cannot_leave_its_place_in_the_path(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "", refused(404, "Not Found"))
    with pytest.raises(ProviderRejected):
        send(deps, instance, to_chat("hi"), botToken="x/../../other?y=")
    assert provider.requests[0].path == "/botx%2F..%2F..%2Fother%3Fy%3D/sendMessage"
