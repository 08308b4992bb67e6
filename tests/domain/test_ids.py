"""Ids of documents: random ones are nobody else's, and each process has its own."""

from __future__ import annotations

import os
import re
from contextlib import closing
from itertools import islice

from shared.domain.ids import new_id


def test_random_ids_are_24_digits_and_none_comes_twice() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{24}", each) for each in ids)


def test_a_fork_gives_other_ids_than_its_parent() -> None:
    new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, " ".join(islice(iter(new_id, None), 300)).encode())
        os._exit(0)
    os.close(writing)
    with closing(os.fdopen(reading)) as answers:
        ids_of_child = set(answers.read().split())
    os.waitpid(child, 0)
    assert len(ids_of_child) == 300
    assert ids_of_child.isdisjoint({new_id() for _ in range(300)})
