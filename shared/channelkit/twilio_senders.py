"""Making what comes to a number, or to a pool of numbers, come to us; and letting it go elsewhere again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.channel.lifecycle import Connection
from shared.domain.instances import InstanceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What Twilio calls us for, and how to see and to change where it calls.

    `record` is what Twilio has of it, None when it is not the account's;
    `target` is where it calls now; `point` enters another address, or with an
    empty one none. `webhook_url` is our address, None without `PUBLIC_URL`; `coming`
    names what comes in.
    """

    name: str
    record: Mapping[str, Any] | None
    target: object
    point: Callable[[str], None]
    webhook_url: str | None
    coming: str

    @property
    def elsewhere(self) -> str:
        return f"{self.coming}s to {self.name} do not come here: connect the instance"


def connect(sender: Sender, *, phone_number: str | None, account_sid: str) -> Connection:
    """Enter our address; where Twilio has no such sender, say what to enter where."""
    if sender.record is None:
        there = sender.webhook_url or "the webhook address"
        detail: str | None = f"{sender.name} is no number of this account: enter {there} where it is kept"
    elif sender.webhook_url is None:
        detail = f"set PUBLIC_URL and connect again, else no {sender.coming} comes in"
    else:
        detail = None
        sender.point(sender.webhook_url)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=sender.webhook_url,
        # Only who owns a number may claim it.
        external_id=sender.name if sender.record is not None else None,
        phone_number=phone_number,
        detail=detail,
        config={"twilio_account_sid": account_sid},
    )


def status(sender: Sender) -> Connection:
    """Where what comes to the sender goes now."""
    if sender.record is not None and sender.webhook_url is not None and sender.target != sender.webhook_url:
        return Connection(status=InstanceStatus.DISCONNECTED, detail=sender.elsewhere)
    return Connection(status=InstanceStatus.CONNECTED, webhook_url=sender.webhook_url)


def let_go(sender: Sender) -> None:
    """Take our address away, if it is there; anybody else's stays."""
    if sender.record is not None and sender.webhook_url is not None and sender.target == sender.webhook_url:
        sender.point("")
