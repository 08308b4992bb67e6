"""Which model declares a setting that is a channel's own; written by `make fix`."""

from __future__ import annotations

from collections.abc import Mapping

DECLARED_BY: Mapping[str, str] = {
    "aws_endpoint_url": "shared.channelkit.aws:AwsSettings",
    "discord_api_url": "shared.channels.discord.config:DiscordSettings",
    "discord_client_id": "shared.channels.discord.config:DiscordSettings",
    "evolution_key": "shared.channels.whatsapp_evolution.config:EvolutionSettings",
    "evolution_url": "shared.channels.whatsapp_evolution.config:EvolutionSettings",
    "facebook_app_secret": "shared.channelkit.meta:MetaSettings",
    "facebook_verify_token": "shared.channelkit.meta:MetaSettings",
    "graph_api_url": "shared.channelkit.meta:MetaSettings",
    "graph_api_version": "shared.channelkit.meta:MetaSettings",
    "instagram_api_url": "shared.channels.instagram.config:InstagramSettings",
    "instagram_app_id": "shared.channels.instagram.config:InstagramSettings",
    "instagram_app_secret": "shared.channels.instagram.config:InstagramSettings",
    "instagram_login_api_url": "shared.channels.instagram.config:InstagramSettings",
    "line_api_url": "shared.channels.line.config:LineSettings",
    "line_data_api_url": "shared.channels.line.config:LineSettings",
    "slack_api_url": "shared.channels.slack.config:SlackSettings",
    "slack_client_id": "shared.channels.slack.config:SlackSettings",
    "slack_client_secret": "shared.channels.slack.config:SlackSettings",
    "slack_signing_secret": "shared.channels.slack.config:SlackSettings",
    "telegram_api_hash": "shared.channels.telegram_user.config:TelegramUserSettings",
    "telegram_api_id": "shared.channels.telegram_user.config:TelegramUserSettings",
    "telegram_api_url": "shared.channels.telegram_bot.config:TelegramBotSettings",
    "twilio_api_url": "shared.channelkit.twilio:TwilioSettings",
    "whatsapp_accounts": "shared.channels.whatsapp_web.config:WhatsAppWebSettings",
    "whatsapp_media_url": "shared.channels.whatsapp_web.config:WhatsAppWebSettings",
}
