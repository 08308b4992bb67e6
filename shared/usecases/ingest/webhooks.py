"""Taking a provider's call: find the instance, check the sender, make it durable.

No message is parsed here, and nothing is written but that a call was refused.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from shared.channel.webhook import (
    RawPart,
    SupportsChallenge,
    SupportsLargeWebhooks,
    SupportsResponse,
    SupportsSealing,
    SupportsSharedAddress,
    SupportsSignatureLookup,
    Webhook,
    WebhookModule,
    WebhookResponse,
)
from shared.channels import ability, channel, implementation
from shared.config import Settings
from shared.deps import Deps
from shared.domain.events import InboundEvent, Topic
from shared.domain.instances import Instance
from shared.errors import CredentialsLost, NotFound, Overloaded, PayloadInvalid, PayloadTooLarge, SignatureInvalid
from shared.logs import current_trace
from shared.usecases.instances import instance_config, instance_lookup

log = logging.getLogger(__name__)

UNPROVEN_BYTES, UNPROVEN_ACCOUNTS, MOST_ACCOUNTS = 128 * 1024, 20, 1000
"""What a call may have before it is known who could prove it, and how many accounts one may name."""


def take(deps: Deps, instance: Instance, webhook: Webhook) -> WebhookResponse | None:
    """Check a call for one instance and publish what it holds; returning means that it is durable.

    Returns what the provider wants to hear, or None for the usual words.
    Raises `SignatureInvalid`, `PayloadInvalid`, or whatever the bus raises when
    it cannot store: then the provider must try again.
    """
    _verify_noted(deps, instance, webhook)
    lookup = ability(instance.adapter, SupportsSignatureLookup[BaseModel])
    if lookup is not None:
        lookup.verify_signature(deps, instance, instance_config.load_config(deps, instance), webhook)
    parts = implementation(instance.adapter, WebhookModule[BaseModel]).accept(webhook)
    elsewhere = _elsewhere(deps, instance, parts, webhook)
    own_parts = [part for part in parts if part.business is None and part.account not in elsewhere]
    _publish(deps, instance, own_parts, webhook)
    for account, other in elsewhere.items():
        _publish(deps, other, [part for part in parts if part.account == account], webhook)
    # An app tells of all its businesses at one address, which need not be this channel's.
    for of_business, parts_of_business in _of_businesses(deps, instance.adapter, parts, webhook):
        _publish(deps, of_business, parts_of_business, webhook)
    return _respond(deps, instance, webhook)


def limit_of_proven(deps: Deps, instance: Instance, head: Webhook) -> int:
    """How long a call may be that has proved itself by its head alone.

    Raises `SignatureInvalid`, and `PayloadTooLarge` where no provider sends so much.
    """
    module = ability(instance.adapter, SupportsLargeWebhooks[BaseModel])
    if module is None:
        raise PayloadTooLarge(f"a webhook may have {channel(instance.adapter).webhook_bytes} bytes here")
    with _noting_refusal(deps, instance):
        _verify_by(module.verify_head, deps, instance, head)
    return module.LARGEST


def _respond(deps: Deps, instance: Instance, webhook: Webhook) -> WebhookResponse | None:
    module = ability(instance.adapter, SupportsResponse[BaseModel])
    if module is None:
        return None
    return module.respond(deps, instance, instance_config.load_config(deps, instance), webhook)


@contextmanager
def _noting_refusal(deps: Deps, instance: Instance) -> Iterator[None]:
    """Show with the instance that a call for it was refused."""
    try:
        yield
    except SignatureInvalid as error:
        from shared.usecases.instances import webhook_refusals  # noqa: PLC0415 - costs cold start, and most calls are taken

        webhook_refusals.note_refused_webhook(deps, instance, error.detail)
        raise


def _verify_noted(deps: Deps, instance: Instance, webhook: Webhook) -> None:
    with _noting_refusal(deps, instance):
        _verify(deps, instance, webhook)


def _verify(deps: Deps, instance: Instance, webhook: Webhook) -> None:
    """Raises `SignatureInvalid`; credentials that changed a moment ago in another process get a second look.

    A provider may use a new secret before this process has heard of it, and
    some never repeat a call that was refused. Not more than one second look in
    the cache's life, so that forged calls cannot make us read secrets all day.
    """
    _verify_by(implementation(instance.adapter, WebhookModule[BaseModel]).verify, deps, instance, webhook)


def _verify_by(
    verify: Callable[[Webhook, Any, Settings], None], deps: Deps, instance: Instance, webhook: Webhook
) -> None:
    settings = deps.settings
    try:
        verify(webhook, instance_config.load_config(deps, instance), settings)
    except CredentialsLost:
        # The provider goes on trying until somebody has entered them again.
        raise Overloaded("the call cannot be checked now", retry_after=60) from None
    except SignatureInvalid:
        looks: list[bool] = deps.cache.get(("second look", instance.id), lambda: [True])
        if not looks:
            raise
        looks.clear()
        instance_lookup.forget(deps, instance)
        verify(webhook, instance_config.load_config(deps, instance), settings)


def take_for_accounts(
    deps: Deps, adapter: str, webhook: Webhook, channel_of: Callable[[bytes], str | None] | None = None
) -> WebhookResponse | None:
    """Check and publish a call whose body names the accounts it is for; unknown ones are logged and skipped.

    What the deployment's own app has signed may be long. Any other call has to be read before it is known whose secret
    proves it, and is short. Where one address serves several channels, `channel_of` tells from a body that is short or
    proven which one it is for; None means `adapter`. Returns as `take` does.
    """
    is_ours = _proves_itself_to_the_deployment(deps, adapter, webhook)
    if not is_ours and len(webhook.body) > UNPROVEN_BYTES:
        raise SignatureInvalid(
            f"{adapter}: a call of more than {UNPROVEN_BYTES} bytes has to be signed by the deployment's own app here; "
            "give an app of your own the address of its channel"
        )
    if channel_of is not None:
        adapter = channel_of(webhook.body) or adapter
    by_account: dict[str, list[RawPart]] = {}
    parts = implementation(adapter, WebhookModule[BaseModel]).accept(webhook)
    for part in parts:
        if part.business is None:
            by_account.setdefault(part.account or "", []).append(part)
    if len(by_account) > (MOST_ACCOUNTS if is_ours else UNPROVEN_ACCOUNTS):
        raise PayloadInvalid(f"{adapter}: the call names too many accounts")
    recipients = [
        (instance, own_parts)
        for account, own_parts in by_account.items()
        if (instance := _find(deps, adapter, account))
    ]
    of_businesses = _of_businesses(deps, adapter, parts, webhook)
    if parts and not recipients and not of_businesses:
        _refuse_unsigned(deps, adapter, webhook)
    for instance, _ in recipients:
        _verify_noted(deps, instance, webhook)
    for instance, parts_of_instance in [*recipients, *of_businesses]:
        _publish(deps, instance, parts_of_instance, webhook)
    return _respond_for_accounts(deps, adapter, [instance for instance, _ in recipients], webhook)


def _respond_for_accounts(
    deps: Deps, adapter: str, instances: Sequence[Instance], webhook: Webhook
) -> WebhookResponse | None:
    module = ability(adapter, SupportsSharedAddress)
    response = module.respond_to_test(webhook) if module else None
    if response is not None:
        if not instances:
            _refuse_unsigned(deps, adapter, webhook)
        return response
    return _respond(deps, instances[0], webhook) if instances else None


def take_update(deps: Deps, instance: Instance, update: Mapping[str, Any]) -> None:
    """Publish what an account's own connection brought; returning means that it is durable. Raises as `take` does."""
    webhook = Webhook(method="", headers={}, query={}, body=json.dumps(update).encode(), url="", received_at=deps.now())
    _publish(deps, instance, implementation(instance.adapter, WebhookModule[BaseModel]).accept(webhook), webhook)


