"""Logging a person's Telegram account in and out."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnichat.channels import channel_out
from functions.omnichat.telegram_schemas import (
    CodeSent,
    Confirmed,
    LoggedOut,
    TelegramChannelIn,
    TelegramConfirmIn,
    TelegramStartIn,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.instances import instances

api = APIBlueprint(
    "omnichat_telegram",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/telegram/user",
    abp_tags=[Tag(name="OmniChat Telegram accounts")],
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.post("/start", responses={200: CodeSent, 404: Failure, 409: Failure, 429: Failure, 502: Failure})
def start(body: TelegramStartIn) -> Response:
    """Have Telegram send a code to the account's devices. A second start takes the place of the first."""
    from shared.usecases.instances import account_login  # noqa: PLC0415 - few log in, all would pay at the start

    require(Role.ADMIN)
    account_login.start(deps(), caller().tenant_id, body.channel_instance_id, body.phone)
    return answer(CodeSent.of(body))


@api.post("/confirm", responses={200: Confirmed, 404: Failure, 409: Failure, 429: Failure, 502: Failure})
def confirm(body: TelegramConfirmIn) -> Response:
    """Give the code, and the password in the same request or, when it turns out to be needed, in another."""
    from shared.usecases.instances import account_login  # noqa: PLC0415 - few log in, all would pay at the start

    require(Role.ADMIN)
    password = body.password.get_secret_value() if body.password else None
    tenant_id, channel_id = caller().tenant_id, body.channel_instance_id
    if not account_login.confirm(deps(), tenant_id, channel_id, body.code, password):
        return answer(Confirmed.without_password())
    return answer(Confirmed.connected(channel_out(instances.by_id(deps(), tenant_id, channel_id))))


@api.post("/logout", responses={200: LoggedOut, 404: Failure, 409: Failure, 429: Failure, 502: Failure})
def logout(body: TelegramChannelIn) -> Response:
    """End the session at Telegram and destroy it here. Doing so twice is no error."""
    from shared.usecases.instances import account_login  # noqa: PLC0415 - few log in, all would pay at the start

    require(Role.ADMIN)
    account_login.logout(deps(), caller().tenant_id, body.channel_instance_id)
    return answer(LoggedOut())
