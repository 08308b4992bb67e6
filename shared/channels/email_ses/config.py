"""What an e-mail instance is configured with."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.channelkit.aws import AwsConfig

PROVIDER = "ses"


class EmailConfig(AwsConfig):
    """`address` is what the business writes from, and what customers write to.

    `topic_arns` are the SNS topics whose notifications are taken; anybody's
    topic carries a valid signature of Amazon's. With `reply_domain` answers go
    to `reply+<thread>@<reply_domain>`, which survives mail programs that drop
    the headers of a thread.
    """

    address: str = Field(pattern=r"^[^@\s<>\"(),:;]{1,64}@[A-Za-z0-9.-]{1,255}$")
    name: str | None = Field(default=None, max_length=100)
    topic_arns: list[str] = Field(default_factory=list, max_length=10)
    webhook_secret: SecretStr | None = None
    reply_domain: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,255}$")
    configuration_set: str | None = None
    subject: str = Field(default="A message for you", max_length=200)

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()
