"""The console's files: how much a browser loads, what they are made of, and whether their colors can be read."""

from __future__ import annotations

import gzip
import re
import subprocess

import pytest

from functions.console.assets import FOLDER
from tests.node import JAVASCRIPT, need

FIRST_LOAD = [
    "index.html", "console.css", "vendor/preact.js", "app.js", "core.js", "ui.js", "live.js", "screens/index.js",
    "screens/inbox.js", "i18n/en.json",
]  # fmt: skip
"""What is loaded before the first conversations are shown; a browser test counts the requests."""

MODULES = [path for path in sorted(FOLDER.rglob("*.js")) if path.parent.name != "vendor"]
STYLE = (FOLDER / "console.css").read_text()
PAGE = (FOLDER / "index.html").read_text()

_TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
_ICON = re.compile(r'\bicon(?:=|: )"([\w-]+)"|<\$\{Icon\} name="([\w-]+)"')

READ_ON = {
    "text": ["surface", "surface-2", "surface-3", "accent-soft", "human", "bot"],
    "text-2": ["surface", "surface-2", "surface-3", "accent-soft", "human", "bot"],
    "accent": ["surface", "surface-2", "accent-soft"],
    "on-accent": ["accent", "accent-strong"],
    "bot-text": ["bot", "surface-2"],
    "note-text": ["note", "surface-2"],
    "danger": ["surface", "surface-2", "danger-soft"],
    "warning": ["surface", "surface-2", "accent-soft"],
}
"""On which surfaces a color of text is used."""


def test_the_first_load_is_at_most_80_kilobytes() -> None:
    size = sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in FIRST_LOAD)
    assert size <= 80 * 1024


def test_modules_import_one_another_by_relative_paths_alone() -> None:
    imported = {name for path in MODULES for name in re.findall(r'(?:from |import\()"([^"]+)"', path.read_text())}
    assert [name for name in imported if not name.startswith((".", ".."))] == []


def test_no_module_writes_markup() -> None:
    names = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "dangerouslySetInnerHTML", "eval(")
    assert [(path.name, name) for path in MODULES for name in names if name in path.read_text()] == []


def test_every_icon_that_is_named_is_drawn_and_only_those() -> None:
    drawn = set(re.findall(r'id="icon-([\w-]+)"', PAGE))
    named = {name for path in MODULES for match in _ICON.findall(path.read_text()) for name in match if name}
    strings = {text for path in MODULES for text in re.findall(r'"([\w-]+)"', path.read_text())}
    assert named - drawn == set()
    assert drawn - strings == set()


def _luminance(color: str) -> float:
    parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def _contrast(one: str, other: str) -> float:
    dark, light = sorted([_luminance(one), _luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_every_surface_that_it_is_used_on(theme: int) -> None:
    colors = {name: pair[theme] for name, *pair in _TOKEN.findall(STYLE)}
    pairs = [(text, surface) for text, surfaces in READ_ON.items() for surface in surfaces]
    low = {pair: _contrast(colors[pair[0]], colors[pair[1]]) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in low.items() if ratio < 4.5} == {}


def test_dark_is_the_same_whether_the_system_or_the_person_wants_it() -> None:
    assert "prefers-color-scheme" not in STYLE
    assert set(re.findall(r":root\[data-theme[^{]+\{\s*([^}]*?)\s*\}", STYLE)) == {
        "color-scheme: light;",
        "color-scheme: dark;",
    }


def test_the_vendored_module_is_what_its_packages_make() -> None:
    node = need(JAVASCRIPT, "REQUIRE_JAVASCRIPT")
    bundle = subprocess.run([node, "vendor.mjs"], cwd=JAVASCRIPT, check=True, capture_output=True).stdout
    assert bundle == (FOLDER / "vendor" / "preact.js").read_bytes()
