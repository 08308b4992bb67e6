"""Getting the files that people share (https://docs.slack.dev/reference/objects/file-object)."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.channel.media import MAX_MEDIA, Media
from shared.channelkit.files import FILE_TIMEOUT, media_of
from shared.channels.slack.api import PROVIDER, ask, text_of
from shared.channels.slack.config import SlackConfig, SlackSettings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound, OutcomeUnknown, ProviderError, ProviderRejected


def fetch_media(deps: Deps, instance: Instance, config: SlackConfig, message: Message, attachment: Attachment) -> Media:
    """Ask where the file is and fetch it with the bot's token, which is shown to Slack's own hosts alone."""
    file_id = attachment.extra.get("file_id")
    if not isinstance(file_id, str):
        raise NotFound("this attachment has no file")
    about = ask(deps, config, "files.info", {"file": file_id})
    url = text_of(about, "file", "url_private_download") or text_of(about, "file", "url_private")
    if url is None or config.bot_token is None:
        raise NotFound("Slack no longer has this file")
    if not _is_slacks(url, deps.settings.of(SlackSettings).slack_api_url):
        raise ProviderRejected(PROVIDER, "the file is not kept by Slack")
    try:
        answer = deps.http.request(
            "GET",
            url,
            provider=PROVIDER,
            headers={"Authorization": f"Bearer {config.bot_token.get_secret_value()}"},
            timeout=FILE_TIMEOUT,
            guarded=False,
            max_bytes=MAX_MEDIA,
        )
    except OutcomeUnknown as error:
        raise ProviderError(PROVIDER, f"the file did not come: {error.reason}") from None
    media = media_of(PROVIDER, answer)
    if _is_page(media.mime_type) and not _is_page(attachment.mime_type):
        # Slack gives whom it does not let in a page to sign in at.
        raise ProviderRejected(PROVIDER, "the bot may not read files: it needs the scope files:read")
    return media


def _is_slacks(url: str, api_url: str) -> bool:
    """Whether the address is under slack.com, or where SLACK_API_URL says that Slack is."""
    try:
        address, api = urlsplit(url), urlsplit(api_url)
    except ValueError:
        return False
    if (address.scheme, address.netloc) == (api.scheme, api.netloc):
        return True
    host = address.hostname or ""
    return address.scheme == "https" and address.netloc == host and host.endswith(".slack.com")


def _is_page(mime_type: str | None) -> bool:
    return (mime_type or "").startswith("text/html")
