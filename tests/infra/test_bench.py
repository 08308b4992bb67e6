"""The benchmark's table, and what its measurements are told about the backends."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bench import backends
from infra.bench.table import Row, at_most, counts_judged, render, unmeasured
from shared.channels.telegram_bot.config import TelegramBotSettings
from shared.config import load_settings

TRIPS = Row("a message", "1 read", "≤ 1 read", True, counted=True)
BESIDE = "| what | embedded | budget | | Google (emulators) |\n|---|---|---|---|---|\n"


def test_counts_have_the_same_budget_over_emulators_and_times_have_none() -> None:
    embedded = [TRIPS, at_most("start", 1.2, 1.5, "1.2")]
    google = counts_judged(
        [Row("a message", "2 reads", "≤ 1 read", False, counted=True), at_most("start", 4, 1.5, "4")]
    )
    assert [row.is_met for row in google] == [False, None]
    assert render(embedded, google) == (
        f"{BESIDE}| a message | 1 read | ≤ 1 read | kept | 2 reads: **missed** |\n| start | 1.2 | ≤ 1.5 | kept | 4 |\n"
    )


def test_without_emulators_the_column_says_why_and_nothing_is_missed() -> None:
    embedded = [TRIPS, Row("lost", "0", "0", True, counted=True)]
    google = unmeasured(embedded, "the emulators need java")
    assert [row.is_met for row in google] == [None, None]
    assert render(embedded, google) == (
        f"{BESIDE}| a message | 1 read | ≤ 1 read | kept | not measured: the emulators need java |\n"
        "| lost | 0 | 0 | kept |  |\n"
    )


def test_two_columns_are_of_the_same_measurements() -> None:
    with pytest.raises(ValueError, match="shorter"):
        render([TRIPS], [])


def test_a_machine_without_the_emulators_is_told_what_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="gcloud and java"), backends.google("http://127.0.0.1:9"):
        pass


def test_every_measurement_has_an_embedded_hub_of_its_own(tmp_path: Path) -> None:
    backend = backends.embedded(tmp_path, "http://127.0.0.1:9")
    first, second = (load_settings(backend.empty(name)) for name in ("costs", "flow"))
    assert (first.backend, first.of(TelegramBotSettings).telegram_api_url) == ("embedded", "http://127.0.0.1:9")
    assert first.data_dir != second.data_dir
