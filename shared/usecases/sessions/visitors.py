"""A widget's visitors: their tokens, their messages, and what they may read.

A visitor's token is all there is of them; nothing is stored before they write.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.channel import MEGABYTE
from shared.channel.webhook import Webhook
from shared.channels.widget import verification
from shared.channels.widget.config import WidgetConfig
from shared.channels.widget.inbound import external_message_id
from shared.channels.widget.outbound import room_of
from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.business_hours import Standing, standing
from shared.domain.customers import Identity
from shared.domain.files import FileCopy
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Author, Direction, Message, MessageKind, MessageStatus
from shared.errors import BadRequest, NotFound, PayloadTooLarge, Unauthorized, Unprocessable
from shared.security.tokens import VisitorClaims, sign, span, unverified, verify
from shared.usecases.conversations import uploads
from shared.usecases.ingest import webhooks
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.service_levels import levels

ADAPTER = "widget"
TOKEN_SECONDS = 180 * 86400
PROVEN_SECONDS = 86400
"""How long the token of a proven visitor lasts: their page can prove them again at any time."""

MOST = 100
FILE_MEGABYTES = 10
"""How large a visitor's file may be."""
_FILES_SHARE = 0.8
"""Of the room that a business has for files, visitors leave it the rest: anybody may become one."""
_PROOF_REQUIRED = "This chat is for signed-in visitors: give userId and userHash"
_OF_FILE = {"type", "sha256", "mime_type", "file_name", "size"}
# Older conversations of one visitor are left to the business.
_MOST_CONVERSATIONS = 10


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a valid token of this widget."""

    instance: Instance
    claims: VisitorClaims
    token: str

    @property
    def id(self) -> str:
        return self.claims.user_id

    @property
    def room(self) -> str:
        """The visitor's realtime room, among those of the tenant."""
        return room_of(self.instance.id, self.id)


@dataclass(frozen=True, slots=True)
class Session:
    visitor_id: str
    token: str
    expires_at: datetime
    room: str


def widget(deps: Deps, key: str) -> Instance:
    """The widget with this id or name; raises `NotFound`."""
    instance = instance_lookup.find_cached(deps, instance_id=key)
    instance = instance or instance_lookup.find_cached(deps, name=key)
    if instance is None or instance.adapter != ADAPTER:
        raise NotFound("there is no such widget")
    return instance


def config(deps: Deps, instance: Instance) -> WidgetConfig:
    loaded = instance_config.load_config(deps, instance)
    assert isinstance(loaded, WidgetConfig)  # noqa: S101 - the adapter's own model
    return loaded


def begin(deps: Deps, instance: Instance, name: str | None, email: str | None) -> Session:
    """A new visitor.

    Raises `NotFound` for a widget that was never connected, `Unauthorized` for one that wants proof, `BadRequest` where
    name or address is missing that the widget asks for.
    """
    widget_config = config(deps, instance)
    if widget_config.identity_required:
        raise Unauthorized(_PROOF_REQUIRED)
    for field, choice, value in (("name", widget_config.ask_name, name), ("email", widget_config.ask_email, email)):
        if choice == "required" and not (value or "").strip():
            raise BadRequest.of_field(field, "is missing: this chat asks its visitors for it")
    return _session(deps, instance, new_id(), name, email)


def begin_proven(
    deps: Deps, instance: Instance, user_id: str, proof: str, name: str | None, email: str | None
) -> Session:
    """The visitor whose id the page's server has signed: the same one in every browser.

    Raises `Unauthorized` for a wrong proof, and where the widget has no secret to compare it with.
    """
    widget_config = config(deps, instance)
    if not verification.is_proven(widget_config, user_id, proof):
        raise Unauthorized("userHash does not prove userId: sign it by HMAC-SHA256 with the widget's identitySecret")
    visitor_id = verification.visitor_id(instance.id, user_id)
    mark = verification.secret_mark(widget_config)
    return _session(deps, instance, visitor_id, name or user_id[:100], email, proven_by=mark)


def renew(deps: Deps, visitor: Visitor, name: str | None, email: str | None) -> Session:
    """A fresh token for the same visitor, with the name and address that they had, or that they give now.

    Raises `Unauthorized` for one who was proven and can be again.
    """
    claims = visitor.claims
    if claims.proven_by is not None:
        raise Unauthorized("give userId and userHash again")
    return _session(deps, visitor.instance, visitor.id, claims.name or name, claims.email or email)


