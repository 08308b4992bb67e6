"""README says what is true: its endpoint table is the application's, and its settings are all there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.hub.main import blueprints
from infra import capabilities
from shared import errors
from shared.config import setting_fields
from shared.deps import Deps
from tests.apps import create_app

README = Path("README.md").read_text("utf-8")


def _between(name: str) -> str:
    return README.partition(f"<!-- {name}:start -->")[2].partition(f"<!-- {name}:end -->")[0]


def test_the_endpoint_table_lists_exactly_what_is_served(deps: Deps) -> None:
    document = create_app(deps, blueprints()).test_client().get("/api/v1/openapi.json").get_json()
    served = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    rows = re.findall(r"^\| ([A-Z, ]+) \| `([^`]+)` \|", _between("endpoints"), re.MULTILINE)
    told = {(method, path) for methods, path in rows for method in methods.split(", ")}
    assert told == served


@pytest.mark.parametrize("name", [name.upper() for name in setting_fields()])
def test_every_setting_is_in_the_table(name: str) -> None:
    assert f"`{name}`" in README


def test_every_code_of_an_error_is_told() -> None:
    assert {kind.code for kind in _kinds(errors.HubError) if f"`{kind.code}`" not in README} == set()


def _kinds(kind: type[errors.HubError]) -> set[type[errors.HubError]]:
    """An error with all that are made of it, wherever in the hub; the application has loaded them."""
    return {kind}.union(*(_kinds(special) for special in kind.__subclasses__()))


def test_the_table_of_capabilities_is_what_the_channels_declare() -> None:
    assert capabilities.rendered(README) == README, "run python -m infra.capabilities --write"
