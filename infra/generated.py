"""Parts of a document that a program writes: each stands between two marks with its name."""

from __future__ import annotations


def part(text: str, name: str) -> str:
    """What stands between the marks. Raises `ValueError` where they are missing."""
    return _split(text, name)[1].strip("\n")


def with_part(text: str, name: str, content: str) -> str:
    """The document with other content between the marks. Raises `ValueError` where they are missing."""
    before, _, after = _split(text, name)
    start, end = _marks(name)
    return f"{before}{start}\n{content.strip()}\n{end}{after}"


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}:start -->", f"<!-- {name}:end -->"


def _split(text: str, name: str) -> tuple[str, str, str]:
    start, end = _marks(name)
    before, opening, rest = text.partition(start)
    content, closing, after = rest.partition(end)
    if not opening or not closing:
        raise ValueError(f"the document has no {start} … {end}")
    return before, content, after