def _session(
    deps: Deps,
    instance: Instance,
    visitor_id: str,
    name: str | None,
    email: str | None,
    proven_by: str | None = None,
) -> Session:
    issued, expires = span(deps.now(), TOKEN_SECONDS if proven_by is None else PROVEN_SECONDS)
    claims = VisitorClaims(
        user_id=visitor_id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        type="visitor",
        name=name,
        email=email,
        proven_by=proven_by,
        iat=issued,
        exp=expires,
    )
    secret = config(deps, instance).visitor_secret
    if secret is None:
        raise NotFound("the widget is not connected yet")
    expires_at = datetime.fromtimestamp(expires, deps.now().tzinfo)
    return Session(visitor_id, sign(claims, secret.get_secret_value()), expires_at, room_of(instance.id, visitor_id))


def authenticate(deps: Deps, instance: Instance, token: str) -> Visitor:
    """The visitor of this widget who shows the token; raises `Unauthorized`."""
    widget_config = config(deps, instance)
    secret = widget_config.visitor_secret
    if secret is None:
        raise Unauthorized("the widget is not connected yet")
    claims = verify(token, secret.get_secret_value(), VisitorClaims, deps.now())
    if claims.instance_id != instance.id:
        raise Unauthorized("Invalid or expired token")
    if claims.proven_by is None and widget_config.identity_required:
        raise Unauthorized(_PROOF_REQUIRED)
    if claims.proven_by not in (None, verification.secret_mark(widget_config)):
        raise Unauthorized("The widget's identitySecret was changed: give userId and a new userHash")
    return Visitor(instance, claims, token)


def recognize(deps: Deps, token: str) -> Visitor | None:
    """The visitor of any widget who shows the token; None when it is not a visitor's, or not a valid one."""
    claims = unverified(token, VisitorClaims)
    if claims is None:
        return None
    try:
        return authenticate(deps, widget(deps, claims.instance_id), token)
    except (NotFound, Unauthorized):
        return None


def upload(deps: Deps, visitor: Visitor, content: bytes, mime_type: str | None, file_name: str | None) -> FileCopy:
    """Keep a file that the visitor is going to send. Raises as `uploads.upload`."""
    if not config(deps, visitor.instance).visitor_files:
        raise Unprocessable("this chat takes no files")
    if len(content) > FILE_MEGABYTES * MEGABYTE:
        raise PayloadTooLarge(f"the file has more than {FILE_MEGABYTES} MB")
    tenant_id = visitor.instance.tenant_id
    usage = UnitOfWork(deps.store).file_usage.get(tenant_id)
    if usage is not None and usage.size >= deps.settings.files_per_tenant_mb * MEGABYTE * _FILES_SHARE:
        raise PayloadTooLarge("this chat has no room for files at present")
    return uploads.upload(deps, tenant_id, content, mime_type, file_name)


def file_ticket(deps: Deps, visitor: Visitor, file_id: str) -> str:
    """The name of an upload for the visitor who made it; nobody else can attach a file by it."""
    return f"{file_id}.{_ticket_signature(deps, visitor, file_id)}"


def _ticket_signature(deps: Deps, visitor: Visitor, file_id: str) -> str:
    secret = config(deps, visitor.instance).visitor_secret
    if secret is None:
        raise NotFound("the widget is not connected yet")
    named = f"file\n{visitor.instance.id}\n{visitor.id}\n{file_id}".encode()
    return hmac.new(secret.get_secret_value().encode(), named, hashlib.sha256).hexdigest()


def _uploaded(deps: Deps, visitor: Visitor, ticket: str) -> Attachment:
    file_id, _, signature = ticket.partition(".")
    if not hmac.compare_digest(signature.encode(), _ticket_signature(deps, visitor, file_id).encode()):
        raise NotFound("there is no such file")
    attachment = uploads.attachment(deps, visitor.instance.tenant_id, file_id, MessageKind.DOCUMENT, None)
    return attachment.model_copy(update={"type": _kind(attachment.mime_type)})


def _kind(mime_type: str | None) -> MessageKind:
    kinds = {"image": MessageKind.IMAGE, "audio": MessageKind.AUDIO, "video": MessageKind.VIDEO}
    return kinds.get((mime_type or "").partition("/")[0], MessageKind.DOCUMENT)


