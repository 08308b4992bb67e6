"""Keeping canned replies.

    canned_replies/{id}             the reply
    canned_reply_codes/{hash}       which reply has the short code

What belongs together is written in one commit.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.canned_replies import CannedReply, CannedReplyCode
from shared.domain.ids import new_id
from shared.errors import Collision

MOST = 200

_AFTER_ALL = "\U0010ffff"
"""Sorts after every character of a short code."""


def create(deps: Deps, tenant_id: str, fields: Mapping[str, str]) -> CannedReply:
    """Add a reply of `short_code` and `text`; raises `Collision` for a short code that another one has."""
    now = deps.now()
    reply = CannedReply(**fields, id=new_id(), tenant_id=tenant_id, created_at=now, updated_at=now)

    def attempt(unit: UnitOfWork) -> CannedReply:
        _reserve_code(unit, reply)
        return unit.canned_replies.add(reply)

    return run_with_retry(deps, attempt)


def get(deps: Deps, tenant_id: str, reply_id: str) -> CannedReply:
    """Raises `NotFound` for an unknown or foreign one."""
    return UnitOfWork(deps.store).canned_replies.owned(tenant_id, reply_id)


def list_page(
    deps: Deps, tenant_id: str, prefix: str, limit: int, cursor: str | None
) -> tuple[list[CannedReply], str | None]:
    """The replies whose short codes begin with `prefix`, in the order of these, and the cursor of the next page."""
    query = UnitOfWork(deps.store).canned_replies.query().where(lambda reply: reply.tenant_id, "==", tenant_id)
    query = query.where(lambda reply: reply.short_code, ">=", prefix)
    query = query.where(lambda reply: reply.short_code, "<", prefix + _AFTER_ALL)
    page = query.order_by(lambda reply: reply.short_code).page(min(limit, MOST), cursor)
    return page.documents, page.cursor


def change(deps: Deps, tenant_id: str, reply_id: str, changes: Mapping[str, str]) -> CannedReply:
    """Change what is given; raises `NotFound`, and `Collision` as `create` does."""

    def attempt(unit: UnitOfWork) -> CannedReply:
        reply = unit.canned_replies.owned(tenant_id, reply_id)
        former_code = reply.short_code
        unit.canned_replies.change(reply, {**changes, "updated_at": deps.now()})
        if reply.short_code != former_code:
            _reserve_code(unit, reply)
            unit.canned_reply_codes.remove(ids.canned_reply_code(tenant_id, former_code))
        return reply

    return run_with_retry(deps, attempt)


def delete(deps: Deps, tenant_id: str, reply_id: str) -> None:
    """Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> None:
        reply = unit.canned_replies.owned(tenant_id, reply_id)
        unit.canned_replies.remove(reply.id)
        unit.canned_reply_codes.remove(ids.canned_reply_code(tenant_id, reply.short_code))

    run_with_retry(deps, attempt)


def _reserve_code(unit: UnitOfWork, reply: CannedReply) -> None:
    code_id = ids.canned_reply_code(reply.tenant_id, reply.short_code)
    if unit.canned_reply_codes.get(code_id) is not None:
        raise Collision("another canned reply has this short code", "short_code")
    unit.canned_reply_codes.add(CannedReplyCode(tenant_id=reply.tenant_id, reply_id=reply.id), code_id)
