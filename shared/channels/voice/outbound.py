"""Speaking to a customer: into the call that goes on, else by calling them.

https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from shared.channel.outbound import Sent
from shared.channelkit.twilio import PROVIDER, Reply, call, refused, result
from shared.channels.voice import twiml
from shared.channels.voice.config import VoiceConfig
from shared.channels.voice.twiml import Script
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected, ProviderUnavailable

_NOT_LIVE = frozenset({20404, 21220})
_DIALLING = frozenset({"queued", "initiated", "ringing"})
_STATUS_EVENTS = ["initiated", "ringing", "answered", "completed"]
MAX_TWIML = 4000
"""Characters of TwiML that Twilio takes in a request."""


def send(deps: Deps, instance: Instance, config: VoiceConfig, payload: OutboxPayload) -> Sent:
    """Say the text on the call that goes on, and listen again; without one, call the customer.

    A machine's answer to a caller who has hung up is not followed by a call.
    Files are left out, which `note` says. Raises `ProviderUnavailable` while the customer's telephone still rings.
    """
    sent = _speak(deps, instance, config, payload)
    return replace(sent, note="a call carries no files") if payload.attachments else sent


def _speak(deps: Deps, instance: Instance, config: VoiceConfig, payload: OutboxPayload) -> Sent:
    text = (payload.text or "").strip()
    if not text:
        raise ProviderRejected(PROVIDER, "only text can be spoken")
    script = _script(deps, instance, config, payload)
    sid = payload.context.get("call_sid")
    twiml_text = twiml.speech(script, text, _step(config, payload))
    if len(twiml_text) > MAX_TWIML:
        raise ProviderRejected(PROVIDER, "the text is too long to be spoken at once")
    if isinstance(sid, str) and sid:
        if _say(deps, config, sid, twiml_text):
            return Sent(external_message_id=None)
        if payload.automatic:
            raise ProviderRejected(PROVIDER, "the caller has hung up before the answer")
    if not payload.to.startswith("+"):
        raise ProviderRejected(PROVIDER, "the call is over, and the caller's number is not known")
    going_on = _call_with(deps, config, payload.to)
    if going_on and _say(deps, config, going_on, twiml_text):
        return Sent(external_message_id=None)
    return _call(deps, instance, config, script, twiml_text)


def webhook_url(deps: Deps, instance: Instance) -> str:
    """Raises `ProviderRejected` where the hub has no address of its own."""
    if deps.settings.public_url is None:
        raise ProviderRejected(PROVIDER, "set PUBLIC_URL: Twilio asks there how a call goes on")
    return f"{deps.settings.public_url}/webhook/voice/{instance.id}"


def _script(deps: Deps, instance: Instance, config: VoiceConfig, payload: OutboxPayload) -> Script:
    return Script(config, webhook_url(deps, instance), payload.to, payload.message_id or "")


def _step(config: VoiceConfig, payload: OutboxPayload) -> int | None:
    """The step in which the caller was heard last, else the first that listens."""
    step = payload.context.get("step")
    if isinstance(step, str) and step.isascii() and step.isdecimal() and int(step) < len(config.actions):
        return int(step)
    return config.first_gather()


def _say(deps: Deps, config: VoiceConfig, sid: str, twiml_text: str) -> bool:
    """Give a call something else to do; False when it does not go on any more."""
    reply = call(deps, config, "POST", f"{config.account_path}/Calls/{sid}.json", form={"Twiml": twiml_text})
    if not reply.answer.ok and (reply.code in _NOT_LIVE or reply.answer.status == 404):
        return False
    result(reply)
    return True


def _call_with(deps: Deps, config: VoiceConfig, number: str) -> str | None:
    """The call that we made to the customer and that goes on; two messages must not call them twice."""
    body = result(
        call(deps, config, "GET", f"{config.account_path}/Calls.json", params={"To": number, "PageSize": "5"})
    )
    calls = body.get("calls")
    for call_there in calls if isinstance(calls, list) else []:
        status = call_there.get("status") if isinstance(call_there, dict) else None
        if status in _DIALLING:
            # No `retry_after`: it would make the other conversations of the number wait too.
            raise ProviderUnavailable(PROVIDER, "the customer's telephone is ringing")
        if status == "in-progress" and isinstance(call_there.get("sid"), str):
            return str(call_there["sid"])
    return None


def _call(deps: Deps, instance: Instance, config: VoiceConfig, script: Script, twiml_text: str) -> Sent:
    origin = config.phone_number or instance.phone_number
    if not origin:
        raise ProviderRejected(PROVIDER, "there is no number to call from: give phone_number")
    form: dict[str, str | list[str]] = {
        "To": script.chat,
        "From": origin,
        "Twiml": twiml_text,
        "StatusCallback": f"{script.address}/status?{urlencode({'chat': script.chat})}",
        "StatusCallbackEvent": _STATUS_EVENTS,
    }
    reply: Reply = call(deps, config, "POST", f"{config.account_path}/Calls.json", form=form)
    if not reply.answer.ok:
        raise refused(reply)
    sid = result(reply).get("sid")
    return Sent(external_message_id=sid if isinstance(sid, str) else None)
