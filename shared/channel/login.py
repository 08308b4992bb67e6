"""`login.py` of a channel: people who log their own account in, by a code and perhaps a password."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.channel.lifecycle import Connection
    from shared.deps import Deps
    from shared.domain.instances import Instance


class LoginModule(Protocol):
    """A login takes two or three requests, which may reach different processes."""

    def start(self, deps: Deps, instance: Instance, phone: str) -> None:
        """Have a code sent to the account's devices. A second start takes the place of the first.

        Raises `BadRequest`, `Collision` for an account that is logged in, `TooManyRequests`, or a `ProviderError`.
        """
        ...

    def confirm(
        self,
        deps: Deps,
        instance: Instance,
        code: str,
        password: str | None,
        record: Callable[[Connection], None],
    ) -> bool:
        """Log in with the code, and with the password where the account has one: now or in a later request.

        False while the password is missing. `record` keeps the account that was logged in; when it raises `Collision`,
        for another channel has the account, the account is logged out again. Confirming what is connected is no error.
        Raises as `start`, and `BadRequest` for a wrong or expired code and a wrong password, after which the right one
        may be tried.
        """
        ...
