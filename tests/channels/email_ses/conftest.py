"""Amazon on this machine."""

from tests.channels.amazon import amazon, aws, aws_clients, deps, moto_server, settings, signer, topic

__all__ = ["amazon", "aws", "aws_clients", "deps", "moto_server", "settings", "signer", "topic"]
