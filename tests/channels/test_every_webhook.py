"""Promises that every channel's webhook keeps in the running hub, whatever is posted and however often.

`tests/channels/<name>/example.py` says which recordings stand for a customer's message and for word of our own.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.config import Settings
from shared.domain.messages import Author, Direction, Message
from tests.channels.amazon import Signer, make_signer
from tests.channels.example import as_form, examples
from tests.channels.lines import LINES, PUBLIC, Caller
from tests.channels.proofs import ROTATED
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Reply, Stub

MEGABYTE = 1024 * 1024
NOISE = random.Random(7).randbytes(MEGABYTE)

every_line = pytest.mark.parametrize("name", LINES)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


@pytest.fixture
def settings(settings: Settings, provider: Stub) -> Settings:
    return settings.model_copy(update={"public_url": PUBLIC, "aws_endpoint_url": provider.url})


@pytest.fixture
def hub(hub: Hub, signer: Signer) -> Hub:
    hub.provider.on("GET", r"/SimpleNotificationService-1\.pem$", Reply(content=signer.certificate))
    return hub


def answers(hub: Hub) -> list[Message]:
    return [each for each in hub.messages(Direction.OUTBOUND) if each.author is Author.BOT]


def nothing_is_stored(hub: Hub) -> bool:
    return not any(hub.documents(name) for name in ("messages", "conversations", "calls"))


def test_every_channel_has_a_line_or_a_reason() -> None:
    for name, example in examples().items():
        file = f"tests/channels/{name}/example.py"
        assert bool(example.recordings) != bool(example.no_webhooks), f"give EXAMPLE in {file} its recordings"
        assert bool(example.no_webhooks) == example.proof.none_come, name


@every_line
def test_the_same_call_twice_and_at_once_is_stored_once(hub: Hub, name: str, signer: Signer) -> None:
    caller = Caller(hub, name, signer)
    caller.line.before(hub)
    body = caller.body(caller.line.message)
    with ThreadPoolExecutor(4) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: caller.post(body), range(4))]
    assert statuses == [caller.line.success_status] * 4
    caller.writes(2)
    eventually(lambda: len(caller.came()) >= 2)
    assert len(caller.came()) == 2


@every_line
def test_what_comes_again_later_is_stored_once(hub: Hub, name: str, signer: Signer) -> None:
    caller = Caller(hub, name, signer)
    caller.line.before(hub)
    caller.writes()
    [first] = eventually(caller.came)
    caller.writes()
    caller.writes(2)
    eventually(lambda: len(caller.came()) >= 2)
    assert [each.id for each in caller.came()].count(first.id) == 1
    assert len(caller.came()) == 2


@pytest.mark.parametrize("name", [name for name, line in LINES.items() if line.dated])
def test_a_proof_that_was_overheard_is_good_for_minutes_only(hub: Hub, name: str, signer: Signer) -> None:
    caller = Caller(hub, name, signer)
    long_ago = hub.deps.now() - timedelta(minutes=6)
    assert caller.post(caller.body(caller.line.message), at=long_ago).status_code == 401
    assert nothing_is_stored(hub)


@every_line
def test_who_knows_another_tenants_secret_is_refused(hub: Hub, name: str, signer: Signer) -> None:
    caller = Caller(hub, name, signer)
    hub.register("stranger@example.com")
    stranger = Caller(hub, name, signer, ROTATED)
    answer = stranger.post(stranger.body(stranger.line.message), to=caller.id)
    assert answer.status_code == 401, answer.text
    assert nothing_is_stored(hub)


@every_line
def test_an_unsigned_call_is_refused(hub: Hub, name: str, signer: Signer) -> None:
    caller = Caller(hub, name, signer)
    answer = caller.post(caller.body(caller.line.message), signed=False)
    assert answer.status_code == 401, answer.text
    assert nothing_is_stored(hub)


@every_line
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("body", [NOISE, b"[" * MEGABYTE], ids=["noise", "arrays"])
def test_a_megabyte_of_garbage_is_refused(hub: Hub, name: str, signer: Signer, body: bytes, signed: bool) -> None:
    caller = Caller(hub, name, signer)
    if signed and caller.line.posted is as_form:
        body = b"garbage=" + b"a" * MEGABYTE
    answer = caller.post((body, {"content-type": "application/json"}), signed=signed)
    assert 400 <= answer.status_code < 500, answer.text
    assert nothing_is_stored(hub)
    assert hub.documents("notifications", type="webhook_unreadable") == []


@pytest.mark.parametrize("name", [name for name, line in LINES.items() if line.echo])
def test_word_of_our_own_messages_is_not_answered(hub: Hub, name: str, signer: Signer) -> None:
    hub.echo_agent()
    caller = Caller(hub, name, signer)
    caller.line.before(hub)
    assert caller.post(caller.body(caller.line.echo)).status_code == 200
    caller.writes()
    expected = 2 if caller.line.echo_kept else 1
    eventually(lambda: len(caller.came()) >= expected)
    for conversation in hub.conversations():
        # Whoever wrote on the business's own phone has the conversation until it is released.
        hub.post(f"/api/conversations/{conversation.id}/release", {}, 200)
    if caller.line.answered:
        eventually(lambda: answers(hub))
    assert len(caller.came()) == expected
    assert len(answers(hub)) == caller.line.answered
