"""Sending by an instance, as later Omni servers do: below `/instance/`, in their newest README below `/instances/`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flask import Response
from flask_openapi.models import Tag
from pydantic import BaseModel

from functions.omnihub.failures import answer_in_documented_statuses
from functions.omnihub.schemas import InstancePath
from functions.omnihub.sending_schemas import (
    PersonIn,
    PictureIn,
    Profile,
    ProfileOut,
    SendAudio,
    SendContacts,
    SendMedia,
    SendReaction,
    SendSticker,
    SendText,
    SentOut,
)
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.instances import Instance
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.failure_fields import add_to_failures
from shared.http.guards import Access, caller, only_reads, protect, require
from shared.http.idempotency import IdempotencyHeader
from shared.usecases.conversations import client_names, sending
from shared.usecases.conversations.client_names import Person
from shared.usecases.conversations.sending import Content
from shared.usecases.instances import instance_operations, instances

View = Callable[..., Response]


class Sendable(Protocol):
    """A body that says what to send to whom."""

    def person(self) -> Person: ...

    def content(self, deps: Deps, instance: Instance) -> Content: ...

    def model_dump(self) -> dict[str, object]: ...


def send_text(path: InstancePath, header: IdempotencyHeader, body: SendText) -> Response:
    """Send a text."""
    return _send(path, header, body)


def send_media(path: InstancePath, header: IdempotencyHeader, body: SendMedia) -> Response:
    """Send a picture, a video or a document, with a caption if there is one."""
    return _send(path, header, body)


def send_audio(path: InstancePath, header: IdempotencyHeader, body: SendAudio) -> Response:
    """Send a voice message."""
    return _send(path, header, body)


def send_sticker(path: InstancePath, header: IdempotencyHeader, body: SendSticker) -> Response:
    """Send a sticker, on a channel without them a picture."""
    return _send(path, header, body)


def send_contact(path: InstancePath, header: IdempotencyHeader, body: SendContacts) -> Response:
    """Send how to reach other people."""
    return _send(path, header, body)


def send_reaction(path: InstancePath, header: IdempotencyHeader, body: SendReaction) -> Response:
    """React to a message."""
    return _send(path, header, body)


@only_reads
def fetch_profile(path: InstancePath, body: PersonIn) -> Response:
    """Read what the hub knows of somebody."""
    customer, identity = client_names.profile(deps(), _named(path), body.person())
    return answer(ProfileOut(profile=Profile.of(customer, identity)))


def update_profile_picture(path: InstancePath, body: PictureIn) -> Response:
    """Change the picture that customers see of the account."""
    require(Role.ADMIN)
    instance_operations.set_picture(deps(), _named(path), body.picture_url)
    return answer(SentOut(message_id=None, status="updated"))


def _send(path: InstancePath, header: IdempotencyHeader, body: Sendable) -> Response:
    require(Role.AGENT)
    instance = _named(path)
    target = client_names.target(deps(), instance, body.person())
    key = header.idempotency_key
    request = (key, {"instance": instance.id, **body.model_dump()}) if key else None
    accepted = sending.send(deps(), caller(), target, body.content(deps(), instance), request)
    return answer(SentOut(message_id=accepted.message.id))


def _named(path: InstancePath) -> Instance:
    return instances.by_key(deps(), caller().tenant_id, path.instance_name)


_SENDS: dict[str, View] = {
    "send-text": send_text,
    "send-media": send_media,
    "send-audio": send_audio,
    "send-sticker": send_sticker,
    "send-contact": send_contact,
    "send-reaction": send_reaction,
}
_OTHERS: dict[str, tuple[View, type[BaseModel]]] = {
    "fetch-profile": (fetch_profile, ProfileOut),
    "update-profile-picture": (update_profile_picture, SentOut),
}


def _blueprint(name: str, prefix: str) -> APIBlueprint:
    api = APIBlueprint(name, __name__, url_prefix=prefix, abp_tags=[Tag(name="Omni-Hub")])
    cors(api)
    protect(api, Access.HUB)
    answer_in_documented_statuses(api)
    add_to_failures(api, {"success": False, "message_id": None, "status": "failed"})
    for operation, view in _SENDS.items():
        api.post(f"/<instance_name>/{operation}", responses={200: SentOut, 409: Failure})(view)
    for operation, (view, model) in _OTHERS.items():
        api.post(f"/<instance_name>/{operation}", responses={200: model})(view)
    return api


api = _blueprint("omnihub_sending", "/api/v1/instance")
plural_api = _blueprint("omnihub_sending_plural", "/api/v1/instances")
