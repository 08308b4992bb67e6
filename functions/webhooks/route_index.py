"""Method and path of the addresses that channels declare, with the channel's name; written by `make fix`."""

from __future__ import annotations

OWN_ROUTES: tuple[tuple[str, str, str], ...] = (
    ("POST", "/webhook/evolution", "whatsapp_evolution"),
    ("POST", "/webhook/evolution/<instance_name>", "whatsapp_evolution"),
    ("POST", "/webhook/evolution/<instance_name>/<suffix>", "whatsapp_evolution"),
    ("GET", "/webhook/whatsapp_cloud", "whatsapp_cloud"),
    ("POST", "/webhook/whatsapp_cloud", "whatsapp_cloud"),
    ("POST", "/api/telegram/bot/webhook/<channel_instance_id>", "telegram_bot"),
    ("GET", "/api/facebook/webhook", "facebook"),
    ("POST", "/api/facebook/webhook", "facebook"),
    ("GET", "/webhook/instagram", "instagram"),
    ("POST", "/webhook/instagram", "instagram"),
)
