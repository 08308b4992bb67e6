"""Getting the files that people send (https://developers.line.biz/en/reference/messaging-api/#get-content)."""

from __future__ import annotations

from urllib.parse import quote

from shared.channel.media import MAX_MEDIA, Media
from shared.channelkit.files import FILE_TIMEOUT, media_of
from shared.channels.line.api import bearer
from shared.channels.line.config import PROVIDER, LineConfig, LineSettings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound, OutcomeUnknown, ProviderError, ProviderUnavailable

_EXPIRED = frozenset({404, 410})
_BEING_PREPARED = 202


def fetch_media(deps: Deps, instance: Instance, config: LineConfig, message: Message, attachment: Attachment) -> Media:
    """Fetch a file by its message's id. LINE deletes files after some time, and prepares large ones first."""
    message_id = attachment.extra.get("message_id")
    if not isinstance(message_id, str):
        raise NotFound("this attachment has no file")
    try:
        answer = deps.http.request(
            "GET",
            f"{deps.settings.of(LineSettings).line_data_api_url}/v2/bot/message/{quote(message_id, safe='')}/content",
            provider=PROVIDER,
            headers=bearer(config),
            timeout=FILE_TIMEOUT,
            guarded=False,
            max_bytes=MAX_MEDIA,
        )
    except OutcomeUnknown as error:
        raise ProviderError(PROVIDER, f"the file did not come: {error.reason}") from None
    if answer.status in _EXPIRED:
        raise NotFound("LINE no longer has this file")
    if answer.status == _BEING_PREPARED:
        raise ProviderUnavailable(PROVIDER, "LINE is still preparing the file; try again in a moment")
    return media_of(PROVIDER, answer)
