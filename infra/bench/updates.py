"""What customers write."""

from __future__ import annotations

import time
from typing import Any


def update(chat: int, number: int) -> dict[str, Any]:
    """A Telegram update: message `number` of a private chat, whose text is `m<number>`."""
    return {
        "update_id": chat * 1_000_000 + number,
        "message": {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": f"Customer {chat}"},
            "from": {"id": chat, "is_bot": False, "first_name": f"Customer {chat}"},
            "text": f"m{number}",
        },
    }
