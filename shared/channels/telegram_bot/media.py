"""Getting the files that people send to a bot (https://core.telegram.org/bots/api#getfile)."""

from __future__ import annotations

from urllib.parse import quote

from shared.channel.media import Media
from shared.channelkit.files import fetch_file
from shared.channels.telegram_bot.api import PROVIDER, call, result
from shared.channels.telegram_bot.config import TelegramBotConfig, TelegramBotSettings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound, ProviderRejected


def fetch_media(
    deps: Deps, instance: Instance, config: TelegramBotConfig, message: Message, attachment: Attachment
) -> Media:
    """Ask for the file's path and fetch it; its address holds the bot's token and never leaves this function.

    Telegram gives bots files of up to 20 MB.
    """
    file_id = attachment.extra.get("file_id")
    if not isinstance(file_id, str):
        raise NotFound("this attachment has no file")
    file = result(call(deps, config, "getFile", {"file_id": file_id}))
    path = file.get("file_path") if isinstance(file, dict) else None
    if not isinstance(path, str) or path.startswith("/"):
        # A Bot API server of one's own in local mode gives a path on its own disk.
        raise ProviderRejected(PROVIDER, "Telegram gave no path to fetch the file from")
    token = quote(config.bot_token.get_secret_value(), safe=":")
    url = f"{deps.settings.of(TelegramBotSettings).telegram_api_url}/file/bot{token}/{quote(path)}"
    return fetch_file(deps, PROVIDER, url, guarded=False)
