"""The Cloud API's calls: whether they are Meta's, and what they hold."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.channel.webhook import RawPart, Route, Webhook
from shared.channelkit import meta
from shared.channelkit.payloads import json_object
from shared.channels.whatsapp_cloud.api import PROVIDER
from shared.channels.whatsapp_cloud.config import CloudConfig, verify_token
from shared.config import Settings
from shared.errors import PayloadInvalid

_ITEMS: Mapping[str, Mapping[str, str]] = {
    "messages": {"messages": "message", "statuses": "status"},
    "smb_message_echoes": {"message_echoes": "echo"},
    "message_echoes": {"message_echoes": "echo"},
    "history": {"messages": "message", "message_echoes": "echo"},
    "user_preferences": {"user_preferences": "preference"},
}
"""By a change's field: the lists that are read, and what one item of each is called in a part's payload."""

_OF_TEMPLATES = frozenset(
    {"message_template_status_update", "message_template_quality_update", "template_category_update"}
)
"""Fields that tell of a template of the whole business account, whose id is that of the entry."""

_log = logging.getLogger(__name__)


def verify(webhook: Webhook, config: CloudConfig, settings: Settings) -> None:
    """Check `X-Hub-Signature-256` over the raw bytes, for Meta escapes non-ASCII in its own way."""
    meta.check_signature(PROVIDER, webhook, meta.app_secret(config.app_secret, settings), settings)


def challenge(webhook: Webhook, config: CloudConfig, settings: Settings) -> str:
    """The bare `hub.challenge`, which tells Meta that the callback URL is ours."""
    return meta.answer_challenge(PROVIDER, webhook, verify_token(config, settings))


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for each message, status, preference and template of each change of each entry."""
    body = json_object(PROVIDER, webhook.body)
    if body.get("object") != "whatsapp_business_account":
        _log.warning("a webhook for another object ignored", extra={"object": str(body.get("object"))[:64]})
        return []
    parts: list[RawPart] = []
    for entry in meta.objects(PROVIDER, body, "entry"):
        for change in meta.objects(PROVIDER, entry, "changes"):
            parts += _parts(change, str(entry.get("id") or ""))
    return parts


def _parts(change: Mapping[str, Any], business: str) -> list[RawPart]:
    """A change's field says what it is about: the same lists mean something else under another field."""
    field, value = str(change.get("field"))[:64], change.get("value")
    if not isinstance(value, dict):
        raise PayloadInvalid(f"{PROVIDER}: a change has no value")
    if field == "account_update":
        return [RawPart(key="account", payload={"account": value})]
    if field in _OF_TEMPLATES:
        key = f"template:{value.get('message_template_name')}"[:128]
        return [RawPart(key=key, payload={"template": value}, business=business)]
    if field == "history" and "history" in value:
        return [part for messages in _threads(value) for part in _listed(field, {**value, "messages": messages})]
    return _listed(field, value)


def _threads(value: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """The chats of a history; each message of ours then names the customer in `to`."""
    for chunk in meta.objects(PROVIDER, value, "history"):
        for thread in meta.objects(PROVIDER, chunk, "threads") if "threads" in chunk else []:
            customer = str(thread.get("id") or "")
            messages = meta.objects(PROVIDER, thread, "messages") if "messages" in thread else []
            yield [{"to": customer, **message} for message in messages]


def _listed(field: str, value: Mapping[str, Any]) -> list[RawPart]:
    lists = {name: item for name, item in _ITEMS.get(field, {}).items() if name in value}
    if not lists:
        _log.info("a change of another kind ignored", extra={"field": field})
        return []
    about = value.get("metadata")
    number = about.get("phone_number_id") if isinstance(about, dict) else None
    if not isinstance(number, (str, int)) or isinstance(number, bool):
        raise PayloadInvalid(f"{PROVIDER}: a change names no phone_number_id")
    people = _People(meta.objects(PROVIDER, value, "contacts") if "contacts" in value else [])
    return [
        RawPart(
            key=f"{number}:{_chat(item)}"[:128],
            payload={lists[name]: item, "contact": people.author_of(item)} | _history(field, about),
            account=str(number),
        )
        for name in lists
        for item in meta.objects(PROVIDER, value, name)
    ]


def _history(field: str, about: object) -> dict[str, Any]:
    """What tells a message of the history: whose it is can only be seen by the business's own number."""
    if field != "history" or not isinstance(about, dict):
        return {}
    return {"field": field, "number": str(about.get("display_phone_number") or "")}


def _chat(item: Mapping[str, Any]) -> object:
    """What is handled in order: a person's messages, and a message's statuses."""
    if "status" in item:
        return item.get("id")
    return item.get("group_id") or item.get("to") or item.get("from") or item.get("from_user_id") or item.get("wa_id")


class _People:
    """Who wrote what: `contacts` belongs to all messages of a change together."""

    def __init__(self, contacts: list[dict[str, Any]]) -> None:
        self._only = contacts[0] if len(contacts) == 1 else None
        self._by_id: dict[tuple[str, object], dict[str, Any]] = {
            (name, contact[name]): contact
            for name in ("wa_id", "user_id")
            for contact in reversed(contacts)
            if isinstance(contact.get(name), (str, int))
        }

    def author_of(self, item: Mapping[str, Any]) -> dict[str, Any] | None:
        for name, field in (("wa_id", "from"), ("user_id", "from_user_id")):
            author = item.get(field)
            if author and isinstance(author, (str, int)) and (name, author) in self._by_id:
                return self._by_id[name, author]
        return self._only


def routes() -> Sequence[Route]:
    """The one address of the app, for all its accounts."""
    return meta.app_routes(
        "/webhook/whatsapp_cloud",
        get_summary="Meta asks whether that address is ours.",
        post_summary="Meta's call for any number of WhatsApp numbers, where the app has one address for all.",
    )
