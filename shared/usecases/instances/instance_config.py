"""An instance's configuration: taken apart into what may be shown and what is secret, and put together again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from shared import channels
from shared.channel.config import OPERATORS, NamesAccount, SupportsDefaults
from shared.config import Settings
from shared.deps import Deps
from shared.domain.field_names import LONGEST_NAME, is_field_name, snake_case
from shared.domain.instance_options import HubOptions
from shared.domain.instances import Instance
from shared.domain.storable import check_storable
from shared.errors import BadRequest, CredentialsLost, SecretLost
from shared.usecases.instances import unlisted
from shared.usecases.instances.instance_documents import label
from shared.usecases.instances.unlisted import MASK, is_mask, mask

__all__ = ["MASK", "is_mask", "mask"]

AGENT_API_KEY = "agent_api_key"
_HUB_FIELDS = frozenset(
    spelling for name in (*HubOptions.model_fields, "provider", "webhook_url") for spelling in (name, to_camel(name))
)
ENTER_AGAIN = "the stored credentials cannot be read any more: enter the credentials again"
# What Secret Manager takes (https://cloud.google.com/secret-manager/quotas), and much less than a document may have.
_MOST_KILOBYTES = 64
_SECRET_NAME = re.compile(
    r"(pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|auth(orization)?$|credential|(^|_)key$)"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A configuration by field name.

    `unlisted` is what neither the channel nor the hub knows; `cleared` are the names that were given as null or empty.
    """

    config: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    unlisted: dict[str, Any] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)


def names_secret(name: str) -> bool:
    """Whether a field of that name, in snake or camel case, is likely to hold a secret.

    What is too long to be a name is taken for one that does.
    """
    return len(name) > LONGEST_NAME or bool(_SECRET_NAME.search(snake_case(name)))


def model_of(adapter: str) -> type[BaseModel] | None:
    """The adapter's configuration; None for a channel type that has no adapter yet."""
    if adapter not in channels.names():
        return None
    return channels.channel(adapter).config


def field_names(model: type[BaseModel] | None) -> dict[str, str]:
    """Every spelling that a field may be given in, to the field's name."""
    spellings: dict[str, str] = {}
    for name, info in (model.model_fields if model else {}).items():
        spellings |= {name: name, to_camel(name): name}
        alias = info.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        spellings |= {choice: name for choice in (info.alias, *choices) if isinstance(choice, str)}
    return spellings


def split(adapter: str, values: Mapping[str, Any]) -> Parts:
    """Take a caller's configuration apart; masks that came back are left out.

    An unknown key whose name (or a name inside whose value) looks like a secret's is kept as a secret, as JSON when it
    is not text. Raises `BadRequest` for a key that is no name.
    """
    _check_names(values)
    model = model_of(adapter)
    spellings = field_names(model)
    parts = Parts()
    for key, value in values.items():
        name = spellings.get(key, key)
        if is_mask(value):
            continue
        if value is None or value == "":
            parts.cleared.add(name)
        elif _is_secret(model, name, value):
            parts.secrets[name] = value if isinstance(value, str) else json.dumps(value)
        elif is_listed(adapter, name):
            parts.config[name] = value
        else:
            parts.unlisted[name] = value
    return parts


def is_listed(adapter: str, name: str) -> bool:
    """Whether the channel or the hub itself knows a field of a configuration."""
    model = model_of(adapter)
    return name in _HUB_FIELDS or (model is not None and name in model.model_fields)


def shown_config(instance: Instance) -> dict[str, Any]:
    """What of the configuration is no secret; what an earlier version kept of the unknown is masked."""
    listed = {name: value for name, value in instance.config.items() if is_listed(instance.adapter, name)}
    return listed | unlisted.masked({name: value for name, value in instance.config.items() if name not in listed})


def _check_names(values: Mapping[str, Any]) -> None:
    """Refuse keys that are no names, before anything else looks at them; those inside of values may be any word."""
    if not all(map(is_field_name, values)):
        reason = f"names in it have 1 to {LONGEST_NAME} letters, digits, dots, hyphens or underscores"
        raise BadRequest.of_field("config", reason)
    level: list[object] = list(values.values())
    while level:
        if any(len(name) > LONGEST_NAME for item in level if isinstance(item, Mapping) for name in item):
            raise BadRequest.of_field("config", f"names inside of it have {LONGEST_NAME} characters at most")
        level = [part for item in level for part in _parts_of(item)]


def _parts_of(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _is_secret(model: type[BaseModel] | None, name: str, value: object) -> bool:
    if model is not None and name in model.model_fields:
        return _mentions_secret(model.model_fields[name].annotation)
    return names_secret(name) or _holds_secret(value)


def _mentions_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_mentions_secret(part) for part in get_args(annotation))


