"""Commands for operators; they work beside a running hub, on the backend that the settings name.

    python -m infra.operate outbox --tenant default            dead messages (or --status FAILED ...)
    python -m infra.operate redrive ITEM --tenant default      send a dead message again
    python -m infra.operate dead-letters inbound               events that no consumer could handle
    python -m infra.operate redrive-event inbound ID           publish such an event again

    python -m infra.operate setup-link                         where the first owner of the default tenant signs up
    python -m infra.operate invite EMAIL --tenant default --role owner   where somebody becomes a user
    python -m infra.operate reset-password EMAIL --tenant default   where a user chooses a new password
    python -m infra.operate audit --tenant default             who changed what, oldest first (--after NUMBER)
    python -m infra.operate verify-audit --tenant default      whether an entry of it was changed or taken away
    python -m infra.operate replay 2026-11-21T10:00:00Z        read webhooks since then again, with today's parser

They read the hub's settings from the environment, as the hub itself does. Each found thing is one line of JSON on
standard output. What they change is in the audit log of its business, as the operator's. Failed sign-ins of addresses
that nobody has are in the log of `--tenant deployment`. Keep the place that `verify-audit` tells somewhere else: with
its `--number` and `--hash`, a later call notices if the whole log was written anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.bootstrap import bootstrap, close
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.documents import authorship
from shared.domain.accounts import Role
from shared.domain.audit import START
from shared.domain.authors import ActorKind, Author
from shared.domain.events import Topic
from shared.domain.outbox import OutboxStatus
from shared.errors import Collision, ConfigurationInvalid, HubError
from shared.usecases import audit
from shared.usecases.accounts import links, users
from shared.usecases.outbox import outbox_items


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.operate", description=(__doc__ or "").partition(";")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    outbox = commands.add_parser("outbox", help="list outbox items")
    outbox.add_argument("--tenant", required=True)
    outbox.add_argument("--status", default=str(OutboxStatus.DEAD), choices=list(map(str, OutboxStatus)))
    redrive = commands.add_parser("redrive", help="send a dead outbox item again")
    redrive.add_argument("item")
    redrive.add_argument("--tenant", required=True)
    letters = commands.add_parser("dead-letters", help="list a topic's dead letters")
    letters.add_argument("topic", choices=list(map(str, Topic)))
    event = commands.add_parser("redrive-event", help="publish a dead letter again")
    event.add_argument("topic", choices=list(map(str, Topic)))
    event.add_argument("letter")
    commands.add_parser("setup-link", help="where the first owner of the default tenant signs up")
    invitation = commands.add_parser("invite", help="where somebody becomes a user")
    invitation.add_argument("email")
    invitation.add_argument("--tenant", required=True)
    invitation.add_argument("--role", default=str(Role.OWNER), choices=list(map(str, Role)))
    reset = commands.add_parser("reset-password", help="where a user chooses a new password")
    reset.add_argument("email")
    reset.add_argument("--tenant", required=True)
    audit_log = commands.add_parser("audit", help="list the audit log")
    audit_log.add_argument("--tenant", required=True)
    audit_log.add_argument("--after", type=int, default=0)
    check = commands.add_parser("verify-audit", help="look for changed or missing entries of the audit log")
    check.add_argument("--tenant", required=True)
    check.add_argument("--number", type=int, default=0)
    check.add_argument("--hash", default=START)
    again = commands.add_parser("replay", help="read kept webhooks again, with today's parser")
    again.add_argument("since", type=_moment)
    return parser


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("give a time such as 2026-11-21T10:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def run(deps: Deps, arguments: argparse.Namespace) -> Iterable[dict[str, Any]]:
    """Carry out one command; yields what is to be printed. Raises `HubError`."""
    match arguments.command:
        case "outbox":
            yield from _outbox(deps, arguments.tenant, OutboxStatus(arguments.status))
        case "redrive":
            yield outbox_items.redrive(deps, arguments.tenant, arguments.item).model_dump(
                mode="json", exclude={"payload"}
            )
        case "dead-letters":
            yield from _letters(deps, Topic(arguments.topic))
        case "redrive-event":
            deps.bus.redrive(Topic(arguments.topic), arguments.letter)
            yield {"redriven": arguments.letter}
        case "setup-link":
            yield {"link": links.create_setup_link(deps)}
        case "invite":
            role = Role(arguments.role)
            yield {"link": users.operators_invitation(deps, arguments.tenant, arguments.email, role)}
        case "reset-password":
            yield {"link": users.operators_reset_link(deps, arguments.tenant, arguments.email)}
        case "audit" | "verify-audit":
            yield from _audit_log(deps, arguments)
        case "replay":
            yield {"replayed": deps.bus.replay(Topic.INBOUND, arguments.since)}


def _outbox(deps: Deps, tenant_id: str, status: OutboxStatus) -> Iterable[dict[str, Any]]:
    cursor: str | None = None
    while True:
        items, cursor = outbox_items.list_outbox(deps, tenant_id, status, outbox_items.MOST, cursor)
        # What was to be said is the customer's business, not the operator's.
        yield from (item.model_dump(mode="json", exclude={"payload"}) for item in items)
        if cursor is None:
            return


def _audit_log(deps: Deps, arguments: argparse.Namespace) -> Iterable[dict[str, Any]]:
    if arguments.command == "verify-audit":
        return _verified(deps, arguments.tenant, audit.Place(arguments.number, arguments.hash))
    return _audit_entries(deps, arguments.tenant, arguments.after)


def _audit_entries(deps: Deps, tenant_id: str, after: int) -> Iterable[dict[str, Any]]:
    while entries := audit.export(deps, tenant_id, after, audit.MOST_CHECKED):
        for entry in entries:
            yield entry.model_dump(mode="json", exclude={"changes", "is_chained"}) | {"changes": entry.change_list()}
        after = entries[-1].number or after


def _verified(deps: Deps, tenant_id: str, place: audit.Place) -> Iterable[dict[str, Any]]:
    """One line; raises `Collision` where the log is not as it was written."""
    verdict = audit.verify(deps, tenant_id, place)
    while not verdict.is_complete:
        verdict = audit.verify(deps, tenant_id, verdict.place)
    if verdict.problem is not None:
        raise Collision(f"The audit log of {tenant_id} is not as it was written: {verdict.problem}")
    place = verdict.place
    yield {"verified": True, "number": place.number, "hash": place.hash, "waiting": verdict.waiting}


def _letters(deps: Deps, topic: Topic) -> Iterable[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = deps.bus.dead_letters(topic, cursor=cursor)
        for letter in page.letters:
            event = letter.event.model_dump(mode="json", exclude={"payload"})
            yield {"id": letter.id, "died_at": letter.died_at.isoformat(), "reason": letter.reason, "event": event}
        cursor = page.cursor
        if cursor is None:
            return


def _check_has_data(settings: Settings) -> None:
    """Raise `ConfigurationInvalid` where no hub has run: a link of an empty database leads nowhere."""
    if settings.backend == "embedded" and not (settings.data_dir / "hub.db").exists():
        raise ConfigurationInvalid(
            f"DATA_DIR {settings.data_dir} holds no hub.db: give this command the hub's settings, or start a hub"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 1 when it could not be carried out, 2 for bad settings."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        _check_has_data(settings)
        deps = bootstrap(settings)
    except HubError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 2
    try:
        with authorship.working_for(Author(ActorKind.OPERATOR, f"operate {parsed.command}", deps.now)):
            for line in run(deps, parsed):
                sys.stdout.write(json.dumps(line) + "\n")
    except HubError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    finally:
        close(deps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
