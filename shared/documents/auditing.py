"""The entry of the audit log that goes with what a person, a key or the operator writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from shared.domain.audit import NOBODYS, AuditEntry
from shared.domain.authors import ActorKind, Author
from shared.domain.ids import new_id
from shared.logs import current_trace, masked
from shared.ports.store import Create, Data, Delete, Increment, Ref, Remove, Set, Write

_LONGEST_TEXT = 200
_LONGEST_LIST = 20
_MOST_CHANGES = 100

_OUR_IDS = frozenset(
    {
        *(
            "id",
            "tenant_id",
            "user_id",
            "agent_id",
            "team_id",
            "lead_agent_id",
            "assignee_id",
            "holder_id",
            "author_id",
        ),
        *("customer_id", "conversation_id", "message_id", "instance_id", "identity_id", "campaign_id", "merged_into"),
    }
)
"""The fields of documents about customers whose text is an id of ours, which tells nothing about the customer."""

_CLOCKS = frozenset({"created_at", "updated_at", "revision"})


@dataclass(frozen=True, slots=True)
class _Recorded:
    """How changes of a collection are recorded.

    `texts` says whether texts are shown; otherwise each is replaced by its length, and numbers are hidden, but for
    words that the hub chooses and ids of ours. `fields` are those that are recorded, None for all; a change of others
    alone is none, and so is one of the `ignored`, which follow others. `hidden` are fields whose texts are never shown.
    `when` tells which documents count.
    """

    texts: bool = True
    fields: frozenset[str] | None = None
    ignored: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    when: Callable[[Mapping[str, Any]], bool] | None = None


_SETTINGS = _Recorded()
_ABOUT_CUSTOMERS = _Recorded(texts=False)

RECORDED: dict[str, _Recorded] = {
    "users": _SETTINGS,
    "availabilities": _Recorded(fields=frozenset({"status", "capacity", "skills", "team_ids"})),
    "account_links": _SETTINGS,
    "api_keys": _SETTINGS,
    "refresh_tokens": _Recorded(
        fields=frozenset({"is_sign_in", "revoked", "user_id"}), when=lambda token: bool(token.get("is_sign_in"))
    ),
    "agents": _SETTINGS,
    "agent_teams": _SETTINGS,
    "knowledge_texts": _Recorded(hidden=frozenset({"text"})),
    "instances": _Recorded(hidden=frozenset({"config", "metadata", "agent", "pairing", "status_detail"})),
    "access_rules": _ABOUT_CUSTOMERS,
    "routing_rules": _SETTINGS,
    "service_levels": _SETTINGS,
    "canned_replies": _SETTINGS,
    "message_templates": _SETTINGS,
    "campaigns": _SETTINGS,
    "webhook_endpoints": _SETTINGS,
    "forge_settings": _SETTINGS,
    "customers": _ABOUT_CUSTOMERS,
    "customer_merges": _ABOUT_CUSTOMERS,
    "conversations": _Recorded(
        texts=False,
        fields=frozenset(
            {
                *("customer_id", "instance_id", "status", "priority", "assignee_id", "team_id", "owner", "holder_id"),
                *("tags", "pause_ends_at", "snoozed_until", "auto_reply_enabled", "auto_reply_agent_id", "closed_at"),
            }
        ),
    ),
    "messages": _Recorded(
        texts=False,
        fields=frozenset(
            {
                *("conversation_id", "customer_id", "instance_id", "direction", "author", "author_id", "kind", "text"),
                *("for_people", "status", "edited_at", "deleted_at", "attachments", "reactions"),
            }
        ),
    ),
    "outbox": _Recorded(fields=frozenset({"status", "attempts", "open"})),
    "file_copies": _Recorded(fields=frozenset({"conversation_id", "message_id", "state", "size"})),
    "ratings": _ABOUT_CUSTOMERS,
    "calls": _ABOUT_CUSTOMERS,
    "erasures": _Recorded(texts=False, fields=frozenset({"customer_id", "state"})),
    "tenants": _Recorded(ignored=frozenset({"responder", "responder_team_id", "reassign_after_minutes"})),
}
"""The collections whose changes are recorded. The first of them that a commit changes is what the entry is about."""

NOT_RECORDED: dict[str, str] = {
    **dict.fromkeys(
        ("emails", "instance_names", "instance_addresses", "instance_sets", "agent_team_names", "canned_reply_codes"),
        "uniqueness of what is recorded",
    ),
    **dict.fromkeys(("customer_tags", "conversation_tags", "campaign_recipients"), "made of what is recorded"),
    **dict.fromkeys(("identities", "stored_contents", "file_usage"), "follows what is recorded"),
    **dict.fromkeys(
        ("counters", "stats", "stats_days", "campaign_counters", "campaign_conversions", "ai_usage", "tool_usage"),
        "figures",
    ),
    **dict.fromkeys(
        ("leases", "channel_auth", "removals", "sweep_positions", "agent_runs", "install_states", "collaborations"),
        "the hub's own work",
    ),
    **dict.fromkeys(("rate_usage", "login_failures"), "limits; a failed sign-in has an entry of its own"),
    **dict.fromkeys(("notifications", "personal_notifications"), "told by the hub"),
    "read_notifications": "what somebody has read changes nothing for others",
    **dict.fromkeys(("event_log", "event_streams", "webhook_deliveries"), "tell of what is recorded"),
    **dict.fromkeys(("audit_entries", "audit_chains"), "the log itself"),
}
"""The other collections, and why their changes are not recorded."""


def entry_of(author: Author, writes: Sequence[Write], former: Callable[[Ref], Data | None]) -> AuditEntry | None:
    """The entry for what an author's commit writes; None where nothing is recorded of it.

    `former` tells the fields that a document had; None where nobody has read it.
    """
    changes, tenant_id, signed_in = [], author.tenant_id, None
    for write in writes:
        rule = RECORDED.get(write.ref.collection)
        before = former(write.ref)
        if rule is None or not _counts(rule, write, before):
            continue
        written = {} if isinstance(write, Delete) else write.data
        tenant_id = tenant_id or _tenant_of(write, before)
        if write.ref.collection == "refresh_tokens" and isinstance(write, Create):
            signed_in = str(written.get("user_id"))
        if change := _change(rule, write, before):
            changes.append(change)
    if not changes:
        return None
    order = list(RECORDED)
    changes.sort(key=lambda change: order.index(change["collection"]))
    if author.kind is ActorKind.OPEN and signed_in:
        author = replace(author, kind=ActorKind.USER, id=signed_in)
    return new_entry(author, tenant_id or NOBODYS, changes[0]["collection"], changes)


def new_entry(author: Author, tenant_id: str, subject: str, changes: Sequence[Mapping[str, Any]] = ()) -> AuditEntry:
    """An entry that waits for its place in the chain."""
    trace = current_trace()
    listed = [*changes[:_MOST_CHANGES]]
    if len(changes) > _MOST_CHANGES:
        listed.append(
            {"collection": subject, "id": "", "change": "further", "before": {}, "after": {"count": len(changes)}}
        )
    return AuditEntry(
        id=new_id(),
        tenant_id=tenant_id,
        at=author.now(),
        actor_kind=author.kind,
        actor_id=author.id,
        actor_name=author.name,
        address=author.address,
        request_id=trace.request_id if trace else None,
        action=author.action,
        subject=subject,
        changes=json.dumps(listed, ensure_ascii=False, separators=(",", ":")),
    )


def _counts(rule: _Recorded, write: Write, before: Data | None) -> bool:
    return rule.when is None or rule.when({**(before or {}), **({} if isinstance(write, Delete) else write.data)})


def _tenant_of(write: Write, before: Data | None) -> str:
    if write.ref.collection == "tenants":
        return write.ref.id
    fields = {**(before or {}), **({} if isinstance(write, Delete) else write.data)}
    return str(fields.get("tenant_id") or "")


def _change(rule: _Recorded, write: Write, before: Data | None) -> dict[str, Any] | None:
    """What was changed in a document; None where no field was that counts."""
    if isinstance(write, Delete):
        kind, old, new = "deleted", _recorded_fields(rule, before or {}), {}
    elif isinstance(write, Create) or (isinstance(write, Set) and before is None):
        kind, old, new = "created", {}, _recorded_fields(rule, write.data)
    else:
        kind, new = "changed", _recorded_fields(rule, write.data)
        old = _recorded_fields(rule, _only(before or {}, write.data))
    if kind != "deleted" and not new:
        return None
    return {"collection": write.ref.collection, "id": write.ref.id, "change": kind, "before": old, "after": new}


def _only(before: Mapping[str, Any], changed: Mapping[str, Any]) -> Data:
    """Of the former fields those that are changed."""
    return {
        name: _only(before[name], value)
        if isinstance(value, Mapping) and isinstance(before[name], Mapping)
        else before[name]
        for name, value in changed.items()
        if name in before
    }


def _recorded_fields(rule: _Recorded, fields: Mapping[str, Any]) -> Data:
    ignored = _CLOCKS | rule.ignored
    names = [name for name in fields if name not in ignored and (rule.fields is None or name in rule.fields)]
    values = {
        name: _plain(fields[name], (rule.texts and name not in rule.hidden) or name in _OUR_IDS)
        for name in names
        if fields[name] not in (None, [], {})
    } | {name: None for name in names if fields[name] is None}
    masked_fields: Data = masked(values)
    return masked_fields


def _plain(value: Any, with_texts: bool) -> Any:
    """As JSON, with long texts cut off; without texts each is its length."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        if not with_texts:
            return f"({len(value)} characters)"
        return value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}… ({len(value)} characters)"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {
            (name if with_texts or _is_name(name) else f"({len(name)} characters)"): _plain(
                inner, with_texts or name in _OUR_IDS
            )
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        further = [f"({len(value) - _LONGEST_LIST} further)"] if len(value) > _LONGEST_LIST else []
        return [*(_plain(each, with_texts) for each in value[:_LONGEST_LIST]), *further]
    if isinstance(value, Increment):
        return f"{value.by:+}"
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not with_texts:
        return "(a number)"
    return None if isinstance(value, Remove) else value


def _is_name(text: str) -> bool:
    """Whether a map's key is the name of a field, and nothing that a customer has written."""
    return text.isascii() and text.replace("_", "").isalpha() and text.islower()
