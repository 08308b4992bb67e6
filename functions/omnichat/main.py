"""The OmniChat dialect as a function: `/api/*` with access tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint


def blueprints() -> list[APIBlueprint]:
    """All of the dialect, for this function and for those that carry several."""
    from functions.omnichat import (  # noqa: PLC0415 - costs cold start
        access,
        agents,
        audit,
        auth,
        business_hours,
        campaigns,
        canned_replies,
        channel_types,
        channels,
        conversations,
        customers,
        erasures,
        events,
        files,
        front_end,
        inbox,
        keys,
        link_pages,
        messages,
        notifications,
        profile,
        search,
        settings,
        sla_policies,
        teams,
        telegram,
        templates,
        users,
        visitor_files,
        webhooks,
    )

    return [
        auth.api,
        link_pages.api,
        channels.api,
        channel_types.api,
        templates.api,
        front_end.api,
        agents.api,
        conversations.api,
        inbox.api,
        canned_replies.api,
        webhooks.api,
        audit.api,
        campaigns.api,
        customers.api,
        erasures.api,
        events.api,
        notifications.api,
        search.api,
        messages.api,
        files.api,
        visitor_files.api,
        users.api,
        profile.api,
        keys.api,
        settings.api,
        business_hours.api,
        sla_policies.api,
        teams.api,
        telegram.api,
        access.api,
    ]


handler = handler_for(blueprints)
