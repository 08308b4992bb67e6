"""Webhooks out: telling a tenant's own systems what happens."""
