"""What TwiML may say, by the parameters that Twilio's own library has for each verb."""

from __future__ import annotations

import inspect
import re
from xml.etree import ElementTree as ET

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

_NESTED = {"Gather": Gather, "Dial": Dial}


def judged(twiml: str) -> ET.Element:
    """Parse TwiML; fails unless Twilio's library has every verb and attribute in it."""
    root = ET.fromstring(twiml)  # noqa: S314 - it is our own
    assert (root.tag, root.attrib) == ("Response", {})
    _check(root, VoiceResponse)
    return root


def _check(parent: ET.Element, holder: type[object]) -> None:
    for child in parent:
        verb = getattr(holder, child.tag.lower(), None)
        assert verb is not None, f"{parent.tag} takes no {child.tag}"
        attributes = {_camel(name) for name in inspect.signature(verb).parameters}
        assert set(child.attrib) <= attributes, f"{child.tag}: {set(child.attrib) - attributes}"
        _check(child, _NESTED.get(child.tag, VoiceResponse))


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name.rstrip("_"))


def verbs(root: ET.Element) -> list[str]:
    return [child.tag for child in root]


def one(root: ET.Element, verb: str) -> ET.Element:
    [element] = root.iter(verb)
    return element
