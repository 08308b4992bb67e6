"""Delivery: sending what the outbox holds, and writing down the outcome."""
