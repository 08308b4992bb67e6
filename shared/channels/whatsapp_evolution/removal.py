"""Ending an account's connection, and deleting what Evolution keeps of it."""

from __future__ import annotations

from shared.channel.lifecycle import Connection
from shared.channels.whatsapp_evolution import accounts, api
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.connection_events import LOGGED_OUT
from shared.channels.whatsapp_evolution.registration import done, is_missing
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus


def logout(deps: Deps, instance: Instance, config: EvolutionConfig) -> Connection:
    """Unlink the account from WhatsApp; an instance that is not connected counts as logged out."""
    if accounts.has_none(deps, instance, config):
        return Connection(status=InstanceStatus.DISCONNECTED, detail=LOGGED_OUT)
    answer = api.call(deps, instance, config, "DELETE", "instance/logout")
    if not is_missing(answer) and not (answer.status == 400 and "not connected" in api.text_of(answer)):
        done(answer)
    return Connection(status=InstanceStatus.DISCONNECTED, detail=LOGGED_OUT)


def remove(deps: Deps, instance: Instance, config: EvolutionConfig) -> Connection:
    """Delete the instance at Evolution, which logs it out first."""
    delete(deps, instance, config)
    return Connection(status=InstanceStatus.DELETED, detail="deleted at Evolution")


def delete(deps: Deps, instance: Instance, config: EvolutionConfig) -> None:
    """Have the instance deleted; one that is not there is deleted already."""
    if accounts.has_none(deps, instance, config):
        return
    answer = api.call(deps, instance, config, "DELETE", "instance/delete")
    if answer.status == 400 and "needs to be disconnected" in api.text_of(answer):
        # 1.x leaves that to its caller.
        logout(deps, instance, config)
        answer = api.call(deps, instance, config, "DELETE", "instance/delete")
    if answer.status != 404 or answer.is_page:
        done(answer)
