"""How each channel's webhooks prove themselves, by channel."""

from __future__ import annotations

from collections.abc import Mapping

from tests.channels.example import ROTATED, SECRET, Call, Proof, examples

__all__ = ["PROOFS", "ROTATED", "SECRET", "Call", "Proof"]

PROOFS: Mapping[str, Proof] = {name: example.proof for name, example in examples().items()}
