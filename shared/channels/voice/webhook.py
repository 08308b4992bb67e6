"""What a call hears next: Twilio asks, and one of the steps answers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.channel.webhook import RawPart, Webhook, WebhookResponse
from shared.channelkit.twilio_webhooks import NOTHING_TO_DO, fields, number_key, verify
from shared.channels.voice import twiml
from shared.channels.voice.actions import Agent, Gather
from shared.channels.voice.config import VoiceConfig
from shared.channels.voice.twiml import Script
from shared.deps import Deps
from shared.domain.instances import Instance

__all__ = ["accept", "respond", "verify"]

_MOST_ROUNDS = 100


def respond(deps: Deps, instance: Instance, config: VoiceConfig, webhook: Webhook) -> WebhookResponse | None:
    """TwiML for a call that has come to the end of what it was told; status callbacks are told nothing."""
    params = fields(webhook, "chat")
    script = Script(config, address_of(webhook), chat_of(params), turn_of(webhook))
    step = _number(webhook.query.get("step"), len(config.actions))
    match webhook.suffix:
        case "":
            script_text = twiml.from_step(script, 0)
        case "gather":
            script_text = _gathered(script, step, params.get("Digits", ""))
        case "hold":
            script_text = _keep_waiting(script, step, _number(webhook.query.get("round"), _MOST_ROUNDS))
        case "dialed":
            spoke = params.get("DialCallStatus") in ("completed", "answered")
            script_text = twiml.goodbye(script) if spoke else twiml.from_step(script, step + 1)
        case "recorded":
            script_text = twiml.goodbye(script)
        case _:
            return NOTHING_TO_DO
    return WebhookResponse(body=script_text, content_type="text/xml")


def address_of(webhook: Webhook) -> str:
    """Our address without what followed the instance."""
    path = webhook.url.partition("?")[0]
    return path.removesuffix(f"/{webhook.suffix}") if webhook.suffix else path


def turn_of(webhook: Webhook) -> str:
    """New with every call to us: what is gathered next is another message, however often Twilio repeats it."""
    return f"{round(webhook.received_at.timestamp() * 1_000_000):x}"


def _number(text: str | None, most: int) -> int:
    plain = text or ""
    return min(int(plain), most) if plain.isascii() and plain.isdecimal() and len(plain) <= 4 else 0


def _gathered(script: Script, step: int, keys: str) -> str:
    """A key that is a choice leads to its step, anything else to the agent, if one is next."""
    actions = script.config.actions
    here = actions[step] if step < len(actions) else None
    if isinstance(here, Gather) and keys in here.choices:
        return twiml.from_step(script, here.choices[keys])
    following = actions[step + 1] if step + 1 < len(actions) else None
    if isinstance(following, Agent):
        return twiml.waiting(script, step + 1, following, 1)
    return twiml.from_step(script, step + 1)


def _keep_waiting(script: Script, step: int, round_: int) -> str:
    actions = script.config.actions
    here = actions[step] if step < len(actions) else None
    if not isinstance(here, Agent) or round_ < 2 or (round_ - 1) * twiml.PAUSE >= here.seconds:
        return twiml.from_step(script, step + 1)
    return twiml.waiting(script, step, here, round_)


# What carriers give for a number that is not told:
# https://help.twilio.com/articles/223179988
_ANONYMOUS = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})


_NUMBER = re.compile(r"\+[0-9]{7,15}")


def accept(webhook: Webhook) -> list[RawPart]:
    """What happened on a call, in order per caller; `hold` only asks how to go on."""
    payload = fields(webhook, "step", "chat", "turn", "choices")
    if webhook.suffix == "hold":
        return []
    return [RawPart(key=chat_of(payload)[:128], payload=payload)]


def chat_of(params: Mapping[str, str]) -> str:
    """Whose call it is: what our own address says, else the number at the other end.

    A caller with a hidden number is known for this call only.
    """
    if chat := params.get("chat", ""):
        return chat[:128]
    inbound = params.get("Direction", "inbound") == "inbound"
    number = number_key(params.get("From" if inbound else "To", ""))
    if _NUMBER.fullmatch(number) and number not in _ANONYMOUS:
        return number
    return f"anonymous:{params.get('CallSid', '')}"[:128]
