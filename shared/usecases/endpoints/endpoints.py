"""Keeping webhook endpoints: where a tenant's own systems are told what happens.

    webhook_endpoints/{id}     the endpoint
    event_streams/{tenant}     which events it gets, so that whoever tells one need not read the endpoints

Both are written in one commit. Each change of a secret writes one under a new name: who reads the endpoint never has a
former one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.event_log import EndpointFilter, EventTopic
from shared.domain.ids import new_id, stable_id
from shared.domain.instances import Instance
from shared.domain.webhook_endpoints import SECRET_OVERLAP, EndpointState, WebhookEndpoint
from shared.errors import Collision, NotFound
from shared.security.webhook_signing import new_signing_secret
from shared.usecases import event_log

MOST = 20
"""Endpoints of a tenant, beside those that are a channel's `webhook_url`."""

_NOTED = timedelta(days=7)
_KNOWN_WITHIN = timedelta(minutes=1)
_OF_A_CHANNEL = [EventTopic.MESSAGE, EventTopic.STATUS, EventTopic.CONVERSATION, EventTopic.CHANNEL]
_SECRET = "secret"  # noqa: S105 - the field of the sealed secret


@dataclass(frozen=True, slots=True)
class WithSecret:
    """An endpoint with the secret that is shown this once."""

    endpoint: WebhookEndpoint
    secret: str