def _elsewhere(
    deps: Deps, instance: Instance, parts: Iterable[RawPart], webhook: Webhook
) -> dict[str | None, Instance]:
    """The other instances whose accounts a call names, if it proves itself to them too.

    A provider may send all of a business's accounts to one address.
    """
    if instance.external_id is None:
        return {}
    instances_by_account: dict[str | None, Instance] = {}
    accounts = {part.account for part in parts if part.account} - {instance.external_id}
    if len(accounts) > MOST_ACCOUNTS:
        raise PayloadInvalid(f"{instance.adapter}: the call names too many accounts")
    for account in accounts:
        other = _find(deps, instance.adapter, account)
        if other is not None and other.id != instance.id and _proves_itself(deps, other, webhook):
            instances_by_account[account] = other
    return instances_by_account


def _of_businesses(
    deps: Deps, adapter: str, parts: Iterable[RawPart], webhook: Webhook
) -> list[tuple[Instance, list[RawPart]]]:
    """The accounts of the businesses that a call names, if it proves itself to them, each with the parts for it."""
    by_business: dict[str, list[RawPart]] = {}
    for part in parts:
        if part.business is not None:
            by_business.setdefault(part.business, []).append(part)
    if len(by_business) > UNPROVEN_ACCOUNTS:
        raise PayloadInvalid(f"{adapter}: the call names too many accounts")
    return [
        (instance, own_parts)
        for business, own_parts in by_business.items()
        for instance in instance_lookup.of_business_cached(deps, adapter, business)
        if _proves_itself(deps, instance, webhook)
    ]


