"""The documentation is complete: all endpoints, settings, error codes and capabilities are in their tables."""

from __future__ import annotations

import re
from pathlib import Path

from functions.hub.main import blueprints
from infra import channel_tables
from infra.generated import part
from shared import errors
from shared.config import setting_fields
from shared.deps import Deps
from tests.apps import create_app

ENDPOINTS = Path("functions/README.md").read_text("utf-8")
SETTINGS = Path("infra/README.md").read_text("utf-8")


def test_the_endpoint_table_lists_exactly_what_is_served(deps: Deps) -> None:
    document = create_app(deps, blueprints()).test_client().get("/api/v1/openapi.json").get_json()
    served = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    rows = re.findall(r"^\| ([A-Z, ]+) \| `([^`]+)` \|", part(ENDPOINTS, "endpoints"), re.MULTILINE)
    documented = {(method, path) for methods, path in rows for method in methods.split(", ")}
    assert documented == served


def test_every_setting_is_in_the_table() -> None:
    assert [name.upper() for name in setting_fields() if f"`{name.upper()}`" not in SETTINGS] == []


def test_every_code_of_an_error_is_in_the_table() -> None:
    assert {kind.code for kind in _kinds(errors.HubError) if f"`{kind.code}`" not in ENDPOINTS} == set()


def _kinds(kind: type[errors.HubError]) -> set[type[errors.HubError]]:
    """An error with all that are made of it, wherever in the hub; the application has loaded them."""
    return {kind}.union(*(_kinds(special) for special in kind.__subclasses__()))


def test_the_tables_of_channels_are_what_these_declare() -> None:
    table = channel_tables.README.read_text("utf-8")
    assert channel_tables.rendered(table) == table, "run make fix"


def test_the_first_page_is_short() -> None:
    assert len(Path("README.md").read_text("utf-8").splitlines()) <= 150


def test_documents_name_only_files_that_are_there() -> None:
    pages = [Path(name) for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
    pages += [Path(folder, "README.md") for folder in ("functions", "infra", "terraform", "shared/channels")]
    for page in pages:
        names = re.findall(r"`([a-z_]+/[\w/.-]+\.(?:md|py|yaml|toml|json))`", page.read_text("utf-8"))
        missing = [name for name in names if not any(Path(root, name).exists() for root in (".", "shared"))]
        assert not missing, page
