"""A Telegram for trying things out: takes whatever a bot sends and prints it.

    python -m infra.local.telegram 8900

Start the hub with TELEGRAM_API_URL=http://127.0.0.1:8900 to have it talk to this one.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

# As in Telegram both sides of a chat share their numbers, and those of the customer who is tried out are small.
_message_ids = count(1000)


class Telegrams(ThreadingHTTPServer):
    """One pretended Telegram, and where it was told to call; it never does."""

    webhook = ""


class Telegram(BaseHTTPRequestHandler):
    """Answers every method of the Bot API as if it had worked."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body at once: a body that follows its head waits 40 ms for an acknowledgement
    server: Telegrams

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        method = self.path.rpartition("/")[2]
        sys.stdout.write(f"Telegram was told: {method} {body.decode('utf-8', 'replace')}\n")
        sys.stdout.flush()
        answer = json.dumps({"ok": True, "result": self._result(method, body)}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def _result(self, method: str, body: bytes) -> Any:
        if method == "getMe":
            return {"id": 7, "is_bot": True, "first_name": "Demo", "username": "demo_bot"}
        if method == "getWebhookInfo":
            return {"url": self.server.webhook, "has_custom_certificate": False, "pending_update_count": 0}
        arguments = json.loads(body or b"{}")
        if method in ("setWebhook", "deleteWebhook"):
            self.server.webhook = arguments.get("url", "")
        if not method.startswith("send"):
            return True
        chat = arguments.get("chat_id")
        return {"message_id": next(_message_ids), "date": 0, "chat": {"id": chat, "type": "private"}}

    def log_message(self, format: str, *args: object) -> None:
        """What matters is printed above."""


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8900
    try:
        server = Telegrams(("127.0.0.1", port), Telegram)
    except OSError as error:
        sys.exit(f"cannot listen on 127.0.0.1 port {port}: {error.strerror}")
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
