"""For whom a thread works: what they have written goes into the audit log (`shared/documents/auditing.py`).

What nobody asked for (a provider's webhook, a consumer, the sweep) has no author, and costs a look at a variable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.domain.authors import Author

_author: ContextVar[Author | None] = ContextVar("author", default=None)


def work_for(author: Author | None) -> None:
    """What this thread writes from now on it writes for this author, or for nobody."""
    _author.set(author)


@contextmanager
def working_for(author: Author) -> Iterator[None]:
    """What is written meanwhile is written for this author."""
    token = _author.set(author)
    try:
        yield
    finally:
        _author.reset(token)


def current() -> Author | None:
    """For whom this thread writes; None for nobody."""
    return _author.get()
