"""Amazon on this machine."""

from tests.channels.amazon import amazon, aws, deps, moto_server, settings, signer, topic

__all__ = ["amazon", "aws", "deps", "moto_server", "settings", "signer", "topic"]
