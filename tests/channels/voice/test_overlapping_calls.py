"""Two callbacks of one call at the same moment, and the sweep at the moment when a call ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.channels.voice.test_conversation import ON_CALL, connected, hears
from tests.pipeline.manual_hub import ManualHub
from tests.twilio import posts

LIVE = {"CallStatus": "in-progress"}
COMPLETED = {"CallStatus": "completed", "CallDuration": "90"}


@pytest.fixture
def path(manual_hub: ManualHub) -> str:
    """The path of the channel's webhook."""
    return connected(manual_hub)


def _tells(hub: ManualHub, path: str, event: dict[str, str]) -> None:
    assert posts(hub.client, f"{path}/status", ON_CALL | event).status_code < 300
    hub.work()


def _figures(hub: ManualHub) -> tuple[int, float, int]:
    """The number of calls, their minutes, and the number of active calls."""
    counted = hub.get("/analytics/dashboard")["channelMetrics"]["voice"]
    [channel] = hub.get("/channels/integrations")["channels"]
    return counted["calls"], counted["minutes"], channel["metrics"]["active_calls"]


def _notes(hub: ManualHub) -> list[str | None]:
    return [message.text for message in hub.messages()]


@pytest.mark.parametrize(
    ("slow", "fast"),
    [(LIVE, COMPLETED), (COMPLETED, LIVE), (COMPLETED, COMPLETED)],
    ids=["taken while it ends", "ends while it is taken", "ends twice"],
)
@pytest.mark.parametrize("is_known", [True, False], ids=["known before", "new"])
def test_two_callbacks_at_once_are_one_call_that_has_ended(
    manual_hub: ManualHub, path: str, slow: Any, fast: Any, *, is_known: bool
) -> None:
    hears(manual_hub, path, CallStatus="ringing")
    if is_known:
        manual_hub.work()
    manual_hub.overlaps.store.before_commit("calls", lambda: _tells(manual_hub, path, fast))
    _tells(manual_hub, path, slow)
    assert _figures(manual_hub) == (1, 1.5, 0)
    assert _notes(manual_hub).count("The call ended after 1:30") == 1


def test_a_call_that_ends_while_the_sweep_closes_it_keeps_its_own_end(manual_hub: ManualHub, path: str) -> None:
    hears(manual_hub, path, CallStatus="ringing")
    manual_hub.work()
    manual_hub.overlaps.clock.advance(hours=5)
    manual_hub.overlaps.store.before_commit("calls", lambda: _tells(manual_hub, path, COMPLETED))
    manual_hub.tick()
    [call] = manual_hub.documents("calls")
    assert (call["outcome"], call["seconds"]) == ("completed", 90)


def test_a_call_that_the_sweep_closed_still_gets_its_length_and_is_counted_once(
    manual_hub: ManualHub, path: str
) -> None:
    hears(manual_hub, path, CallStatus="ringing")
    manual_hub.work()
    manual_hub.overlaps.clock.advance(hours=5)
    manual_hub.tick()
    for _ in range(2):
        _tells(manual_hub, path, COMPLETED)
    assert _figures(manual_hub) == (1, 1.5, 0)
    manual_hub.overlaps.clock.advance(hours=5)
    manual_hub.tick()
    assert manual_hub.documents("calls")[0]["outcome"] == "unknown"
