"""Files: getting those that customers send, and handing ours to Meta before they are sent.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media
"""

from __future__ import annotations

from urllib.parse import quote

from shared.channel.media import MAX_MEDIA, Media
from shared.channelkit.files import content_of, fetch_file
from shared.channelkit.multipart import multipart, readable
from shared.channels.whatsapp_cloud.api import PROVIDER, call, result
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound, OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable


def fetch_media(deps: Deps, instance: Instance, config: CloudConfig, message: Message, attachment: Attachment) -> Media:
    """Ask for the file's address, which lives for five minutes and wants the token, and fetch it.

    Meta keeps what customers send for seven days.
    """
    media_id = attachment.extra.get("media_id")
    if not isinstance(media_id, str):
        raise NotFound("this attachment has no file")
    number = {"phone_number_id": config.phone_number_id}
    file = result(call(deps, config, "GET", quote(media_id, safe=""), params=number))
    url, size = file.get("url"), file.get("file_size")
    if not isinstance(url, str):
        raise ProviderRejected(PROVIDER, "Meta gave no address to fetch the file from")
    if _too_large(size):
        raise ProviderRejected(PROVIDER, f"the file has more than {MAX_MEDIA} bytes")
    return fetch_file(deps, PROVIDER, url, headers=_bearer(config))


def _too_large(size: object) -> bool:
    digits = str(size)
    return digits.isdecimal() and (len(digits) > len(str(MAX_MEDIA)) or int(digits) > MAX_MEDIA)


def _bearer(config: CloudConfig) -> dict[str, str]:
    return {"Authorization": f"Bearer {config.access_token.get_secret_value()}"}


def upload(deps: Deps, instance: Instance, config: CloudConfig, attachment: Attachment) -> str | None:
    """Meta's id of the attachment's content, good for 30 days; None when the hub cannot get the file.

    Uploaded rather than sent by its address: Meta's own fetcher follows no
    redirect and is slowed down by the network that the address is in. Raises
    `ProviderRejected`, or `ProviderUnavailable` for anything that may pass:
    nothing has been sent yet.
    """
    try:
        media = content_of(deps, instance, attachment)
    except ProviderUnavailable:
        raise
    except ProviderError:
        return None
    kind = attachment.mime_type or media.mime_type or "application/octet-stream"
    kind = readable(kind.partition(";")[0].strip())
    fields = {"messaging_product": "whatsapp", "type": kind}
    body, content_type = multipart(fields, media.content, kind, attachment.file_name or "file")
    path = f"{config.phone_number_id}/media"
    try:
        uploaded = result(call(deps, config, "POST", path, data=body, headers={"Content-Type": content_type}))
    except OutcomeUnknown as error:
        raise ProviderUnavailable(PROVIDER, f"the file could not be uploaded: {error.reason}") from None
    media_id = uploaded.get("id")
    return media_id if isinstance(media_id, str) else None
