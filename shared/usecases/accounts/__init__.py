"""Tenants, their users and keys, and who a request comes from."""
