"""What an e-mail instance is configured with."""

from __future__ import annotations

from pydantic import Field

from shared.channelkit.sns_topics import TopicsConfig

PROVIDER = "ses"


class EmailConfig(TopicsConfig):
    """`address` is what the business writes from, and what customers write to.

    With `reply_domain` answers go to `reply+<thread>.<signature>@<reply_domain>`, which
    survives mail programs that drop the headers of a thread. `bucket` is the only
    one that mails are fetched from; without a key of its own a channel needs it.
    With `answer_cc` an answer also goes to whom the customer's mail went to.
    """

    address: str = Field(pattern=r"^[^@\s<>\"(),:;]{1,64}@[A-Za-z0-9.-]{1,255}$")
    name: str | None = Field(default=None, max_length=100)
    reply_domain: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,255}$")
    bucket: str | None = Field(default=None, min_length=3, max_length=63)
    configuration_set: str | None = None
    answer_cc: bool = False
    subject: str = Field(default="A message for you", max_length=200)

    def may_read(self, bucket: str) -> bool:
        """Whether mails may be fetched from there; who calls with the machine's own rights could read any bucket."""
        return bucket == self.bucket if self.bucket or self.ambient else True

    @property
    def thread_key(self) -> str | None:
        """What the names of threads in our mails are signed with; a channel without any secret receives none."""
        secret = self.webhook_secret or self.secret_access_key
        return secret.get_secret_value() if secret else None

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()
