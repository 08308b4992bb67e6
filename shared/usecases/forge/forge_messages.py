"""The message by which somebody tries whether their Omni server reaches them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.forge import OmniConfig, RecipientType
from shared.errors import BadRequest, ProviderError
from shared.usecases.conversations import sending
from shared.usecases.forge import forge

_TEXT = "Test notification from Automagik Forge"
_TIMEOUT = 30.0


def send_test_message(deps: Deps, tenant_id: str) -> None:
    """Send it as the settings say, whether Omni is enabled or not.

    Raises `BadRequest` while something is missing, `AddressRefused`, and `ProviderError` when the server does not
    send it; of this hub itself also what sending raises.
    """
    settings = forge.load(deps, tenant_id)
    config = settings.settings.config
    values = {"omni_config.instance": config.instance, "omni_config.recipient": config.recipient}
    missing = [*settings.missing, *(name for name, value in values.items() if not value)]
    if missing:
        raise BadRequest.of_fields(dict.fromkeys(missing, "is missing"), between=" ")
    host, api_key = settings.host or "", settings.api_key or ""
    forge.check_host(deps, host)
    if forge.is_this_hub(deps, host):
        _send_here(deps, api_key, config)
    else:
        _send_there(deps, host.rstrip("/"), api_key, config)


def _send_here(deps: Deps, api_key: str, config: OmniConfig) -> None:
    sender = forge.own_principal(deps, api_key)
    if not (sender.may_write and sender.role.covers(Role.AGENT)):
        raise forge.refused()
    target = sending.Target(instance_id=config.instance, external_user_id=config.recipient)
    sending.send(deps, sender, target, sending.Content(text=_TEXT, by_program=True), None)


def _send_there(deps: Deps, host: str, api_key: str, config: OmniConfig) -> None:
    recipient = "user_id" if config.recipient_type is RecipientType.USER_ID else "phone_number"
    answer = deps.http.request(
        "POST",
        f"{host}/api/v1/instance/{quote(config.instance or '', safe='')}/send-text",
        provider=forge.SERVER,
        headers={"Authorization": f"Bearer {api_key}", "x-api-key": api_key},
        json={recipient: config.recipient, "text": _TEXT},
        timeout=_TIMEOUT,
    )
    body = answer.json() if answer.ok else None
    if not isinstance(body, Mapping) or body.get("success") is False:
        reason = body.get("error") if isinstance(body, Mapping) else f"it answered with status {answer.status}"
        raise ProviderError(forge.SERVER, f"the message was not sent: {reason}")
