"""Who may do what, and which user an address has."""

from __future__ import annotations

from itertools import product

import pytest

from shared.domain.accounts import EmailUsers, Membership, Principal, Role
from tests.documents import MOMENT

MAY_MANAGE = {(Role.OWNER, role) for role in Role} | {(Role.ADMIN, Role.AGENT), (Role.ADMIN, Role.VIEWER)}


@pytest.mark.parametrize(("role", "other"), list(product(Role, Role)))
def test_owners_manage_everybody_and_admins_those_below_them(role: Role, other: Role) -> None:
    assert role.may_manage(other) is ((role, other) in MAY_MANAGE)


@pytest.mark.parametrize(
    ("answerable", "credential_id", "actor_id"),
    [("u1", "k1", "u1"), ("u1", None, "u1"), (None, "k1", "k1"), (None,) * 3],
)
def test_who_acts_is_the_user_even_behind_a_key_of_theirs(
    answerable: str | None, credential_id: str | None, actor_id: str | None
) -> None:
    principal = Principal("t1", Role.AGENT, answerable=answerable, credential_id=credential_id)
    assert principal.actor_id == actor_id


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        ((), (True, True, False)),
        (("read",), (True, False, False)),
        (("write",), (False, True, False)),
        (("read", "write"), (True, True, False)),
        (("secrets:read",), (True, True, True)),
    ],
)
def test_scopes_restrict_what_they_are_about(scopes: tuple[str, ...], may: tuple[bool, bool, bool]) -> None:
    principal = Principal("t1", Role.OWNER, scopes=frozenset(scopes))
    assert (principal.may_read, principal.may_write, principal.may_read_secrets) == may


OLDEST, MIDDLE, REGISTERED = (
    Membership(tenant_id=f"t{number}", user_id=f"u{number}", registered=number == 3) for number in (1, 2, 3)
)
USERS = EmailUsers(memberships=[OLDEST, MIDDLE, REGISTERED], created_at=MOMENT)


def test_an_address_has_one_user_in_a_tenant() -> None:
    assert [USERS.user_in(tenant) for tenant in ("t1", "t2", "t4")] == ["u1", "u2", None]


@pytest.mark.parametrize(
    ("tenant_id", "count", "foremost"),
    [
        ("t2", 1, [MIDDLE]),
        ("t2", 2, [MIDDLE, REGISTERED]),
        (None, 1, [REGISTERED]),
        (None, 2, [OLDEST, REGISTERED]),
        ("t4", 3, [OLDEST, MIDDLE, REGISTERED]),
    ],
)
def test_the_foremost_users_are_the_tenants_then_who_registered_then_the_oldest(
    tenant_id: str | None, count: int, foremost: list[Membership]
) -> None:
    assert USERS.foremost(tenant_id, count) == foremost


def test_the_former_form_named_a_single_user() -> None:
    former = {"tenant_id": "t1", "user_id": "u1", "created_at": MOMENT}
    only = Membership(tenant_id="t1", user_id="u1", registered=True)
    assert EmailUsers.model_validate(former) == EmailUsers(memberships=[only], created_at=MOMENT)
