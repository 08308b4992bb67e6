"""A code to scan as a picture."""

from __future__ import annotations

import base64
import io

from shared.domain.instances import PairingCode


def png_base64(pairing: PairingCode) -> str | None:
    """The picture that the provider gave, or one drawn from its text, as base64 of a PNG; None without either."""
    if pairing.png_base64:
        return pairing.png_base64
    return _drawn(pairing.text) if pairing.text else None


def _drawn(text: str) -> str:
    import segno  # noqa: PLC0415 - few requests draw a code, all would pay for the import

    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=6)
    return base64.b64encode(picture.getvalue()).decode("ascii")
