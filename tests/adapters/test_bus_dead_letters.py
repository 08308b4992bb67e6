"""What every `Bus` promises about events that nobody could consume."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from queue import Queue

import pytest

from shared.domain.events import Event, Topic
from shared.errors import BadRequest, NotFound
from shared.ports.bus import Bus
from tests.adapters.backends import BusUnderTest
from tests.adapters.traffic import consuming, letters, publish, refuse, reply, take


def test_event_dies_after_the_last_attempt_and_its_key_goes_on(bus_under_test: BusUnderTest) -> None:
    bus = bus_under_test.bus
    arrived: Queue[Event] = Queue()

    def consumer(event: Event) -> None:
        arrived.put(event)
        if event.id == "bad":
            refuse(event)

    started = datetime.now(UTC)
    with consuming(bus, consumer):
        publish(bus, "bad", "next")
        received = [(event.id, event.attempt) for event in take(arrived, bus_under_test.max_attempts + 1)]
        (letter,) = letters(bus, 1)

    assert received == [("bad", n + 1) for n in range(bus_under_test.max_attempts)] + [("next", 1)]
    assert (letter.topic, letter.event) == (Topic.REPLIES, reply("bad"))
    assert "ProviderUnavailable" in letter.reason
    assert "is overloaded" in letter.reason
    assert started - timedelta(seconds=5) < letter.died_at < datetime.now(UTC) + timedelta(seconds=5)


def test_reason_never_quotes_an_error_that_is_not_the_hubs(bus: Bus) -> None:
    def consumer(_: Event) -> None:
        raise ValueError("https://api.telegram.org/bot123:token/sendMessage")

    with consuming(bus, consumer):
        publish(bus, "bad")
        (letter,) = letters(bus, 1)

    assert "ValueError" in letter.reason
    assert "token" not in letter.reason


def test_dead_letters_are_listed_oldest_first_page_by_page(bus: Bus) -> None:
    with consuming(bus, refuse):
        for id_ in "123":
            publish(bus, id_)
            letters(bus, int(id_))

    first = bus.dead_letters(Topic.REPLIES, limit=2)
    second = bus.dead_letters(Topic.REPLIES, limit=2, cursor=first.cursor)

    assert [letter.event.id for letter in first.letters] == ["1", "2"]
    assert [letter.event.id for letter in second.letters] == ["3"]
    assert second.cursor is None
    assert bus.dead_letters(Topic.OUTBOUND).letters == []


def test_garbled_cursor_of_dead_letters_is_a_bad_request(bus: Bus) -> None:
    with pytest.raises(BadRequest) as refused:
        bus.dead_letters(Topic.REPLIES, cursor="nonsense")
    assert refused.value.fields == {"cursor": "unknown"}


def test_redriven_letter_comes_again_from_its_first_attempt(bus: Bus) -> None:
    with consuming(bus, refuse):
        publish(bus, "1")
        (letter,) = letters(bus, 1)

    arrived: Queue[Event] = Queue()
    with consuming(bus, arrived.put):
        bus.redrive(Topic.REPLIES, letter.id)
        (event,) = take(arrived, 1)

    assert (event, event.attempt) == (reply("1"), 1)
    assert bus.dead_letters(Topic.REPLIES).letters == []


@pytest.mark.parametrize("letter_id", ["unknown", "1", "", "9" * 40, "a/b"])
def test_redriving_an_unknown_letter_raises_not_found(bus: Bus, letter_id: str) -> None:
    with pytest.raises(NotFound):
        bus.redrive(Topic.REPLIES, letter_id)


def test_letter_of_another_topic_is_unknown(bus: Bus) -> None:
    with consuming(bus, refuse):
        publish(bus, "1")
        (letter,) = letters(bus, 1)

    with pytest.raises(NotFound):
        bus.redrive(Topic.OUTBOUND, letter.id)
