"""Making a number's calls come to us."""

from __future__ import annotations

from shared.channel import Connection
from shared.channelkit import twilio
from shared.channelkit.twilio_webhooks import number_key
from shared.channels.voice.config import VoiceConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

_ELSEWHERE = "calls to this number do not come here: connect the instance"


def connect(deps: Deps, instance: Instance, config: VoiceConfig) -> Connection:
    """Enter our addresses at the number; where it is not the account's, say what to enter where."""
    number, url = _number(instance, config), _ours(deps, instance)
    known = twilio.own_number(deps, config, number)
    if known is None:
        detail = f"{number} is no number of this account: enter {url or 'the webhook address'} where it is kept"
    elif url is None:
        detail = "set PUBLIC_URL and connect again, else no call comes in"
    else:
        detail = None
        twilio.set_number(deps, config, str(known["sid"]), _entries(url))
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        # Only who owns a number may claim it.
        external_id=number if known else None,
        phone_number=number,
        detail=detail,
        config={"twilio_account_sid": config.twilio_account_sid},
    )


def status(deps: Deps, instance: Instance, config: VoiceConfig) -> Connection:
    """Ask Twilio where the number's calls go."""
    known, url = twilio.own_number(deps, config, _number(instance, config)), _ours(deps, instance)
    if known is not None and url is not None and known.get("voice_url") != url:
        return Connection(status=InstanceStatus.DISCONNECTED, detail=_ELSEWHERE)
    return Connection(status=InstanceStatus.CONNECTED, webhook_url=url)


def logout(deps: Deps, instance: Instance, config: VoiceConfig) -> Connection:
    """Take our addresses away from the number, if they are there."""
    _let_go(deps, instance, config)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=_ELSEWHERE)


def remove(deps: Deps, instance: Instance, config: VoiceConfig) -> Connection:
    """Take our addresses away; the number itself belongs to the account."""
    _let_go(deps, instance, config)
    return Connection(status=InstanceStatus.DELETED)


def probe(deps: Deps, instance: Instance, config: VoiceConfig) -> None:
    """Ask whether the account's credential is good."""
    twilio.probe(deps, config)


def _number(instance: Instance, config: VoiceConfig) -> str:
    number = config.phone_number or instance.phone_number
    if not number:
        raise ProviderRejected(twilio.PROVIDER, "there is no number: give phone_number")
    return number_key(number)


def _ours(deps: Deps, instance: Instance) -> str | None:
    return f"{deps.settings.public_url}/webhook/voice/{instance.id}" if deps.settings.public_url else None


def _entries(url: str) -> dict[str, str]:
    return {
        "VoiceUrl": url,
        "VoiceMethod": "POST",
        "StatusCallback": f"{url}/status" if url else "",
        "StatusCallbackMethod": "POST",
    }


def _let_go(deps: Deps, instance: Instance, config: VoiceConfig) -> None:
    known, url = twilio.own_number(deps, config, _number(instance, config)), _ours(deps, instance)
    if known is not None and url is not None and known.get("voice_url") == url:
        twilio.set_number(deps, config, str(known["sid"]), _entries(""))
