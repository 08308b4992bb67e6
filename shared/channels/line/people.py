"""What an event does not say: who it is, what a group is called, and whether we are quoted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.channelkit.payloads import checked
from shared.channels.line.api import call, result
from shared.channels.line.config import PROVIDER, LineConfig
from shared.channels.line.events import Event, Source
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import ProviderError

_log = logging.getLogger(__name__)

_TIMEOUT = 5.0
_PEOPLE_DO = frozenset({"message", "postback", "follow"})


def enrich(deps: Deps, instance: Instance, config: LineConfig, payload: Any) -> Any:
    """The event with `lookups`; it is taken without a name where LINE does not tell one."""
    event = checked(PROVIDER, Event, payload)
    if event.type not in _PEOPLE_DO:
        return payload
    source = event.source
    lookups = {
        "name": _name(deps, instance, config, _profile(source), "displayName"),
        "groupName": _name(deps, instance, config, _summary(source), "groupName"),
    }
    return {**payload, "lookups": lookups}


def _profile(source: Source) -> str | None:
    """Who is no friend of the account has a profile only as a group's member."""
    if source.user_id is None:
        return None
    user = quote(source.user_id, safe="")
    if source.group_id:
        return f"group/{quote(source.group_id, safe='')}/member/{user}"
    if source.room_id:
        return f"room/{quote(source.room_id, safe='')}/member/{user}"
    return f"profile/{user}"


def _summary(source: Source) -> str | None:
    """Rooms have no name."""
    return f"group/{quote(source.group_id, safe='')}/summary" if source.group_id else None


def _name(deps: Deps, instance: Instance, config: LineConfig, path: str | None, field: str) -> str | None:
    if path is None:
        return None
    names: tuple[str | None] = deps.cache.get(
        ("line name", instance.id, path), lambda: (_look_up(deps, config, path, field),)
    )
    return names[0]


def _look_up(deps: Deps, config: LineConfig, path: str, field: str) -> str | None:
    try:
        about: Mapping[str, Any] = result(call(deps, config, "GET", path, timeout=_TIMEOUT))
    except ProviderError as error:
        _log.info("line did not tell a name", extra={"why": error.detail})
        return None
    name = about.get(field)
    return name if isinstance(name, str) and name else None
