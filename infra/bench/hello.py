"""What a function costs at least: the yardstick for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Request


def handler(request: Request) -> str:
    return "hello"
