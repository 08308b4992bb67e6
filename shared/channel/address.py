"""`address.py` of a channel: addresses that people type."""

from __future__ import annotations

from typing import Protocol


class AddressModule(Protocol):
    """Channels on which one address has several spellings; elsewhere an address is taken as it is."""

    def canonical(self, address: str) -> str:
        """The one spelling by which addresses are compared (a telephone number, a mail address).

        Raises `BadRequest` for what cannot be an address.
        """
        ...
