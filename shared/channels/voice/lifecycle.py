"""Making a number's calls come to us."""

from __future__ import annotations

from shared.channel.lifecycle import Connection
from shared.channelkit import twilio, twilio_senders
from shared.channelkit.twilio_senders import Sender
from shared.channelkit.twilio_webhooks import number_key
from shared.channels.voice.config import VoiceConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected


def connect(deps: Deps, instance: Instance, config: VoiceConfig) -> Connection:
    """Enter our addresses at the number; where it is not the account's, say what to enter where."""
    sender = _sender(deps, instance, config)
    return twilio_senders.connect(sender, phone_number=sender.name, account_sid=config.twilio_account_sid)


def status(deps: Deps, instance: Instance, config: VoiceConfig) -> Connection:
    """Ask Twilio where the number's calls go."""
    return twilio_senders.status(_sender(deps, instance, config))


def logout(deps: Deps, instance: Instance, config: VoiceConfig) -> Connection:
    """Take our addresses away from the number, if they are there."""
    sender = _sender(deps, instance, config)
    twilio_senders.let_go(sender)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=sender.elsewhere)


def remove(deps: Deps, instance: Instance, config: VoiceConfig) -> Connection:
    """Take our addresses away; the number itself belongs to the account."""
    twilio_senders.let_go(_sender(deps, instance, config))
    return Connection(status=InstanceStatus.DELETED)


def probe(deps: Deps, instance: Instance, config: VoiceConfig) -> None:
    """Ask whether the account's credential is good."""
    twilio.probe(deps, config)


def _sender(deps: Deps, instance: Instance, config: VoiceConfig) -> Sender:
    number = config.phone_number or instance.phone_number
    if not number:
        raise ProviderRejected(twilio.PROVIDER, "there is no number: give phone_number")
    own = twilio.own_number(deps, config, number_key(number))
    public_url = deps.settings.public_url
    return Sender(
        name=number_key(number),
        record=own,
        target=own.get("voice_url") if own else None,
        point=lambda url: twilio.set_number(deps, config, str((own or {})["sid"]), _entries(url)),
        webhook_url=f"{public_url}/webhook/voice/{instance.id}" if public_url else None,
        coming="call",
    )


def _entries(url: str) -> dict[str, str]:
    return {
        "VoiceUrl": url,
        "VoiceMethod": "POST",
        "StatusCallback": f"{url}/status" if url else "",
        "StatusCallbackMethod": "POST",
    }
