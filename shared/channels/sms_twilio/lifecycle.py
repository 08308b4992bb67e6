"""Making a number's messages come to us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channel import Connection
from shared.channelkit import twilio
from shared.channelkit.twilio_webhooks import number_key
from shared.channels.sms_twilio.config import SmsConfig
from shared.channels.sms_twilio.outbound import webhook_url
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

_ELSEWHERE = "messages to this sender do not come here: connect the instance"


def connect(deps: Deps, instance: Instance, config: SmsConfig) -> Connection:
    """Enter our address at the number or the Messaging Service; where Twilio has neither, say what to enter where."""
    sender = config.messaging_service_sid or _number(instance, config)
    url = _ours(deps, instance)
    known = _find(deps, instance, config)
    if known is None:
        detail = f"{sender} is no number of this account: enter {url or 'the webhook address'} where it is kept"
    elif url is None:
        detail = "set PUBLIC_URL and connect again, else no message comes in"
    else:
        detail = None
        _point(deps, config, known, url)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        # Only who owns a number may claim it.
        external_id=sender if known else None,
        phone_number=None if config.messaging_service_sid else sender,
        detail=detail,
        config={"twilio_account_sid": config.twilio_account_sid},
    )


def status(deps: Deps, instance: Instance, config: SmsConfig) -> Connection:
    """Ask Twilio where the sender's messages go."""
    known, url = _find(deps, instance, config), _ours(deps, instance)
    if known is not None and url is not None and _target(known) != url:
        return Connection(status=InstanceStatus.DISCONNECTED, detail=_ELSEWHERE)
    return Connection(status=InstanceStatus.CONNECTED, webhook_url=url)


def logout(deps: Deps, instance: Instance, config: SmsConfig) -> Connection:
    """Take our address away from the sender, if it is there."""
    _let_go(deps, instance, config)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=_ELSEWHERE)


def remove(deps: Deps, instance: Instance, config: SmsConfig) -> Connection:
    """Take our address away; the number itself belongs to the account."""
    _let_go(deps, instance, config)
    return Connection(status=InstanceStatus.DELETED)


def probe(deps: Deps, instance: Instance, config: SmsConfig) -> None:
    """Ask whether the account's credential is good."""
    twilio.probe(deps, config)


def _number(instance: Instance, config: SmsConfig) -> str:
    number = config.phone_number or instance.phone_number
    if not number:
        raise ProviderRejected(twilio.PROVIDER, "there is no sender: give phone_number or messaging_service_sid")
    return number_key(number)


def _ours(deps: Deps, instance: Instance) -> str | None:
    return webhook_url(deps.settings.public_url, instance) if deps.settings.public_url else None


def _find(deps: Deps, instance: Instance, config: SmsConfig) -> Mapping[str, Any] | None:
    """The Messaging Service or the number, as Twilio has it."""
    service = config.messaging_service_sid
    if service is None:
        return twilio.own_number(deps, config, _number(instance, config))
    return twilio.result(twilio.call(deps, config, "GET", f"/v1/Services/{service}", service="messaging"))


def _target(known: Mapping[str, Any]) -> object:
    return known.get("inbound_request_url") or known.get("sms_url")


def _point(deps: Deps, config: SmsConfig, known: Mapping[str, Any], url: str) -> None:
    if config.messaging_service_sid is None:
        twilio.set_number(deps, config, str(known["sid"]), {"SmsUrl": url, "SmsMethod": "POST"})
        return
    path = f"/v1/Services/{config.messaging_service_sid}"
    form = {"InboundRequestUrl": url, "InboundMethod": "POST", "UseInboundWebhookOnNumber": "false"}
    twilio.result(twilio.call(deps, config, "POST", path, service="messaging", form=form))


def _let_go(deps: Deps, instance: Instance, config: SmsConfig) -> None:
    known, url = _find(deps, instance, config), _ours(deps, instance)
    if known is not None and url is not None and _target(known) == url:
        _point(deps, config, known, "")