def create(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> WithSecret:
    """Add an endpoint of `url`, `topics`, `description` and `instance_ids`.

    Raises `AddressRefused`, `NotFound` for an unknown channel, `Collision` when there are too many.
    """
    deps.http.check(fields["url"], "url")
    endpoint_id = new_id()

    def attempt(unit: UnitOfWork) -> WebhookEndpoint:
        now = deps.now()
        _check_instances(unit, tenant_id, fields.get("instance_ids", []))
        endpoint = unit.webhook_endpoints.add(
            WebhookEndpoint(
                **fields, id=endpoint_id, tenant_id=tenant_id, secret_name=name, created_at=now, updated_at=now
            )
        )
        stream = event_log.stream_to_change(deps, unit, tenant_id)
        if len(stream.endpoints) >= MOST:
            raise Collision(f"there are {MOST} webhooks already: delete one first", "url")
        _put_filter(deps, unit, endpoint)
        return endpoint

    with _secret_for(deps, endpoint_id) as (name, secret):
        return WithSecret(run_with_retry(deps, attempt), secret)


def list_page(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[WebhookEndpoint], str | None]:
    """The endpoints, the oldest first, and the cursor of the next page."""
    query = UnitOfWork(deps.store).webhook_endpoints.query().where(lambda each: each.tenant_id, "==", tenant_id)
    page = query.order_by(lambda each: each.created_at).page(limit, cursor)
    return page.documents, page.cursor


def get(deps: Deps, tenant_id: str, endpoint_id: str) -> WebhookEndpoint:
    """Raises `NotFound` for an unknown or foreign one."""
    return UnitOfWork(deps.store).webhook_endpoints.owned(tenant_id, endpoint_id)


def change(deps: Deps, tenant_id: str, endpoint_id: str, changes: Mapping[str, Any]) -> WebhookEndpoint:
    """Change what is given, `is_active` among it: an endpoint that goes on gets what was noted meanwhile.

    Raises `NotFound`, and as `create` does.
    """
    if "url" in changes:
        deps.http.check(changes["url"], "url")
    fields = {name: value for name, value in changes.items() if name != "is_active"}

    def attempt(unit: UnitOfWork) -> WebhookEndpoint:
        endpoint = unit.webhook_endpoints.owned(tenant_id, endpoint_id)
        _check_instances(unit, tenant_id, fields.get("instance_ids", []))
        unit.webhook_endpoints.change(endpoint, {**fields, "updated_at": deps.now()})
        is_active = changes.get("is_active")
        if is_active is False and endpoint.state is EndpointState.ACTIVE:
            pause(deps, unit, endpoint, EndpointState.PAUSED, None)
        elif is_active and endpoint.state is not EndpointState.ACTIVE:
            _go_on(deps, unit, endpoint)
        else:
            _put_filter(deps, unit, endpoint)
        return endpoint

    return run_with_retry(deps, attempt)


def pause(deps: Deps, unit: UnitOfWork, endpoint: WebhookEndpoint, state: EndpointState, reason: str | None) -> None:
    """Call it no more; what happens is noted for some days, for when it goes on."""
    endpoint.state, endpoint.state_reason = state, reason
    endpoint.paused_at = endpoint.updated_at = deps.now()
    _put_filter(deps, unit, endpoint)


def _go_on(deps: Deps, unit: UnitOfWork, endpoint: WebhookEndpoint) -> None:
    endpoint.state, endpoint.state_reason, endpoint.paused_at = EndpointState.ACTIVE, None, None
    endpoint.reached()
    # Once more when all processes know that it goes on, and in case that what follows the commit is lost.
    endpoint.due_at = deps.now() + _KNOWN_WITHIN
    _put_filter(deps, unit, endpoint)
    unit.after_commit(lambda: event_log.wake_lane(deps, endpoint.tenant_id, endpoint.id, ""))


def rotate(deps: Deps, tenant_id: str, endpoint_id: str) -> WithSecret:
    """Give it a new secret; for a day the former one signs beside it. A still older one ends at once."""

    def attempt(unit: UnitOfWork) -> WebhookEndpoint:
        endpoint = unit.webhook_endpoints.owned(tenant_id, endpoint_id)
        _delete_afterwards(deps, unit, endpoint.former_secret_name)
        endpoint.former_secret_name, endpoint.secret_name = endpoint.secret_name, name
        endpoint.former_until, endpoint.updated_at = deps.now() + SECRET_OVERLAP, deps.now()
        return endpoint

    with _secret_for(deps, endpoint_id) as (name, secret):
        return WithSecret(run_with_retry(deps, attempt), secret)


def signing_secrets(deps: Deps, endpoint: WebhookEndpoint) -> list[str]:
    """What its calls are signed with now, the newest first."""
    names = [endpoint.secret_name]
    if endpoint.former_secret_name and endpoint.former_until and endpoint.former_until > deps.now():
        names.append(endpoint.former_secret_name)
    stored = [deps.secrets.read(name).get(_SECRET) for name in names]
    return [secret for secret in stored if secret]


def delete(deps: Deps, tenant_id: str, endpoint_id: str) -> None:
    """Delete an endpoint: its deliveries cannot be read any more, and no more are made. Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> None:
        _remove(deps, unit, unit.webhook_endpoints.owned(tenant_id, endpoint_id))

    run_with_retry(deps, attempt)


def follow_channel(deps: Deps, unit: UnitOfWork, instance: Instance) -> None:
    """A channel's `webhook_url` is an endpoint of its own, which gets what happens on that channel.

    It comes, changes and goes with the channel's configuration, in the commit of that. Its secret is shown when it is
    rotated.
    """
    endpoint_id, url = channel_endpoint_id(instance.id), instance.config.get("webhook_url")
    endpoint = unit.webhook_endpoints.owned_or_none(instance.tenant_id, endpoint_id)
    if not url:
        if endpoint is not None:
            _remove(deps, unit, endpoint)
        return
    if endpoint is not None:
        endpoint.url, endpoint.updated_at = url, deps.now()
        return
    name, _ = _new_secret(deps, endpoint_id)
    endpoint = unit.webhook_endpoints.add(
        WebhookEndpoint(
            id=endpoint_id,
            tenant_id=instance.tenant_id,
            url=url,
            description=f"webhook_url of {instance.name}"[:200],
            topics=list(_OF_A_CHANNEL),
            instance_ids=[instance.id],
            instance_id=instance.id,
            secret_name=name,
            created_at=deps.now(),
            updated_at=deps.now(),
        )
    )
    _put_filter(deps, unit, endpoint)


def forget_channel(deps: Deps, unit: UnitOfWork, instance: Instance) -> None:
    """The channel is deleted, and its `webhook_url` with it."""
    if not instance.config.get("webhook_url"):
        return
    endpoint = unit.webhook_endpoints.owned_or_none(instance.tenant_id, channel_endpoint_id(instance.id))
    if endpoint is not None:
        _remove(deps, unit, endpoint)


def channel_endpoint_id(instance_id: str) -> str:
    """The id of the endpoint that is a channel's `webhook_url`."""
    return stable_id("webhook url", instance_id)


def _remove(deps: Deps, unit: UnitOfWork, endpoint: WebhookEndpoint) -> None:
    stream = event_log.stream_to_change(deps, unit, endpoint.tenant_id)
    stream.endpoints = [each for each in stream.endpoints if each.id != endpoint.id]
    unit.webhook_endpoints.remove(endpoint.id)
    unit.after_commit(lambda: event_log.forget(deps, endpoint.tenant_id))
    for name in (endpoint.secret_name, endpoint.former_secret_name):
        _delete_afterwards(deps, unit, name)


def filter_of(endpoint: WebhookEndpoint) -> EndpointFilter:
    """Which events the endpoint gets."""
    return EndpointFilter(
        id=endpoint.id,
        topics=endpoint.topics,
        instance_ids=endpoint.instance_ids,
        noted_until=None if endpoint.paused_at is None else endpoint.paused_at + _NOTED,
    )


def _put_filter(deps: Deps, unit: UnitOfWork, endpoint: WebhookEndpoint) -> None:
    stream = event_log.stream_to_change(deps, unit, endpoint.tenant_id)
    others = [each for each in stream.endpoints if each.id != endpoint.id]
    stream.endpoints = [*others, filter_of(endpoint)]
    unit.after_commit(lambda: event_log.forget(deps, endpoint.tenant_id))


@contextmanager
def _secret_for(deps: Deps, endpoint_id: str) -> Iterator[tuple[str, str]]:
    """The name of a new secret, and the secret, which is deleted again when the endpoint is refused."""
    name, secret = _new_secret(deps, endpoint_id)
    try:
        yield name, secret
    except (Collision, NotFound):  # after an error of the store the endpoint may have it all the same
        deps.secrets.delete(name)
        raise


def _new_secret(deps: Deps, endpoint_id: str) -> tuple[str, str]:
    name, secret = f"webhook-{endpoint_id}-{new_id()}", new_signing_secret()
    deps.secrets.write(name, {_SECRET: secret})
    return name, secret


def _delete_afterwards(deps: Deps, unit: UnitOfWork, name: str | None) -> None:
    if name is not None:
        unit.after_commit(lambda: deps.secrets.delete(name))


def _check_instances(unit: UnitOfWork, tenant_id: str, instance_ids: list[str]) -> None:
    if len(unit.instances.owned_many(tenant_id, instance_ids)) < len(set(instance_ids)):
        raise NotFound("Instance not found")
