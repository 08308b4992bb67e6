"""Making a number's messages come to us."""

from __future__ import annotations

from shared.channel.lifecycle import Connection
from shared.channelkit import twilio, twilio_senders
from shared.channelkit.twilio_senders import Sender
from shared.channelkit.twilio_webhooks import number_key
from shared.channels.sms_twilio.config import SmsConfig
from shared.channels.sms_twilio.outbound import webhook_url
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected


def connect(deps: Deps, instance: Instance, config: SmsConfig) -> Connection:
    """Enter our address at the number or the Messaging Service; where Twilio has neither, say what to enter where."""
    sender = _sender(deps, instance, config)
    number = None if config.messaging_service_sid else sender.name
    return twilio_senders.connect(sender, phone_number=number, account_sid=config.twilio_account_sid)


def status(deps: Deps, instance: Instance, config: SmsConfig) -> Connection:
    """Ask Twilio where the sender's messages go."""
    return twilio_senders.status(_sender(deps, instance, config))


def logout(deps: Deps, instance: Instance, config: SmsConfig) -> Connection:
    """Take our address away from the sender, if it is there."""
    sender = _sender(deps, instance, config)
    twilio_senders.let_go(sender)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=sender.elsewhere)


def remove(deps: Deps, instance: Instance, config: SmsConfig) -> Connection:
    """Take our address away; the number itself belongs to the account."""
    twilio_senders.let_go(_sender(deps, instance, config))
    return Connection(status=InstanceStatus.DELETED)


def probe(deps: Deps, instance: Instance, config: SmsConfig) -> None:
    """Ask whether the account's credential is good."""
    twilio.probe(deps, config)


def _sender(deps: Deps, instance: Instance, config: SmsConfig) -> Sender:
    public_url = deps.settings.public_url
    own_url = webhook_url(public_url, instance) if public_url else None
    if config.messaging_service_sid:
        return _service(deps, config, config.messaging_service_sid, own_url)
    number = config.phone_number or instance.phone_number
    if not number:
        raise ProviderRejected(twilio.PROVIDER, "there is no sender: give phone_number or messaging_service_sid")
    own = twilio.own_number(deps, config, number_key(number))

    def point(url: str) -> None:
        twilio.set_number(deps, config, str((own or {})["sid"]), {"SmsUrl": url, "SmsMethod": "POST"})

    target = own.get("sms_url") if own else None
    return Sender(
        name=number_key(number), record=own, target=target, point=point, webhook_url=own_url, coming="message"
    )


def _service(deps: Deps, config: SmsConfig, sid: str, own_url: str | None) -> Sender:
    path = f"/v1/Services/{sid}"
    service = twilio.result(twilio.call(deps, config, "GET", path, service="messaging"))

    def point(url: str) -> None:
        form = {"InboundRequestUrl": url, "InboundMethod": "POST", "UseInboundWebhookOnNumber": "false"}
        twilio.result(twilio.call(deps, config, "POST", path, service="messaging", form=form))

    return Sender(
        name=sid,
        record=service,
        target=service.get("inbound_request_url"),
        point=point,
        webhook_url=own_url,
        coming="message",
    )
