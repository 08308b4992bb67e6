"""The table of costs holds what is counted when a message walks through the hub, at the prices in the file."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from infra.cost import walk
from infra.cost.table import MEASURED, prices
from infra.cost.weighing import attributes_of
from infra.generated import part
from shared.adapters.google import wire
from shared.config import Settings
from shared.domain.events import OutboundEvent
from tests.pipeline.hub import telegram_rules
from tests.stubs import Stub

README = Path("infra/README.md").read_text("utf-8")
PRICES = prices()


@pytest.fixture(scope="module")
def documented_costs() -> dict[str, list[str]]:
    """The table's rows: what is paid for, and the cells after it."""
    rows = part(README, "cost").splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {first: rest for first, *rest in cells}


@pytest.fixture
def market(settings: Settings, provider: Stub) -> Settings:
    """The settings of a deployment, with a Telegram that takes everything."""
    telegram_rules(provider)
    return Settings(data_dir=settings.data_dir, telegram_api_url=provider.url)


def _number(cell: str) -> float:
    number = re.search(r"[\d,]+(\.\d+)?", cell)
    assert number, cell
    return float(number[0].replace(",", ""))


def test_the_table_shows_what_is_counted(market: Settings, documented_costs: dict[str, list[str]]) -> None:
    busy, alone = walk.busy(market, messages=2), walk.alone(market)
    assert set(busy) | set(alone) <= set(PRICES)
    for name, price in PRICES.items():
        cells = documented_costs[price.what]
        # Two events or lines may differ by a few digits of a time.
        if name not in MEASURED:
            assert _number(cells[0]) == pytest.approx(busy[name], rel=0.02), f"{name}: make cost, with --write"
        assert _number(cells[2]) == pytest.approx(alone[name], rel=0.02), f"{name}: make cost, with --write"


def test_the_tables_sums_follow_from_its_amounts_and_the_prices(documented_costs: dict[str, list[str]]) -> None:
    for column in (0, 2):
        costs = []
        for price in PRICES.values():
            cells = documented_costs[price.what]
            costs.append(_number(cells[column + 1]))
            # An amount is shown with four places.
            assert costs[-1] == pytest.approx(price.million(_number(cells[column])), abs=0.005 + price.million(0.00005))
        assert _number(documented_costs["together"][column + 1]) == pytest.approx(sum(costs), abs=0.1)
    assert set(documented_costs) == {price.what for price in PRICES.values()} | {"together"}


def test_what_a_message_costs_beside_documents(market: Settings) -> None:
    counted = walk.alone(market)
    assert counted["run_requests"] == 4, "a webhook, and a push to normalize, reply and deliver"
    assert counted["trace_spans"] == pytest.approx(5 * market.trace_ratio), "those, and the provider's call"
    assert counted["secret_accesses"] == 2, "one to check the webhook, one to send"
    # Seven events, eight deliveries, none of less than 1000 bytes.
    assert counted["pubsub_bytes"] >= 15_000
    assert counted["firestore_deletes"] == 0


@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_an_event_is_weighed_with_what_pub_sub_carries_beside_it(delay: float) -> None:
    event = OutboundEvent(tenant_id="t", conversation_id="c", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    assert attributes_of(event, delay).keys() == wire.attributes_of(event, delay).keys()


def test_every_price_has_a_source_and_a_day() -> None:
    assert all(price.source and price.read <= date.today() and price.note for price in PRICES.values())  # noqa: DTZ011 - a day is enough
