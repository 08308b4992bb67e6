"""Workers for several sessions: who has to rest, and what is seen to while a line is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.sockets.whatsapp import protocol
from infra.sockets.whatsapp.gateway import WorkerGateway
from infra.sockets.whatsapp.line import WorkerLine
from infra.sockets.whatsapp.process import Worker
from shared.adapters.embedded.snapshots import DirectorySnapshots
from shared.channel.connection import Listener
from shared.channels.whatsapp_web.gateway import Session
from shared.errors import ProviderUnavailable
from tests.eventually import eventually
from tests.whatsapp.pretended import CUSTOMER, WhatsApp, pretended

SESSION = Session(id="5e55", key=bytes(32), epoch=1)
UNREACHABLE = "WhatsApp could not be reached: no route"

Open = Callable[..., WorkerGateway]


@pytest.fixture
def whatsapp(tmp_path: Path) -> Iterator[WhatsApp]:
    with pretended(tmp_path) as whatsapp:
        yield whatsapp


@pytest.fixture
def open_gateway(tmp_path: Path) -> Iterator[Open]:
    """Opens a gateway whose sessions are kept together with those of the others."""
    gateways: list[WorkerGateway] = []

    def gateway(worker: Worker, first_pause: float = 10.0) -> WorkerGateway:
        gateways.append(WorkerGateway(DirectorySnapshots(tmp_path / "sessions"), worker, first_pause))
        return gateways[-1]

    yield gateway
    for each in gateways:
        each.close()


def _listen(gateway: WorkerGateway, ends: list[tuple[bool, str]], session: Session = SESSION) -> WorkerLine:
    listener = Listener(lambda _update: None, lambda is_over, why: ends.append((is_over, why)), lambda: None)
    return gateway.listen(session, listener)


def _until_it_ends(gateway: WorkerGateway) -> None:
    ends: list[tuple[bool, str]] = []
    _listen(gateway, ends)
    eventually(lambda: ends == [(False, UNREACHABLE)])


def _refusal(gateway: WorkerGateway, session: Session = SESSION) -> ProviderUnavailable:
    with pytest.raises(ProviderUnavailable) as refusal:
        _listen(gateway, [], session)
    return refusal.value


def test_one_that_ends_a_second_time_has_to_rest_and_no_other(open_gateway: Open, whatsapp: WhatsApp) -> None:
    whatsapp.reachable = False
    gateway = open_gateway(whatsapp.worker)
    _until_it_ends(gateway)
    _until_it_ends(gateway)
    refusal = _refusal(gateway)
    assert "again and again" in refusal.detail
    assert 15 < (refusal.retry_after or 0) <= 20
    _listen(gateway, [], replace(SESSION, id="07e4"))


def test_the_rest_grows_to_two_minutes(open_gateway: Open, whatsapp: WhatsApp) -> None:
    whatsapp.reachable = False
    gateway = open_gateway(whatsapp.worker, first_pause=100.0)
    _until_it_ends(gateway)
    _until_it_ends(gateway)
    assert 115 < (_refusal(gateway).retry_after or 0) <= 120


def test_one_that_was_told_to_wait_rests_for_so_long(open_gateway: Open, whatsapp: WhatsApp) -> None:
    gateway = open_gateway(whatsapp.worker)
    ends: list[tuple[bool, str]] = []
    _listen(gateway, ends)
    whatsapp.link().say(protocol.Banned(why="spam", seconds=77))
    eventually(lambda: ends == [(False, "spam")])
    assert 70 < (_refusal(gateway).retry_after or 0) <= 77


def test_one_that_was_paired_is_open_or_says_when_to_try_again(
    open_gateway: Open, whatsapp: WhatsApp, tmp_path: Path
) -> None:
    line = _listen(open_gateway(whatsapp.worker), [])
    whatsapp.scan(whatsapp.link())
    eventually(lambda: DirectorySnapshots(tmp_path / "sessions").latest(SESSION.id))
    line.close()
    gateway, ends = open_gateway(whatsapp.worker), list[tuple[bool, str]]()
    next_line = _listen(gateway, ends, replace(SESSION, epoch=2))
    next_line.show_typing(CUSTOMER)
    next_line.close()
    whatsapp.reachable = False
    refusals = [_refusal(gateway, replace(SESSION, epoch=epoch)) for epoch in (3, 4)]
    assert [(UNREACHABLE in each.detail, each.retry_after) for each in refusals] == [(True, 10), (True, 20)]
    assert "again and again" in _refusal(gateway, replace(SESSION, epoch=5)).detail
    assert (ends, whatsapp.was_held_twice) == ([], False)


def test_a_line_is_pinged_and_one_that_needs_too_much_memory_is_ended(open_gateway: Open, whatsapp: WhatsApp) -> None:
    _listen(open_gateway(whatsapp.worker), [])
    link = whatsapp.link()
    eventually(lambda: link.of(protocol.Ping))
    link.end()
    ends: list[tuple[bool, str]] = []
    _listen(open_gateway(replace(whatsapp.worker, most_bytes=1)), ends, replace(SESSION, id="07e4"))
    eventually(lambda: ends == [(False, "the worker needs too much memory")])
