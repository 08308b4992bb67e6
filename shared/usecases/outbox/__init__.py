"""The outbox: messages that were accepted and wait to be sent."""
