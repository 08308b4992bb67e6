"""Votes in polls say in words what was chosen, as far as the hub has the poll."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.content import Content, Poll, Press, Quote
from shared.domain.inbound import MessageReceived, Sender, VoteCast
from shared.domain.messages import MessageAlias, MessageKind
from shared.usecases.ingest import votes
from tests.documents import MOMENT, a_message, an_instance

INSTANCE = an_instance("whatsapp_web")
POLL = Poll(question="Which colour?", options=["red", "grün"])


@pytest.fixture(params=["our own", "the customer's"])
def deps(deps: Deps, request: pytest.FixtureRequest) -> Deps:
    """A hub that has the poll, which it sent itself or was told of."""
    unit, record_id = UnitOfWork(deps.store), ids.provider_message(INSTANCE.id, "POLL")
    poll = a_message(id="m1" if request.param == "our own" else record_id, content=Content(poll=POLL))
    unit.messages.add(poll)
    if request.param == "our own":
        unit.message_records.add(MessageAlias(alias_of="m1"), record_id)
    unit.messages.add(a_message(id=ids.provider_message(INSTANCE.id, "TEXT"), text="red"))
    unit.commit()
    return deps


def _vote(*options: str, reply_to: str | None = "POLL") -> VoteCast:
    message = MessageReceived(
        external_message_id="VOTE",
        external_conversation_id="5",
        chat_key="5",
        sender=Sender(external_user_id="5", keys=("5",)),
        kind=MessageKind.INTERACTIVE,
        sent_at=MOMENT,
        reply_to=reply_to,
    )
    return VoteCast(message=message, options=tuple(hashlib.sha256(option.encode()).hexdigest() for option in options))


@pytest.mark.parametrize(
    ("options", "text"),
    [(["red"], "red"), (["grün"], "grün"), (["grün", "red"], "red, grün"), (["blue", "red"], "red")],
    ids=str,
)
def test_a_vote_says_what_was_chosen_in_the_order_of_the_poll(deps: Deps, options: list[str], text: str) -> None:
    vote = _vote(*options)
    content = Content(pressed=Press(title=text), quoted=Quote(text="Which colour?"))
    assert votes.in_words(deps, INSTANCE, vote) == replace(vote.message, text=text, content=content)


@pytest.mark.parametrize(
    ("vote", "text"),
    [
        (_vote(), "Took back their vote"),
        (_vote("blue"), "Voted in a poll that is not stored here"),
        (_vote("red", reply_to="ANOTHER"), "Voted in a poll that is not stored here"),
        (_vote("red", reply_to="TEXT"), "Voted in a poll that is not stored here"),
        (_vote("red", reply_to=None), "Voted in a poll that is not stored here"),
    ],
    ids=["taken back", "another option", "another poll", "no poll", "nothing"],
)
def test_a_vote_without_words_is_a_note(deps: Deps, vote: VoteCast, text: str) -> None:
    assert votes.in_words(deps, INSTANCE, vote) == replace(vote.message, text=text, is_note=True)
