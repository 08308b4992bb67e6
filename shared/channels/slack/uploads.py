"""Giving Slack a file (https://docs.slack.dev/messaging/working-with-files#upload)."""

from __future__ import annotations

from collections.abc import Mapping

from shared.channel.media import Media
from shared.channelkit.files import FILE_TIMEOUT
from shared.channelkit.providers import refusal
from shared.channels.slack.api import PROVIDER, ask, call, result, text_of
from shared.channels.slack.config import SlackConfig
from shared.deps import Deps
from shared.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable

_TIMEOUT = 10.0
"""Seconds for a call beside the file itself: all together end before the lease of the message does."""


def upload(deps: Deps, config: SlackConfig, media: Media) -> str:
    """Upload a file for the bot alone; returns its permalink, which shares it with whoever reads a message with it.

    So the message that shares it is an ordinary one, whose id Slack tells. Raises `ProviderRejected`, or
    `ProviderUnavailable` for anything that may pass: nothing has been posted yet.
    """
    try:
        return _upload(deps, config, media)
    except OutcomeUnknown as error:
        raise ProviderUnavailable(PROVIDER, f"the file could not be uploaded: {error.reason}") from None


def _upload(deps: Deps, config: SlackConfig, media: Media) -> str:
    name = media.file_name or "file"
    place = {"filename": name, "length": str(len(media.content))}
    ticket = ask(deps, config, "files.getUploadURLExternal", place, timeout=_TIMEOUT)
    url, file_id = text_of(ticket, "upload_url"), text_of(ticket, "file_id")
    if url is None or file_id is None:
        raise OutcomeUnknown(PROVIDER, "the answer names no place for the file")
    headers = {"Content-Type": "application/octet-stream"}
    answer = deps.http.request(
        "POST", url, provider=PROVIDER, json=media.content, headers=headers, timeout=FILE_TIMEOUT
    )
    if not answer.ok:
        raise refusal(PROVIDER, answer, f"the file was not taken: HTTP {answer.status}")
    about = {"files": [{"id": file_id, "title": name}]}
    completed = result(call(deps, config, "files.completeUploadExternal", about, timeout=_TIMEOUT))
    permalink = _permalink(completed.get("files")) or text_of(
        ask(deps, config, "files.info", {"file": file_id}, timeout=_TIMEOUT), "file", "permalink"
    )
    if permalink is None:
        raise ProviderRejected(PROVIDER, "Slack gave the file no permalink")
    return permalink


def _permalink(files: object) -> str | None:
    first = files[0] if isinstance(files, list) and files else None
    return text_of(first, "permalink") if isinstance(first, Mapping) else None
