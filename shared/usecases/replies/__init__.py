"""Automatic replies to customers."""
