"""The addresses that Evolution calls, also those that name no instance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from shared.channel.webhook import Recipient, Route
from shared.errors import NotFound

_EVENT_FAMILIES = frozenset(
    {
        "application",
        "call",
        "chats",
        "connection",
        "contacts",
        "group",
        "groups",
        "instance",
        "labels",
        "logout",
        "messages",
        "presence",
        "qrcode",
        "remove",
        "send",
        "status",
        "typebot",
    }
)


def routes() -> Sequence[Route]:
    paths = ("/webhook/evolution", "/webhook/evolution/<instance_name>", "/webhook/evolution/<instance_name>/<suffix>")
    summary = "Evolution's call for one instance, or for the default one of the deployment's own tenant."
    return [Route(method="POST", path=path, summary=summary, recipients=_recipients) for path in paths]


def _recipients(parameters: Mapping[str, str], body: bytes) -> Iterator[Recipient]:
    """The instance in the path, else the default one, else the one that the body names.

    With `byEvents` Evolution appends the event's name to the address.
    """
    name = parameters.get("instance_name", "")
    if name:
        yield Recipient(name=name, suffix=parameters.get("suffix", ""))
    if name and not _is_event(name):
        raise NotFound("there is no such instance")
    account = _account_in(body)
    yield Recipient(is_default=True, account=account, suffix=name)
    if account:
        yield Recipient(account=account, suffix=name)
    raise NotFound(
        "the default instance is not one of Evolution's, nor does the body name one that is: "
        "call /webhook/evolution/{instance_name}"
    )


def _account_in(body: bytes) -> str | None:
    """The account that an event is about; a body that cannot be read names none."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    account = event.get("instance") if isinstance(event, dict) else None
    return account if isinstance(account, str) else None


def _is_event(segment: str) -> bool:
    """Whether a path segment is an event in Evolution's kebab case, not an instance's name."""
    family = segment.partition("-")[0]
    return "-" in segment and family in _EVENT_FAMILIES
