"""Conversations (sessions) beside the message way: lists, changes, transfer, routing, ratings, visitors."""
