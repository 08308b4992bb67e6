"""A stranger learns neither which channels there are nor how many."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.domain.instances import ChannelType
from shared.ports.store import Merge, Ref
from shared.usecases.instances import instances
from shared.usecases.instances.instances import NewInstance
from tests.functions.keys import key_for
from tests.security.tenants import Business, business, deployment
from tests.stubs import Stub

CONFIGS: dict[str, tuple[ChannelType, dict[str, Any]]] = {
    "telegram_bot": (ChannelType.TELEGRAM_BOT, {"bot_token": "7:token", "webhook_secret": "s" * 40}),
    "evolution": (ChannelType.WHATSAPP, {"evolution_key": "k" * 20, "webhook_secret": "s" * 40}),
    "whatsapp_cloud": (
        ChannelType.WHATSAPP,
        {"provider": "cloud", "phone_number_id": "42", "access_token": "t" * 20, "app_secret": "s" * 40},
    ),
    "facebook": (ChannelType.FACEBOOK, {"page_access_token": "t" * 20, "app_secret": "s" * 40}),
    "slack": (ChannelType.SLACK, {"bot_token": "xoxb-1", "signing_secret": "s" * 40}),
    "sms": (ChannelType.SMS, {"twilio_account_sid": "AC" + "0" * 32, "auth_token": "t" * 32}),
    "discord": (ChannelType.DISCORD, {"bot_token": "token", "public_key": "0" * 64}),
    "unfinished": (ChannelType.TELEGRAM_BOT, {}),
}
SETTINGS = [
    {"environment": "production", "registration": "open"},
    {"webhook_strict": True},
    {"public_url": "https://hub.example.com"},
]


ADDRESSES = count(1)


def reply_to(client: FlaskClient, method: str, path: str, body: bytes) -> Any:
    """The answer to a stranger who has not called before, so that none is refused for calling often."""
    address = {"REMOTE_ADDR": f"2001:db8:{next(ADDRESSES):x}::1"}
    answer = client.open(path, method=method, data=body, headers={"X-Request-ID": "same"}, environ_base=address)
    return answer.status_code, answer.json, answer.headers.get("WWW-Authenticate")


@pytest.mark.parametrize("settings_", SETTINGS, ids=str)
@pytest.mark.parametrize("channel", CONFIGS)
def test_a_forged_call_for_a_channel_is_answered_as_one_for_none(
    deps: Deps, settings_: dict[str, Any], channel: str
) -> None:
    channel_type, config = CONFIGS[channel]
    hub = deployment(deps, **settings_)
    client = business(hub, "owner").client
    new = NewInstance(channel_type=channel_type, name="existing", config=config)
    instance = instances.create(hub, "acme", new, connect=False)
    name = {"unfinished": "telegram_bot"}.get(channel, channel)
    bodies = (b"{}", b"[", b"x" * (21 * 1024 * 1024))
    for body in bodies:
        for key in ("existing", instance.id):
            for suffix in ("", "/messages-upsert"):
                existing = reply_to(client, "POST", f"/webhook/{name}/{key}{suffix}", body)
                assert existing == reply_to(client, "POST", f"/webhook/{name}/unknown{suffix}", body)
                assert existing[0] == 401
    for query in ("", "?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1"):
        existing = reply_to(client, "GET", f"/webhook/{name}/existing{query}", b"")
        assert existing == reply_to(client, "GET", f"/webhook/{name}/unknown{query}", b"")
        assert existing[0] == 403


def number_of(owner: Business, deps: Deps, name: str) -> int:
    body = {"name": name, "channel_type": "slack", "agent_api_url": "https://agent.example.com", "default_agent": "a"}
    headers = key_for(deps, owner.tenant_id)
    answer: Any = owner.client.post("/api/v1/instances", json=body | {"agent_api_key": "k"}, headers=headers).json
    return int(answer["id"])


def test_the_numbers_of_one_tenant_tell_nothing_of_anothers(deps: Deps, provider: Stub) -> None:
    alice, mallory = business(deps, "alice"), business(deps, "mallory")
    numbers = [number_of(tenant, deps, f"n{n}") for n, tenant in enumerate((alice, mallory, alice, mallory))]
    assert numbers == [1, 1, 2, 2]


def test_a_tenant_of_an_earlier_version_gets_no_number_twice(deps: Deps, provider: Stub) -> None:
    alice = business(deps, "alice")
    instance_set = {"count": 1, "next_slug": {"slack": 2}}
    deps.store.commit(
        [Merge(Ref("instance_sets", alice.tenant_id), instance_set), Merge(Ref("counters", "instances"), {"last": 41})]
    )
    assert [number_of(alice, deps, name) for name in ("one", "two")] == [42, 43]
    assert number_of(business(deps, "bob"), deps, "three") == 1
