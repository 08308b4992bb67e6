"""Logging in an account that a person connects by a code, over two or three requests."""

from __future__ import annotations

from shared import channels
from shared.channel.lifecycle import Connection
from shared.channel.login import LoginModule
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import BadRequest
from shared.usecases.instances import instance_connection, instance_lookup, instance_operations


def start(deps: Deps, tenant_id: str, instance_id: str, phone: str) -> None:
    """Have the provider send a code. Raises `NotFound`, `BadRequest` for a channel without a login, and as the

    channel's `start` does.
    """
    instance, login = _login(deps, tenant_id, instance_id)
    login.start(deps, instance, phone)


def confirm(deps: Deps, tenant_id: str, instance_id: str, code: str, password: str | None) -> bool:
    """Log in with the code and the password; False while a password is missing. Raises as `start` does, and as the

    channel's `confirm`.
    """
    instance, login = _login(deps, tenant_id, instance_id)

    def record(connection: Connection) -> None:
        after = instance_connection.record(deps, instance, connection)
        instance_connection.tell(deps, instance, after)

    return login.confirm(deps, instance, code, password, record)


def logout(deps: Deps, tenant_id: str, instance_id: str) -> None:
    """End the session at the provider and destroy it here; one that has ended is no error. Raises as `start` does."""
    instance, _ = _login(deps, tenant_id, instance_id)
    instance_operations.logout(deps, instance)


def _login(deps: Deps, tenant_id: str, instance_id: str) -> tuple[Instance, LoginModule]:
    instance = instance_lookup.by_id(deps, tenant_id, instance_id)
    module = channels.ability(instance.adapter, LoginModule)
    if module is None:
        reason = "is not a channel of type TELEGRAM_USER"
        raise BadRequest.of_field("channel_instance_id", reason)
    return instance, module
