"""Loads pytest's plugins: all that the tests of a small project need to be forked with."""

from __future__ import annotations

from importlib.metadata import entry_points

for _plugin in entry_points(group="pytest11"):
    _plugin.load()
