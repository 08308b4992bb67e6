"""Making a number's events come to us.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/override
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channel.lifecycle import Connection
from shared.channelkit.reachable import only_sends
from shared.channels.whatsapp_cloud.api import PROVIDER, call, result
from shared.channels.whatsapp_cloud.config import CloudConfig, verify_token
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""
_FIELDS = "id,display_phone_number,verified_name,webhook_configuration"
_ELSEWHERE = "Meta calls another address for this number: connect the instance"


def connect(deps: Deps, instance: Instance, config: CloudConfig) -> Connection:
    """Ask for the number and, where `PUBLIC_URL` is set, have its webhooks sent to this instance's own address.

    Meta asks that address back before it answers. With `business_account_id` the
    app is first subscribed to the account, without which nothing is sent at all.
    """
    number = _number(deps, config)
    if not deps.settings.public_url:
        return _connected(deps, config, number, None)
    url = _callback(deps, instance)
    if config.business_account_id:
        result(call(deps, config, "POST", f"{config.business_account_id}/subscribed_apps"))
    try:
        _call_us(deps, config, url)
    except ProviderRejected as refused:
        raise ProviderRejected(
            PROVIDER,
            f"Meta does not take {url} as the number's callback: {refused.reason}. Set config.businessAccountId, use a "
            "token with whatsapp_business_management, and see that the address can be reached from outside",
        ) from None
    return _connected(deps, config, number, url)


def status(deps: Deps, instance: Instance, config: CloudConfig) -> Connection:
    """Check the token, and that Meta calls us for this number."""
    number = _number(deps, config)
    if deps.settings.public_url:
        callbacks = number.get("webhook_configuration")
        listening = isinstance(callbacks, dict) and _callback(deps, instance) in callbacks.values()
    else:
        listening = instance.status not in (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED)
    if not listening:
        return Connection(status=InstanceStatus.DISCONNECTED, external_id=config.phone_number_id, detail=_ELSEWHERE)
    return _connected(deps, config, number, None)


def logout(deps: Deps, instance: Instance, config: CloudConfig) -> Connection:
    """Have Meta call the app's own address again."""
    _call_us(deps, config, "")
    return Connection(status=InstanceStatus.DISCONNECTED, detail=_ELSEWHERE)


def remove(deps: Deps, instance: Instance, config: CloudConfig) -> Connection:
    """As `logout`; the number belongs to its owner."""
    _call_us(deps, config, "")
    return Connection(status=InstanceStatus.DELETED)


def probe(deps: Deps, instance: Instance, config: CloudConfig) -> None:
    """Ask Meta for the number."""
    result(call(deps, config, "GET", config.phone_number_id, params={"fields": "id"}, timeout=PROBE_TIMEOUT))


def _number(deps: Deps, config: CloudConfig) -> Mapping[str, Any]:
    number = result(call(deps, config, "GET", config.phone_number_id, params={"fields": _FIELDS}))
    stated = number.get("id", config.phone_number_id)
    if stated != config.phone_number_id:
        # Its webhooks name it so, and the number that was given may be somebody else's.
        raise ProviderRejected(PROVIDER, f"Meta calls this number {str(stated)[:64]}: set phone_number_id to that")
    return number


def _callback(deps: Deps, instance: Instance) -> str:
    return f"{deps.settings.public_url}/webhook/whatsapp_cloud/{instance.id}"


def _call_us(deps: Deps, config: CloudConfig, url: str) -> None:
    parameters = {"override_callback_uri": url}
    if url:
        parameters["verify_token"] = verify_token(config, deps.settings) or ""
    result(call(deps, config, "POST", config.phone_number_id, json={"webhook_configuration": parameters}))


def _connected(deps: Deps, config: CloudConfig, number: Mapping[str, Any], url: str | None) -> Connection:
    phone_number, name = number.get("display_phone_number"), number.get("verified_name")
    digits = "".join(char for char in phone_number if char.isdigit()) if isinstance(phone_number, str) else ""
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        external_id=config.phone_number_id,
        display_name=name if isinstance(name, str) else None,
        phone_number=f"+{digits}" if digits else None,
        detail=only_sends(deps.settings),
    )
