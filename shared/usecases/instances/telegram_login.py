"""Logging a person's Telegram account in, over two or three requests that may reach different processes."""

from __future__ import annotations

import re

from shared.channel import Connection
from shared.channelkit import auth
from shared.channelkit.auth import AuthState
from shared.channels.telegram_user.gateway import PROVIDER, Gateway, PasswordNeeded, SignedIn, gateway
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import BadRequest, Collision
from shared.usecases.instances import instance_connection, instance_lookup, instance_operations

_PHONE = re.compile(r"\+[1-9][0-9]{5,14}")
_PUNCTUATION = str.maketrans("", "", " -().")


def start(deps: Deps, tenant_id: str, instance_id: str, phone: str) -> None:
    """Have Telegram send a code to the number's devices. A second start takes the place of the first.

    Raises `NotFound`, `BadRequest` (also for a channel of another type),
    `Collision` for one that is logged in, `TooManyRequests`, or a `ProviderError`.
    """
    instance = _instance(deps, tenant_id, instance_id)
    number = _number(phone)
    telegram = gateway(deps.settings)
    known, version = auth.read(deps, instance)
    if known.state is AuthState.CONNECTED:
        raise Collision("this channel is logged in; log it out first")
    if known.state is AuthState.LOGGED_OUT and known.secret:
        # A logout that did not reach Telegram; once the secret is replaced nobody could end that session any more.
        telegram.log_out(auth.secret_of(deps, known).get("session", ""))
    requested = telegram.request_code(number)
    content = {"session": requested.session, "code_hash": requested.code_hash, "phone": number}
    auth.move(deps, instance, version, AuthState.CODE_SENT, content)


def confirm(deps: Deps, tenant_id: str, instance_id: str, code: str, password: str | None) -> AuthState:
    """Give the code, and the password where the account has one: in the same request or in another after it.

    Returns `CONNECTED` or `PASSWORD_NEEDED`. Confirming what is connected is no
    error. Raises as `start`, and `BadRequest` for a wrong or expired code and a
    wrong password, after which the right one may be tried.
    """
    instance = _instance(deps, tenant_id, instance_id)
    known, version = auth.read(deps, instance)
    if known.state is AuthState.CONNECTED:
        return known.state
    login = auth.secret_of(deps, known)
    if known.state is AuthState.LOGGED_OUT or not login:
        raise BadRequest("ask for a code first: POST /api/telegram/user/start")
    telegram = gateway(deps.settings)
    if known.state is AuthState.CODE_SENT:
        outcome = telegram.sign_in(login["session"], login["phone"], login["code_hash"], code)
        if isinstance(outcome, SignedIn):
            return _connect(deps, instance, version, telegram, outcome)
        login = _expect_password(deps, instance, version, outcome, login["phone"])
        version = auth.read(deps, instance)[1]
    if not password:
        return AuthState.PASSWORD_NEEDED
    return _connect(deps, instance, version, telegram, telegram.check_password(login["session"], password))


def logout(deps: Deps, tenant_id: str, instance_id: str) -> None:
    """End the session at Telegram and destroy it here; one that has ended is no error. Raises as `start` does."""
    instance_operations.logout(deps, _instance(deps, tenant_id, instance_id))


def _instance(deps: Deps, tenant_id: str, instance_id: str) -> Instance:
    instance = instance_lookup.by_id(deps, tenant_id, instance_id)
    if instance.adapter != PROVIDER:
        reason = "is not a channel of type TELEGRAM_USER"
        raise BadRequest(f"channelInstanceId: {reason}", {"channelInstanceId": reason})
    return instance


def _number(phone: str) -> str:
    digits = phone.translate(_PUNCTUATION)
    number = f"+{digits.removeprefix('+').removeprefix('00')}"
    if not _PHONE.fullmatch(number):
        reason = "is not a phone number; give it with its country code, as +49…"
        raise BadRequest(f"phone: {reason}", {"phone": reason})
    return number


def _expect_password(
    deps: Deps, instance: Instance, version: str | None, needed: PasswordNeeded, phone: str
) -> dict[str, str]:
    """The code is used up: what is left to do must be known before anything else can fail."""
    login = {"session": needed.session, "phone": phone}
    auth.move(deps, instance, version, AuthState.PASSWORD_NEEDED, login)
    return login


def _connect(deps: Deps, instance: Instance, version: str | None, telegram: Gateway, signed_in: SignedIn) -> AuthState:
    """Keep the session and mark the instance; an account that another channel has is logged out again."""
    connection = Connection(
        status=InstanceStatus.CONNECTED,
        external_id=str(signed_in.user_id),
        display_name=signed_in.name,
        phone_number=signed_in.phone,
    )
    try:
        kept = auth.move(deps, instance, version, AuthState.CONNECTED, {"session": signed_in.session})
    except Collision:
        telegram.log_out(signed_in.session)
        raise
    try:
        after = instance_connection.record(deps, instance, connection)
    except Collision:
        auth.stop(deps, instance)
        telegram.log_out(signed_in.session)
        auth.forget(deps, instance)
        raise
    instance_connection.tell(deps, instance, after)
    return kept.state