def say(deps: Deps, visitor: Visitor, text: str, nonce: str, tickets: Sequence[str] = ()) -> str:
    """Accept a message as a webhook is accepted: durable when this returns. Returns the id it is stored under.

    Raises `NotFound` for a file that the visitor has not uploaded, and as `uploads.attachment`.
    """
    files = [_uploaded(deps, visitor, ticket) for ticket in tickets]
    claims = visitor.claims
    body = {
        "visitor": {"id": claims.user_id, "name": claims.name, "email": claims.email},
        "nonce": nonce,
        "text": text,
        "files": [file.model_dump(mode="json", include=_OF_FILE) for file in files],
    }
    webhook = Webhook(
        method="POST",
        headers={"authorization": f"Bearer {visitor.token}"},
        query={},
        body=json.dumps(body).encode(),
        url="",
        received_at=deps.now(),
    )
    webhooks.take(deps, visitor.instance, webhook)
    return ids.provider_message(visitor.instance.id, external_message_id(visitor.id, nonce))


@dataclass(frozen=True, slots=True)
class History:
    """What the visitor and the business said to each other, oldest first; `cursor` leads to older messages.

    `bot_names` are those of the agents that answered, by their ids. With `may_rate` the next digit from 1 to 5 rates
    the conversation that was closed last.
    """

    messages: list[Message]
    cursor: str | None
    bot_names: Mapping[str, str]
    may_rate: bool

    def author_name(self, message: Message) -> str | None:
        """What the visitor is told of who wrote it: never an e-mail address, nor the name of a program's key."""
        if message.author is Author.BOT:
            return self.bot_names.get(message.author_id or "")
        is_person = message.author is Author.HUMAN and message.author_id is not None
        return message.author_name if is_person and "@" not in (message.author_name or "") else None


def opening(deps: Deps, instance: Instance) -> Standing | None:
    """Whether somebody is there by the business hours of the widget; None without any, when somebody always is."""
    hours = levels.cached(deps, instance.tenant_id).hours_of_channel(instance.id)
    return standing(hours, deps.now()) if hours is not None else None


def history(deps: Deps, visitor: Visitor, limit: int, cursor: str | None) -> History:
    """A page of what was said.

    It may have fewer messages than `limit`, for not all that is stored is
    meant for the visitor.
    """
    unit = UnitOfWork(deps.store)
    conversation_ids = _conversation_ids(unit, visitor)
    if not conversation_ids:
        return History([], None, {}, may_rate=False)
    query = unit.messages.query().where_in(lambda message: message.conversation_id, conversation_ids)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    query = query.order_by(lambda message: message.created_at, descending=True)
    page = query.page(min(limit, MOST), cursor)
    messages = [message for message in reversed(page.documents) if _is_for(visitor, message)]
    bot_ids = {message.author_id for message in messages if message.author is Author.BOT and message.author_id}
    identity_id = ids.identity(visitor.instance.id, visitor.id)
    unit.fetch(unit.identities.key(identity_id), *(unit.agents.key(bot_id) for bot_id in sorted(bot_ids)))
    tenant_id = visitor.instance.tenant_id
    bots = [unit.agents.owned_or_none(tenant_id, bot_id) for bot_id in bot_ids]
    return History(
        messages,
        page.cursor,
        {bot.id: bot.name for bot in bots if bot is not None},
        may_rate=_may_rate(deps, unit.identities.owned_or_none(tenant_id, identity_id)),
    )


def _may_rate(deps: Deps, identity: Identity | None) -> bool:
    if identity is None or identity.survey is None or identity.conversation_id is not None:
        return False
    return deps.now() <= identity.survey.until


def _conversation_ids(unit: UnitOfWork, visitor: Visitor) -> list[str]:
    identity_id = ids.identity(visitor.instance.id, visitor.id)
    query = unit.conversations.query().where(lambda conversation: conversation.identity_id, "==", identity_id)
    page = query.order_by(lambda conversation: conversation.created_at, descending=True).page(_MOST_CONVERSATIONS)
    return [conversation.id for conversation in page.documents]


def _is_for(visitor: Visitor, message: Message) -> bool:
    """A conversation may have gone on elsewhere; notes are the business's own; what died may be sent again."""
    return (
        message.instance_id == visitor.instance.id
        and message.direction is not Direction.SYSTEM
        and message.kind is not MessageKind.REACTION
        and message.status is not MessageStatus.DEAD
        and message.deleted_at is None
    )
