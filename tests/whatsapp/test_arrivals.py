"""WhatsApp hears that a message was received when the hub has published it, and not before."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

import pytest

from infra.sockets.whatsapp.arrivals import Arrivals
from infra.sockets.whatsapp.message_copies import MessageCopies

MESSAGE = '<message from="5511988887777@s.whatsapp.net" id="3EB0AA" t="1" type="text"><enc type="msg"/></message>'
RECEIPT = '<receipt id="3EB0AA" to="5511988887777@s.whatsapp.net" type="inactive"/>'

REPETITION = (
    '<receipt id="3EB0AA" to="5511988887777@s.whatsapp.net" type="retry"><retry count="1" id="3EB0AA" v="1"/></receipt>'
)


@pytest.fixture
def copies(tmp_path: Path) -> MessageCopies:
    return MessageCopies(tmp_path)


def _confirmed(arrivals: Arrivals, text: str = RECEIPT) -> Future[None]:
    """Done when it is sent."""
    thread = ThreadPoolExecutor(1)
    sent = thread.submit(arrivals.hear, "Client/Send", text)
    thread.shutdown(wait=False)
    return sent


def _is_held_back(sent: Future[None]) -> bool:
    try:
        sent.result(0.1)
    except FutureTimeout:
        return True
    return False


def test_a_message_is_confirmed_once_it_is_settled(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.hear("Client/Recv", MESSAGE)
    sent = _confirmed(arrivals)
    assert _is_held_back(sent)
    assert len(copies.unpublished()) == 1
    arrivals.settle("3EB0AA")
    sent.result(10)
    assert not copies.unpublished()


def test_what_is_about_no_other_message_is_sent_at_once(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.hear("Client/Recv", MESSAGE)
    _confirmed(arrivals, '<receipt id="3EB0BB" to="5511988887777@s.whatsapp.net" type="read"/>').result(10)
    _confirmed(arrivals, '<message id="3EB0AA" to="5511988887777@s.whatsapp.net" type="text"/>').result(10)


def test_a_message_that_was_decrypted_before_is_confirmed(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.hear("Client/Recv", MESSAGE)
    sent = _confirmed(arrivals)
    arrivals.hear(
        "Client", "Ignoring message 3EB0AA from 5511988887777@s.whatsapp.net: received message with old counter"
    )
    sent.result(10)
    assert not copies.unpublished()


def test_a_message_that_cannot_be_decrypted_is_confirmed_once_it_is_asked_for_again(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.hear("Client/Recv", MESSAGE)
    sent = _confirmed(arrivals, '<ack class="message" id="3EB0AA" to="5511988887777@s.whatsapp.net"/>')
    arrivals.cannot_be_decrypted("3EB0AA")
    assert not copies.unpublished()
    assert _is_held_back(sent)
    _confirmed(arrivals, REPETITION).result(10)
    sent.result(10)


def test_one_that_is_asked_for_again_and_comes_is_a_message_like_others(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.hear("Client/Recv", MESSAGE)
    arrivals.cannot_be_decrypted("3EB0AA")
    arrivals.hear("Client/Send", REPETITION)
    arrivals.hear("Client/Recv", MESSAGE)
    sent = _confirmed(arrivals)
    assert _is_held_back(sent)
    assert copies.unpublished()
    arrivals.settle("3EB0AA")
    sent.result(10)


def test_a_message_for_which_nothing_is_ever_handed_out_is_confirmed_after_a_while(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies, longest_wait=0.1)
    arrivals.hear("Client/Recv", MESSAGE)
    _confirmed(arrivals).result(10)
    assert not copies.unpublished()


def test_a_quotation_mark_in_an_id_holds_back_no_confirmation(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.hear("Client/Recv", MESSAGE.replace("3EB0AA", '3EB0AA" x="'))
    arrivals.settle('3EB0AA" x="')
    _confirmed(arrivals, RECEIPT.replace("3EB0AA", '3EB0AA" x="')).result(10)
    assert not copies.unpublished()


def test_a_message_that_the_hub_has_is_confirmed_when_the_hub_says_so_however_long_that_takes(
    copies: MessageCopies,
) -> None:
    arrivals = Arrivals(copies, longest_wait=0.05)
    arrivals.hear("Client/Recv", MESSAGE)
    arrivals.hand_over("3EB0AA", is_copied=True)
    assert not copies.unpublished()
    sent = _confirmed(arrivals)
    assert _is_held_back(sent)
    arrivals.settle("3EB0AA")
    sent.result(10)


def test_one_that_comes_again_while_the_hub_has_it_waits_for_the_hub_as_well(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.hear("Client/Recv", MESSAGE)
    arrivals.hand_over("3EB0AA", is_copied=True)
    arrivals.hear("Client/Recv", MESSAGE)
    arrivals.hear(
        "Client", "Ignoring message 3EB0AA from 5511988887777@s.whatsapp.net: received message with old counter"
    )
    sent = _confirmed(arrivals)
    assert _is_held_back(sent)
    assert not copies.unpublished()
    arrivals.settle("3EB0AA")
    sent.result(10)


def test_the_account_s_state_waits_for_a_message_that_could_not_be_copied(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.hear("Client/Recv", MESSAGE)
    arrivals.hand_over("3EB0AA", is_copied=False)
    assert copies.unpublished()
    arrivals.settle("3EB0AA")
    assert not copies.unpublished()


def test_who_leaves_waits_for_what_is_not_settled_yet_and_not_for_ever(copies: MessageCopies) -> None:
    arrivals = Arrivals(copies)
    arrivals.wait(60)
    arrivals.hear("Client/Recv", MESSAGE)
    arrivals.wait(0.05)
    assert len(copies.unpublished()) == 1
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(arrivals.wait, 60)
        assert _is_held_back(waiting)
        arrivals.settle("3EB0AA")
        waiting.result(10)
