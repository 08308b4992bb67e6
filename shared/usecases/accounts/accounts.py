"""Signing up and in: tenants, their users, and the tokens that speak for them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Device, EmailUsers, Membership, Principal, Role, Tenant, User
from shared.domain.ids import new_id
from shared.errors import BadRequest, Collision, Forbidden, NotFound, Unauthorized
from shared.security.buckets import Rate
from shared.security.passwords import MAX_LENGTH, MIN_LENGTH
from shared.usecases.accounts import login_throttle, sign_ins, tenants
from shared.usecases.accounts.sign_ins import Session

UNKNOWN_DEVICE = Device()

REGISTERING = Rate("registering", per_minute=60)
"""Registrations from one address."""

SIGNING_IN = Rate("signing-in", per_minute=60)
"""Passwords that are tried from one address, for whatever accounts."""

MAX_TENANTS = 500
"""Tenants that one e-mail address may be in; strangers can fill these, so who registers is never refused for it."""

MOST_COMPARED = 20
"""Users of one e-mail address whose passwords a sign-in compares, each of which costs as much as one sign-in."""

EMAIL_IN_USE = "This e-mail address is already registered"

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_WRONG_PAIR = "Wrong e-mail address or password"


@dataclass(frozen=True, slots=True)
class NewOwner:
    """Somebody who is about to own a tenant; `email` is in its canonical spelling."""

    email: str
    password_hash: str
    name: str | None
    tenant_name: str | None
    device: Device


def register(
    deps: Deps,
    email: str,
    password: str,
    name: str | None = None,
    tenant_name: str | None = None,
    device: Device = UNKNOWN_DEVICE,
) -> Session:
    """Make a tenant's first user, who owns it, and sign them in: all of it or nothing.

    In development the first of all owns `DEFAULT_TENANT_ID`, so that they see what is made
    without a credential. Everybody else gets a tenant of their own, as all do in production,
    where a stranger may be the first to come.
    Raises `Forbidden` where registration is closed, `BadRequest` for an address or
    a password that cannot be used and `Collision` for an address that has registered.
    """
    if not deps.settings.registration_is_open:
        raise Forbidden("Nobody can register here: ask an owner or an admin of your business to invite you")
    deps.buckets.charge(REGISTERING, device.address)
    owner = NewOwner(checked_email(email), hashed_password(deps, password), name, tenant_name, device)

    def attempt(unit: UnitOfWork) -> Session:
        # Read before anybody is looked for: of two who come first, one then finds the tenant changed.
        unit.fetch(unit.tenants.key(deps.settings.default_tenant_id))
        is_first = not deps.settings.production and unit.emails.query().first() is None
        return add_owner(deps, unit, deps.settings.default_tenant_id if is_first else new_id(), owner)

    return run_with_retry(deps, attempt)


def add_owner(deps: Deps, unit: UnitOfWork, tenant_id: str, owner: NewOwner) -> Session:
    """Make somebody the first owner of a tenant, which is added when it is not there yet, and sign them in.

    Raises `Collision` for an address that has an account.
    """
    unit.fetch(unit.emails.key(ids.email(owner.email)), unit.tenants.key(tenant_id))
    tenant = tenants.get_or_add(unit, tenant_id, deps.now())
    tenant.name = owner.tenant_name or owner.name or owner.email.partition("@")[0]
    tenants.revise(tenant)
    user = User(
        id=new_id(),
        tenant_id=tenant.id,
        email=owner.email,
        name=owner.name,
        role=Role.OWNER,
        password_hash=owner.password_hash,
        created_at=deps.now(),
    )
    add_user(unit, user, registered=True)
    return sign_ins.begin(deps, unit, user, tenant, owner.device)


def add_user(unit: UnitOfWork, user: User, *, registered: bool = False) -> None:
    """Add a user to a tenant.

    Raises `Collision` where the address has a user in the tenant, has registered before if it does so now, or was
    invited to more tenants than one person would be.
    """
    email_id = ids.email(user.email)
    users = unit.emails.get(email_id)
    membership = Membership(tenant_id=user.tenant_id, user_id=user.id, registered=registered)
    if users is None:
        unit.emails.add(EmailUsers(memberships=[membership], created_at=user.created_at), email_id)
    else:
        if users.user_in(user.tenant_id) or (registered and any(each.registered for each in users.memberships)):
            raise Collision(EMAIL_IN_USE)
        if not registered and len(users.memberships) >= MAX_TENANTS:
            raise Collision("This e-mail address belongs to too many businesses: leave one of them first")
        users.memberships = [*users.memberships, membership]
    unit.users.add(user)


def remove_user(unit: UnitOfWork, user: User) -> None:
    """Remove a user from their tenant."""
    email_id = ids.email(user.email)
    users = unit.emails.get(email_id)
    remaining = [each for each in users.memberships if each.user_id != user.id] if users else []
    if users and remaining:
        users.memberships = remaining
    else:
        unit.emails.remove(email_id)
    unit.users.remove(user.id)


def login(
    deps: Deps, email: str, password: str, device: Device = UNKNOWN_DEVICE, tenant_id: str | None = None
) -> tuple[Session, list[Tenant]]:
    """Sign in a user: the one of `tenant_id`, else the first whose password it is.

    Of many users with that address it compares the one of `tenant_id`, the one who made a tenant, and the oldest.
    Returns the tenants of all whose password it is, too. Raises `Unauthorized` for a wrong pair, with
    the same text and after about the same time whether the account exists or not, and `TooManyRequests` after too many
    wrong passwords for it, from the device's IP address or from all together.
    """
    email_id = ids.email(_canonical(email))
    limits = login_throttle.limits(email_id, device.address)
    login_throttle.check_not_refused(deps, limits)
    with login_throttle.lock(email_id):
        unit = UnitOfWork(deps.store)
        unit.fetch(unit.emails.key(email_id), *(unit.login_failures.key(count_id) for count_id in limits))
        login_throttle.check_not_throttled(deps, unit, limits)
        users = _users(unit, email_id, tenant_id)
        deps.buckets.charge(SIGNING_IN, device.address, max(1, len(users)))
        matches = _with_password(deps, users, password)
        if not matches:
            login_throttle.count_failure(deps, limits, [user for user, _ in users], device.address)
            raise Unauthorized(_WRONG_PAIR)
    login_throttle.forget_failures(deps, [count_id for count_id in limits if unit.login_failures.get(count_id)])
    chosen = [match for match in matches if tenant_id in (None, match[1].id)]
    if not chosen:
        raise Unauthorized(_WRONG_PAIR)
    session = sign_ins.begin(deps, unit, *chosen[0], device)
    unit.commit()
    return session, [tenant for _, tenant in matches]


def change_password(deps: Deps, caller: Principal, current: str, new: str, device: Device = UNKNOWN_DEVICE) -> Session:
    """Change the caller's own password, end all of their sign-ins, and sign them in anew.

    Raises `BadRequest` for a key, for a wrong `current` password and for one that cannot be used, and
    `TooManyRequests` as `login` does.
    """
    user = current_user(deps, caller)
    if user is None:
        raise BadRequest("A key has no password: sign in as a user")
    email_id = ids.email(user.email)
    limits = login_throttle.limits(email_id, device.address)
    with login_throttle.lock(email_id):
        unit = UnitOfWork(deps.store)
        unit.login_failures.get_many(limits)
        login_throttle.check_not_throttled(deps, unit, limits)
        deps.buckets.charge(SIGNING_IN, device.address)
        if not deps.passwords.matches(current, user.password_hash):
            login_throttle.count_failure(deps, limits, [user], device.address)
            raise BadRequest.of_field("current_password", "is wrong")
    checked_hash, password_hash = user.password_hash, hashed_password(deps, new, "new_password")

    def attempt(unit: UnitOfWork) -> Session:
        unit.fetch(unit.users.key(user.id), unit.tenants.key(user.tenant_id))
        changed = unit.users.owned(user.tenant_id, user.id)
        if changed.password_hash != checked_hash:
            raise Collision("The password was changed meanwhile: sign in again")
        return choose_password(deps, unit, changed, password_hash, device)

    return run_with_retry(deps, attempt)


def choose_password(deps: Deps, unit: UnitOfWork, user: User, password_hash: str, device: Device) -> Session:
    """Give a user, who was read in this unit, another password; all of their sign-ins end, and one begins."""
    user.password_hash = password_hash
    sign_ins.end_all(deps, unit, user)
    tenant = tenants.get_or_add(unit, user.tenant_id, deps.now())
    return sign_ins.begin(deps, unit, user, tenant, device)


def current_user(deps: Deps, principal: Principal) -> User | None:
    """The user who is calling; None when an API key is. Raises `NotFound` when the user was removed."""
    if principal.user_id is None:
        return None
    user = UnitOfWork(deps.store).users.owned_or_none(principal.tenant_id, principal.user_id)
    if user is None:
        raise NotFound("This user does not exist any more")
    return user


def _users(unit: UnitOfWork, email_id: str, tenant_id: str | None) -> list[tuple[User, Tenant]]:
    """The users with an e-mail address whose passwords are compared, each with their tenant."""
    users = unit.emails.get(email_id)
    memberships = users.foremost(tenant_id, MOST_COMPARED) if users else []
    unit.fetch(
        *(unit.users.key(each.user_id) for each in memberships),
        *(unit.tenants.key(each.tenant_id) for each in memberships),
    )
    pairs = (
        (unit.users.owned_or_none(each.tenant_id, each.user_id), unit.tenants.get(each.tenant_id))
        for each in memberships
    )
    return [(user, tenant) for user, tenant in pairs if user and tenant]


def _with_password(deps: Deps, users: list[tuple[User, Tenant]], password: str) -> list[tuple[User, Tenant]]:
    """Those whose password it is; without any it takes as long as with one."""
    hashes: set[str | None] = {user.password_hash for user, _ in users}
    right = {each for each in hashes or {None} if deps.passwords.matches(password, each)}
    return [(user, tenant) for user, tenant in users if user.password_hash in right]


def _canonical(email: str) -> str:
    """The one spelling of all addresses that look the same."""
    return unicodedata.normalize("NFC", email.strip().lower())


def checked_email(email: str) -> str:
    """The address in its canonical spelling; raises `BadRequest` for what is not an address."""
    email = _canonical(email)
    if len(email) > 254 or not _EMAIL.fullmatch(email) or any(unicodedata.category(char)[0] in "CZ" for char in email):
        raise BadRequest.of_field("email", "must be an e-mail address")
    return email


def hashed_password(deps: Deps, password: str, field: str = "password") -> str:
    """The hash to store; raises `BadRequest` for a password that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        problem = f"must have {MIN_LENGTH} to {MAX_LENGTH} characters"
        raise BadRequest.of_field(field, problem)
    return deps.passwords.hash(password)
