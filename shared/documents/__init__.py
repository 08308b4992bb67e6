"""Typed documents: what use cases read and write instead of the raw fields of the store.

`unit_of_work` lists every collection of the hub; `retry` runs a decision again when somebody else wrote first.
`Increment` is what a patch may hold as a field's value.
"""

from shared.ports.store import Increment

__all__ = ["Increment"]