def _holds_secret(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(names_secret(key) or _holds_secret(item) for key, item in value.items())
    return isinstance(value, list) and any(_holds_secret(item) for item in value)


def with_unlisted(parts: Parts, metadata: dict[str, Any]) -> dict[str, str]:
    """All that is stored among the credentials; raises `BadRequest` when it is too much."""
    sealed = parts.secrets | unlisted.Unlisted(parts.unlisted, metadata).sealed()
    if len(json.dumps(sealed)) > _MOST_KILOBYTES * 1024:
        raise BadRequest.of_field("metadata", f"must be shorter than {_MOST_KILOBYTES} kB, with the configuration")
    return sealed


def check(deps: Deps, tenant_id: str, adapter: str, parts: Parts) -> list[str]:
    """Judge a whole configuration and return what is still missing in it.

    Missing values only keep an instance from being used. Raises `BadRequest` for
    wrong ones, for too much of them and for addresses that the hub does not call.
    """
    _check_kept(parts)
    for name, value in {**parts.config, **parts.unlisted}.items():
        if snake_case(name).endswith("url") and isinstance(value, str):
            deps.http.check(value, f"config.{name}")
    model = model_of(adapter)
    if model is None:
        return []
    try:
        build(deps.settings, tenant_id, adapter, model, parts.config, parts.secrets)
    except ValidationError as error:
        return _missing(error, model)
    return []


def _check_kept(parts: Parts) -> None:
    try:
        for values in (parts.config, {**parts.secrets, **parts.unlisted}):
            check_storable(values, kilobytes=_MOST_KILOBYTES)
    except ValueError as error:
        raise BadRequest.of_field("config", str(error)) from None


def _missing(error: ValidationError, model: type[BaseModel]) -> list[str]:
    spellings = field_names(model)
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    labels = [".".join(spellings.get(str(part), str(part)) for part in entry["loc"]) or "config" for entry in problems]
    reasons = [entry["msg"].removeprefix("Value error, ") for entry in problems]
    if all(entry["type"] == "missing" for entry in problems):
        return labels
    fields = {f"config.{label}": reason for label, reason in zip(labels, reasons, strict=True)}
    raise BadRequest.of_fields(fields) from None


def check_account(deps: Deps, tenant_id: str, adapter: str, parts: Parts, external_id: str | None) -> None:
    """Raises `BadRequest` where a whole configuration is for another account than `external_id`."""
    module, model = channels.ability(adapter, NamesAccount[BaseModel]), model_of(adapter)
    if not external_id or module is None or model is None:
        return
    account_id = module.account_id(build(deps.settings, tenant_id, adapter, model, parts.config, parts.secrets))
    if account_id not in (None, external_id):
        raise BadRequest.of_field("external_id", f"must be {account_id}: the credentials are for that account")


def build(
    settings: Settings,
    tenant_id: str,
    adapter: str,
    model: type[BaseModel],
    config: Mapping[str, Any],
    credentials: Mapping[str, str],
) -> BaseModel:
    """The deployment's defaults, overlaid with the instance's own values; raises pydantic's `ValidationError`."""
    own_values = {name: value for name, value in {**config, **credentials}.items() if name in model.model_fields}
    values = {**defaults(adapter, settings), **own_values}
    context = {OPERATORS: tenant_id == settings.default_tenant_id}
    return model.model_validate(values, by_alias=True, by_name=True, context=context)


def defaults(adapter: str, settings: Settings) -> Mapping[str, Any]:
    """What the deployment's settings give an instance of this adapter; its own values override that."""
    module = channels.ability(adapter, SupportsDefaults)
    return module.defaults(settings) if module else {}


def load_config(deps: Deps, instance: Instance) -> BaseModel:
    """What the instance's adapter works with, secrets included; kept for a short while.

    Raises `BadRequest` when something is missing, `CredentialsLost` when its secrets cannot be opened, `NotFound` when
    there is no adapter.
    """
    return deps.cache.get(("config", instance.id), lambda: _load(deps, instance))


def _load(deps: Deps, instance: Instance) -> BaseModel:
    model = channels.channel(instance.adapter).config
    try:
        secrets = credentials(deps, instance)
        return build(deps.settings, instance.tenant_id, instance.adapter, model, instance.config, secrets)
    except ValidationError as error:
        spellings = field_names(model)
        labels = {str(entry["loc"][0]) for entry in error.errors(include_input=False) if entry["loc"]}
        names = sorted(spellings.get(label, label) for label in labels)
    raise BadRequest(f"{label(instance)} is not configured: check {', '.join(names) or 'its config'}")


def credentials(deps: Deps, instance: Instance) -> dict[str, str]:
    """The instance's secrets by name; raises `CredentialsLost` when they cannot be opened any more."""
    try:
        return deps.secrets.read(instance.secret_name)
    except SecretLost:
        raise CredentialsLost(ENTER_AGAIN) from None


def readable_credentials(deps: Deps, instance: Instance) -> dict[str, str]:
    """The instance's secrets by name; none when they cannot be opened any more."""
    try:
        return credentials(deps, instance)
    except CredentialsLost:
        return {}