def _proves_itself(deps: Deps, instance: Instance, webhook: Webhook) -> bool:
    try:
        _verify(deps, instance, webhook)
    except SignatureInvalid:
        return False
    return True


def _find(deps: Deps, adapter: str, account: str) -> Instance | None:
    instance = instance_lookup.find_cached(deps, address=(adapter, account))
    if instance is None:
        log.warning("a webhook names an account that no channel has", extra={"adapter": adapter, "account": account})
    return instance


def _proves_itself_to_the_deployment(deps: Deps, adapter: str, webhook: Webhook) -> bool:
    try:
        _refuse_unsigned(deps, adapter, webhook)
    except SignatureInvalid:
        return False
    return True


def _refuse_unsigned(deps: Deps, adapter: str, webhook: Webhook) -> None:
    """With no instance to ask, the deployment's own app secret decides; without one the call is only dropped."""
    implementation(adapter, WebhookModule[BaseModel]).verify(webhook, bare_config(deps, adapter), deps.settings)


def bare_config(deps: Deps, adapter: str) -> BaseModel:
    """A channel's configuration as far as the deployment's settings give it, without an instance."""
    model = channel(adapter).config
    fields = {name: info.get_default() for name, info in model.model_fields.items() if not info.is_required()}
    return model.model_construct(None, **{**fields, **instance_config.defaults(adapter, deps.settings)})


def answer_challenge(deps: Deps, adapter: str, webhook: Webhook, instance: Instance | None) -> str:
    """What to answer when a provider checks the address; raises `ChallengeRefused` or `NotFound`."""
    module = ability(adapter, SupportsChallenge[BaseModel])
    if module is None:
        raise NotFound(f"{adapter} asks no questions here")
    config = instance_config.load_config(deps, instance) if instance else bare_config(deps, adapter)
    return module.challenge(webhook, config, deps.settings)


def _publish(deps: Deps, instance: Instance, parts: Iterable[RawPart], webhook: Webhook) -> None:
    trace = current_trace()
    sealing = ability(instance.adapter, SupportsSealing[BaseModel])
    for n, part in enumerate(parts):
        payload = part.payload
        if sealing is not None:
            payload = sealing.seal(instance, instance_config.load_config(deps, instance), payload)
        event = InboundEvent(
            tenant_id=instance.tenant_id,
            instance_id=instance.id,
            channel=instance.adapter,
            payload=payload,
            # A microsecond apart, so that their order is told by their times.
            received_at=webhook.received_at + timedelta(microseconds=n),
            request_id=trace.request_id if trace else None,
            traceparent=trace.traceparent if trace else None,
        )
        deps.bus.publish(Topic.INBOUND, event, key=f"{instance.id}:{part.key}")
