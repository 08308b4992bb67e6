"""What a program writes into a document stands between two marks."""

from __future__ import annotations

import pytest

from infra.generated import part, with_part

DOCUMENT = "before\n<!-- cost:start -->\nold\n<!-- cost:end -->\nafter\n"


def test_a_part_is_replaced_and_nothing_else() -> None:
    assert part(DOCUMENT, "cost") == "old"
    assert with_part(DOCUMENT, "cost", "new\n") == DOCUMENT.replace("old", "new")


@pytest.mark.parametrize(
    "document", ["no marks", "<!-- cost:start -->", "<!-- cost:end -->", DOCUMENT.replace("cost", "bench")]
)
def test_a_document_without_the_marks_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="cost:start"):
        part(document, "cost")
    with pytest.raises(ValueError, match="cost:start"):
        with_part(document, "cost", "new")
