"""What becomes of a source: the changes that a careful adversary would try, and none that nobody could notice."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from tests.mutants import signatures
from tests.mutants.mutations import changed_lines, difference, mutations

PROJECT = signatures.read(
    [
        (
            "things",
            dedent(
                """
                class Color(StrEnum):
                    RED = "red"
                    BLUE = "blue"

                class Merge:
                    ref: str
                    version: str | None = None

                def count(ref, since=None, *, most=10, exact): ...
                """
            ),
        )
    ]
)


def _mutants(source: str) -> set[str]:
    """What the one line of a function becomes; a line that is gone is empty."""
    return _changed(f"def function(x: int, y: list[int]) -> int | None:\n    {source}\n    return 5\n") - {"return 6"}


def _changed(source: str) -> set[str]:
    texts = [each.mutant(source) for each in mutations("module.py", source, PROJECT)]
    lines = [changed_lines(difference("module.py", source, text)) for text in texts if text]
    return {"\n".join(line[2:] for line in each if line.startswith("+")) for each in lines}


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("merge(x, version=x)", {"pass", "merge(x)"}),
        ("Merge(x, version=x)", {"pass", "Merge(x)"}),
        ("Merge(x, x)", {"pass", "Merge(x)"}),
        ("Merge(ref=x)", {"pass"}),
        ("count(x, y, exact=x)", {"pass", "count(x, exact=x)"}),
        ("count(x, most=y, exact=x)", {"pass", "count(x, exact=x)"}),
        ("things.count(x)", {"pass"}),
        ("y = [x, y]", {"y = [y]", "y = [x]", "pass"}),
        ("y = {'a': x, 'b': y}", {"y = {'b': y}", "y = {'a': x}", "pass"}),
        ("y = {**x, 'b': y}", {"y = {'b': y}", "y = {**x}", "pass"}),
        ("z = x and y", {"z = x", "z = y", "z = x or y"}),
        (
            "z = (x or y) and z",
            {"z = z", "z = (x or y)", "z = (x) and z", "z = (y) and z", "z = (x and y) and z", "z = ((x or y) or z)"},
        ),
        ("z = not x", {"z = x"}),
        ("z = x < y", {"z = x <= y"}),
        ("z = 0 < x <= y", {"z = 1 < x <= y", "z = 0 <= x <= y", "z = 0 < x < y"}),
        ("z = x is not None", {"z = x is None"}),
        ("z = x in (x, y)", {"z = x not in (x, y)", "z = x in (x,)", "z = x in (y,)"}),
        ("z = x if y else 3", {"z = x", "z = 3", "z = x if y else 4"}),
        ("z = True", {"z = False"}),
        ("z = 40", {"z = 20"}),
        ("z = min(x, y)", {"z = max(x, y)"}),
        ("z = [a for a in y if a]", {"z = [a for a in y if True]"}),
        ("z = x + y", {"z = x - y"}),
        ("z = x | y", {"z = x", "z = y"}),
        ("z = y[:x]", {"z = y"}),
        ("z = sorted(y)", {"z = y"}),
        ("z = x.strip()", {"z = x"}),
        ("z = Color.RED", {"z = Color.BLUE"}),
        ("x.y = y", {"pass"}),
        ("x += y", {"pass"}),
        ("if x: raise y", {"if not x: raise y", "if x: pass"}),
        ("if x: return y", {"if not x: return y", "if x: pass", "if x: return None"}),
        ("for a in y: continue", {"for a in y: break", "for a in y: pass"}),
    ],
)
def test_a_line_of_a_function_becomes(source: str, mutants: set[str]) -> None:
    assert _mutants(source) == mutants


@pytest.mark.parametrize(
    "source",
    [
        "log.warning('it broke', extra={'x': x, 'y': y})",
        "if x: log.info('it works')",
        "told = {'x': x}; log.info('it works', extra=told)",
        "'''A docstring.'''",
        "z: list[Literal[1, 2]]",
        "z = f'{x + y}'",
        "assert x < y",
        "z = x, y",
        "z = Callable[[int, str], bool]",
        "z = timedelta(seconds=x)",
        "import os",
        "z = cast('list[int]', y)",
    ],
)
def test_nothing_is_done_to_what_nobody_could_notice(source: str) -> None:
    assert _mutants(source) == set()


def test_a_table_of_a_module_is_changed_in_its_order_too() -> None:
    assert _changed("PARTS = (1, 2)\n") == {
        "PARTS = (2, 2)",
        "PARTS = (1, 3)",
        "PARTS = (1,)",
        "PARTS = (2,)",
        "PARTS = (2, 1)",
    }


def test_an_exception_is_caught_no_more() -> None:
    source = "def function(x):\n    try:\n        x.y = x\n    except (KeyError, OSError):\n        raise\n"
    assert _changed(source) == {"pass", "except (KeyError,):", "except (OSError,):"}
    source = "def function(x):\n    try:\n        x.y = x\n    except KeyError as error:\n        raise error\n"
    assert _changed(source) == {"pass", "except () as error:"}


def test_a_function_that_may_return_nothing_does() -> None:
    assert _changed("def function(x) -> int | None:\n    return x\n") == {"return None"}
    assert _changed("def function(x) -> bool:\n    return x.y()\n") == {"return not x.y()"}
    assert _changed("def function(x) -> list[int]:\n    return x\n") == {"return []"}
    assert _changed("def function(x) -> str:\n    return x\n") == set()


def test_of_several_lines_only_the_one_that_is_dropped_differs() -> None:
    source = "x = Merge(\n    ref,  # the place\n    version=(\n        1\n    ),\n)\n"
    (without,) = [each for each in mutations("module.py", source, PROJECT) if each.change.kind == "drop an argument"]
    text = without.mutant(source)
    assert text is not None
    assert "ref" in text
    assert "version" not in text


def test_every_mutant_of_a_real_module_can_be_compiled() -> None:
    path = "shared/usecases/delivery/pacing.py"
    source = Path(path).read_text("utf-8")
    texts = [text for each in mutations(path, source, PROJECT) if (text := each.mutant(source))]
    assert len(texts) > 20
    for text in texts:
        compile(text, path, "exec")
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(source))
