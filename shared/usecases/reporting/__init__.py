"""Counters, roll-ups and what a dashboard shows of them."""
