"""Logging a person's Telegram account in: by the code that Telegram sends, and the account's password if it has one."""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.channel.lifecycle import Connection
from shared.channelkit import auth
from shared.channelkit.auth import AuthState
from shared.channels.telegram_user.api import gateway
from shared.channels.telegram_user.gateway import Gateway, PasswordNeeded, SignedIn
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import BadRequest, Collision

_PHONE = re.compile(r"\+[1-9][0-9]{5,14}")
_PUNCTUATION = str.maketrans("", "", " -().")

Record = Callable[[Connection], None]


def start(deps: Deps, instance: Instance, phone: str) -> None:
    """Have Telegram send a code to the number's devices."""
    number = _number(phone)
    telegram = gateway(deps.settings)
    login, version = auth.read(deps, instance)
    if login.state is AuthState.CONNECTED:
        raise Collision("this channel is logged in; log it out first")
    if login.state is AuthState.LOGGED_OUT and login.secret:
        # A logout that did not reach Telegram; once the secret is replaced nobody could end that session any more.
        telegram.log_out(auth.secret_of(deps, login).get("session", ""))
    requested = telegram.request_code(number)
    content = {"session": requested.session, "code_hash": requested.code_hash, "phone": number}
    auth.move(deps, instance, version, AuthState.CODE_SENT, content)


def _number(phone: str) -> str:
    digits = phone.translate(_PUNCTUATION)
    number = f"+{digits.removeprefix('+').removeprefix('00')}"
    if not _PHONE.fullmatch(number):
        reason = "is not a phone number; give it with its country code, as +49…"
        raise BadRequest.of_field("phone", reason)
    return number


def confirm(deps: Deps, instance: Instance, code: str, password: str | None, record: Record) -> bool:
    login, version = auth.read(deps, instance)
    if login.state is AuthState.CONNECTED:
        return True
    credentials = auth.secret_of(deps, login)
    if login.state is AuthState.LOGGED_OUT or not credentials:
        raise BadRequest("ask for a code first: POST /api/telegram/user/start")
    telegram = gateway(deps.settings)
    if login.state is AuthState.CODE_SENT:
        outcome = telegram.sign_in(credentials["session"], credentials["phone"], credentials["code_hash"], code)
        if isinstance(outcome, SignedIn):
            _connect(deps, instance, version, telegram, outcome, record)
            return True
        credentials = _expect_password(deps, instance, version, outcome, credentials["phone"])
        version = auth.read(deps, instance)[1]
    if not password:
        return False
    signed_in = telegram.check_password(credentials["session"], password)
    _connect(deps, instance, version, telegram, signed_in, record)
    return True


def _expect_password(
    deps: Deps, instance: Instance, version: str | None, needed: PasswordNeeded, phone: str
) -> dict[str, str]:
    """The code is used up, so this is stored before anything else can fail."""
    credentials = {"session": needed.session, "phone": phone}
    auth.move(deps, instance, version, AuthState.PASSWORD_NEEDED, credentials)
    return credentials


def _connect(
    deps: Deps, instance: Instance, version: str | None, telegram: Gateway, signed_in: SignedIn, record: Record
) -> None:
    """Keep the session and record the account; an account that another channel has is logged out again."""
    connection = Connection(
        status=InstanceStatus.CONNECTED,
        external_id=str(signed_in.user_id),
        display_name=signed_in.name,
        phone_number=signed_in.phone,
    )
    try:
        auth.move(deps, instance, version, AuthState.CONNECTED, {"session": signed_in.session})
    except Collision:
        telegram.log_out(signed_in.session)
        raise
    try:
        record(connection)
    except Collision:
        auth.stop(deps, instance)
        telegram.log_out(signed_in.session)
        auth.forget(deps, instance)
        raise
