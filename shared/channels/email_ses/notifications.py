"""Amazon SES's notifications, as far as they are read; the field names are Amazon's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from shared.channelkit.payloads import checked
from shared.channels.email_ses.config import PROVIDER


class Verdict(BaseModel):
    status: str = ""


class Action(BaseModel):
    type: str
    bucketName: str | None = None
    objectKey: str | None = None
    encoding: str | None = None


class ReceivedReceipt(BaseModel):
    recipients: list[str] = Field(default_factory=list)
    spamVerdict: Verdict = Verdict()
    virusVerdict: Verdict = Verdict()
    spfVerdict: Verdict = Verdict()
    dkimVerdict: Verdict = Verdict()
    dmarcVerdict: Verdict = Verdict()
    action: Action


MESSAGE_TAG = "hub-message"


class ReceivedMail(BaseModel):
    timestamp: AwareDatetime
    messageId: str = Field(min_length=1, max_length=200)
    source: str = ""


class Received(BaseModel):
    """A mail came in. `mime` is the mail itself when it had to be fetched.

    `thread_key` and `reply_domain` are the channel's own, by which it knows the names of threads that it has given;
    `own_address` is what the business writes from.
    """

    mail: ReceivedMail
    receipt: ReceivedReceipt
    content: str | None = None
    mime: bytes | None = None
    thread_key: str | None = None
    reply_domain: str | None = None
    own_address: str | None = None


class SentMail(BaseModel):
    """`tags` come with what a configuration set publishes."""

    messageId: str = Field(min_length=1, max_length=200)
    tags: dict[str, list[str]] = Field(default_factory=dict)

    @property
    def part_id(self) -> str | None:
        """Our own id of the mail, which was sent along as a tag."""
        return next(iter(self.tags.get(MESSAGE_TAG, [])), None)


class Recipient(BaseModel):
    emailAddress: str = Field(max_length=500)
    diagnosticCode: str | None = None


class Bounce(BaseModel):
    bounceType: str
    bounceSubType: str = ""
    bouncedRecipients: list[Recipient] = Field(default_factory=list, max_length=100)


class Complaint(BaseModel):
    complainedRecipients: list[Recipient] = Field(default_factory=list, max_length=100)


class Feedback(BaseModel):
    """What became of a mail that was sent."""

    mail: SentMail
    bounce: Bounce | None = None
    complaint: Complaint | None = None


def read_received(payload: Mapping[str, Any]) -> Received:
    """Raises `PayloadInvalid`."""
    return checked(PROVIDER, Received, payload)


def read_feedback(payload: Mapping[str, Any]) -> Feedback:
    """Raises `PayloadInvalid`."""
    return checked(PROVIDER, Feedback, payload)
