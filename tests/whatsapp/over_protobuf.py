"""Messages through the library's protocol buffers and back, as a worker reports them.

A process of its own, for importing the library loads a Go runtime: a list of messages in WhatsApp's JSON comes on the
standard input, and goes as JSON to the standard output.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

from infra.sockets.whatsapp.protobuf_json import from_json, to_json


def through(message: dict[str, Any]) -> dict[str, Any]:
    sys.modules.setdefault("magic", ModuleType("magic"))
    from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message  # noqa: PLC0415 - only in a process of its own

    return to_json(from_json(message, Message))


if __name__ == "__main__":
    json.dump([through(message) for message in json.load(sys.stdin)], sys.stdout)
