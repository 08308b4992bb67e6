"""The way of a message: webhook, normal form, store, answer, delivery."""
