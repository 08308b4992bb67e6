"""A random order of mutations that spreads over functions and over kinds."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from tests.mutants.mutations import Mutation
from tests.mutants.operators import LAST


def shuffled(mutations: Sequence[Mutation], seed: int) -> Iterator[Mutation]:
    """Kinds that tell least come after all others."""
    chance = random.Random(seed)
    parts = ([each for each in mutations if (each.change.kind in LAST) is last] for last in (False, True))
    return chain.from_iterable(_rounds(part, chance) for part in parts)


def _rounds(mutations: Iterable[Mutation], chance: random.Random) -> Iterator[Mutation]:
    """One of each function (or class, or table) before a second of any; each kind that it has is as likely."""
    places: dict[tuple[str, str, frozenset[str]], dict[str, list[Mutation]]] = defaultdict(lambda: defaultdict(list))
    for each in mutations:
        place = (each.path, each.place.scope, frozenset() if each.place.in_function else each.place.names)
        places[place][each.change.kind].append(each)
    while places:
        for place in chance.sample(list(places), len(places)):
            kinds = places[place]
            kind = chance.choice(list(kinds))
            yield kinds[kind].pop(chance.randrange(len(kinds[kind])))
            if not kinds[kind]:
                del kinds[kind]
            if not kinds:
                del places[place]
