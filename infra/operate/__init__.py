"""Commands for operators; they work beside a running hub, on the backend that the settings name.

    python -m infra.operate status                             how the hub is, on one screen; ends with 1 if not well
    python -m infra.operate outbox --tenant default            dead messages (or --status FAILED ...)
    python -m infra.operate redrive ITEM --tenant default      send a dead message again
    python -m infra.operate redrive-all --tenant default --reason retries_exhausted --rate 5   many, slowly
    python -m infra.operate dead-letters inbound               events that no consumer could handle
    python -m infra.operate redrive-event inbound ID           publish such an event again
    python -m infra.operate redrive-events inbound --rate 5    all of them, or those of one --tenant

    python -m infra.operate users --tenant default             who may sign in
    python -m infra.operate setup-link                         where the first owner of the default tenant signs up
    python -m infra.operate invite EMAIL --tenant default --role owner   where somebody becomes a user
    python -m infra.operate reset-password EMAIL --tenant default   where a user chooses a new password
    python -m infra.operate audit --tenant default             who changed what, oldest first (--after NUMBER)
    python -m infra.operate verify-audit --tenant default      whether an entry of it was changed or taken away
    python -m infra.operate replay 2026-11-21T10:00:00Z        read webhooks since then again, with today's parser

    python -m infra.operate backup hub-2026-11-21.tar          all that the hub keeps, while it runs (one machine)
    python -m infra.operate restore hub-2026-11-21.tar         into an empty DATA_DIR

They read the hub's settings from the environment, as the hub itself does. Each thing is one line of JSON on
standard output. What they change is in the audit log of its business, as the operator's. Failed sign-ins of addresses
that nobody has are in the log of `--tenant deployment`. Keep the place that `verify-audit` tells somewhere else: with
its `--number` and `--hash`, a later call notices if the whole log was written anew.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from infra.operate import audit_log, redriving, status
from shared.bootstrap import bootstrap, close, restore
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.documents import authorship
from shared.domain.accounts import Role
from shared.domain.audit import START
from shared.domain.authors import ActorKind, Author
from shared.domain.events import Topic
from shared.domain.outbox import OutboxStatus
from shared.errors import BadRequest, ConfigurationInvalid, HubError
from shared.usecases.accounts import links, users
from shared.usecases.outbox import outbox_items

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.operate", description=(__doc__ or "").partition(";")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="how the hub is, on one screen")
    _add_outbox(commands)
    _add_events(commands)
    _add_people(commands)
    _add_archives(commands)
    _add_audit(commands)
    return parser


def _add_outbox(commands: _Commands) -> None:
    outbox = commands.add_parser("outbox", help="list outbox items")
    outbox.add_argument("--tenant", required=True)
    outbox.add_argument("--status", default=str(OutboxStatus.DEAD), choices=list(map(str, OutboxStatus)))
    redrive = commands.add_parser("redrive", help="send a dead outbox item again")
    redrive.add_argument("item")
    redrive.add_argument("--tenant", required=True)
    many = commands.add_parser("redrive-all", help="send dead outbox items again that a filter names")
    many.add_argument("--tenant", required=True)
    many.add_argument("--reason", help="such as retries_exhausted")
    many.add_argument("--instance", help="a channel's id")
    many.add_argument("--since", type=_moment, help="that died at this time or later")
    many.add_argument("--until", type=_moment, help="that died before this time")
    _add_pace(many)


def _add_events(commands: _Commands) -> None:
    topics = list(map(str, Topic))
    letters = commands.add_parser("dead-letters", help="list a topic's dead letters")
    letters.add_argument("topic", choices=topics)
    event = commands.add_parser("redrive-event", help="publish a dead letter again")
    event.add_argument("topic", choices=topics)
    event.add_argument("letter")
    events = commands.add_parser("redrive-events", help="publish a topic's dead letters again")
    events.add_argument("topic", choices=topics)
    events.add_argument("--tenant")
    _add_pace(events)
    again = commands.add_parser("replay", help="read kept webhooks again, with today's parser")
    again.add_argument("since", type=_moment)


def _add_people(commands: _Commands) -> None:
    people = commands.add_parser("users", help="list who may sign in")
    people.add_argument("--tenant", required=True)
    commands.add_parser("setup-link", help="where the first owner of the default tenant signs up")
    invitation = commands.add_parser("invite", help="where somebody becomes a user")
    invitation.add_argument("email")
    invitation.add_argument("--tenant", required=True)
    invitation.add_argument("--role", default=str(Role.OWNER), choices=list(map(str, Role)))
    reset = commands.add_parser("reset-password", help="where a user chooses a new password")
    reset.add_argument("email")
    reset.add_argument("--tenant", required=True)


def _add_archives(commands: _Commands) -> None:
    backup = commands.add_parser("backup", help="write all that the hub keeps into one file, while it runs")
    backup.add_argument("archive", type=Path)
    restoring = commands.add_parser("restore", help="fill an empty DATA_DIR with a backup")
    restoring.add_argument("archive", type=Path)


def _add_audit(commands: _Commands) -> None:
    log = commands.add_parser("audit", help="list the audit log")
    log.add_argument("--tenant", required=True)
    log.add_argument("--after", type=int, default=0, help="the number of the last entry that one has")
    check = commands.add_parser("verify-audit", help="look for changed or missing entries of the audit log")
    check.add_argument("--tenant", required=True)
    check.add_argument("--number", type=int, default=0, help="where an earlier check ended")
    check.add_argument("--hash", default=START, help="the hash that it told")


def _add_pace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=_rate, default=10.0, help="how many a second (10)")
    parser.add_argument("--limit", type=_limit, default=redriving.MOST, help=f"how many at most ({redriving.MOST})")
    parser.add_argument("--dry-run", action="store_true", help="only say which")


def _rate(text: str) -> float:
    if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text) or not 0.001 <= float(text) <= 1000:
        raise argparse.ArgumentTypeError("give a number a second from 0.001 to 1000")
    return float(text)


def _limit(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text) or not 1 <= int(text) <= redriving.MOST:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {redriving.MOST}")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("give a time such as 2026-11-21T10:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Lines: TypeAlias = Iterable[dict[str, Any]]


def run(deps: Deps, arguments: argparse.Namespace) -> Lines:
    """Carry out one command; yields what is to be printed. Raises `HubError`."""
    return _COMMANDS[arguments.command](deps, arguments)


def _redrive(deps: Deps, arguments: argparse.Namespace) -> Lines:
    item = outbox_items.redrive(deps, arguments.tenant, arguments.item)
    return [item.model_dump(mode="json", exclude={"payload"})]


def _redrive_all(deps: Deps, arguments: argparse.Namespace) -> Lines:
    chosen = redriving.Filter(arguments.reason, arguments.instance, arguments.since, arguments.until)
    pace = {"rate": arguments.rate, "limit": arguments.limit, "dry_run": arguments.dry_run}
    return redriving.messages(deps, arguments.tenant, chosen, **pace)


def _redrive_event(deps: Deps, arguments: argparse.Namespace) -> Lines:
    deps.bus.redrive(Topic(arguments.topic), arguments.letter)
    return [{"redriven": arguments.letter}]


def _redrive_events(deps: Deps, arguments: argparse.Namespace) -> Lines:
    pace = {"rate": arguments.rate, "limit": arguments.limit, "dry_run": arguments.dry_run}
    return redriving.letters(deps, Topic(arguments.topic), arguments.tenant, **pace)


def _invite(deps: Deps, arguments: argparse.Namespace) -> Lines:
    return [{"link": users.operators_invitation(deps, arguments.tenant, arguments.email, Role(arguments.role))}]


def _users(deps: Deps, arguments: argparse.Namespace) -> Lines:
    cursor: str | None = None
    while True:
        page, cursor = users.list_users(deps, arguments.tenant, users.MAX_PAGE, cursor)
        yield from (
            user.model_dump(mode="json", include={"id", "email", "name", "role", "created_at"}) for user in page
        )
        if cursor is None:
            return


def _outbox(deps: Deps, arguments: argparse.Namespace) -> Lines:
    cursor: str | None = None
    while True:
        items, cursor = outbox_items.list_outbox(
            deps, arguments.tenant, OutboxStatus(arguments.status), outbox_items.MOST, cursor
        )
        # What was to be said is the customer's business, not the operator's.
        yield from (item.model_dump(mode="json", exclude={"payload"}) for item in items)
        if cursor is None:
            return


def _letters(deps: Deps, arguments: argparse.Namespace) -> Lines:
    for letter in redriving.dead_letters(deps, Topic(arguments.topic)):
        event = letter.event.model_dump(mode="json", exclude={"payload"})
        yield {"id": letter.id, "died_at": letter.died_at.isoformat(), "reason": letter.reason, "event": event}


def _back_up(deps: Deps, arguments: argparse.Namespace) -> Lines:
    if deps.machine is None:
        raise BadRequest("backup is for a hub on one machine; Firestore has backups of its own (terraform/README.md)")
    return [{"archive": str(arguments.archive)} | asdict(deps.machine.back_up(arguments.archive))]


_COMMANDS: Mapping[str, Callable[[Deps, argparse.Namespace], Lines]] = {
    "outbox": _outbox,
    "redrive": _redrive,
    "redrive-all": _redrive_all,
    "dead-letters": _letters,
    "redrive-event": _redrive_event,
    "redrive-events": _redrive_events,
    "users": _users,
    "setup-link": lambda deps, _: [{"link": links.create_setup_link(deps)}],
    "invite": _invite,
    "reset-password": lambda deps, arguments: [
        {"link": users.operators_reset_link(deps, arguments.tenant, arguments.email)}
    ],
    "audit": audit_log.entries,
    "verify-audit": audit_log.verdict,
    "backup": _back_up,
    "replay": lambda deps, arguments: [{"replayed": deps.bus.replay(Topic.INBOUND, arguments.since)}],
}


def _show_status(deps: Deps) -> int:
    report = status.of(deps)
    sys.stdout.write(f"{report.text()}\n")
    return 1 if report.attention else 0


def _check_has_data(settings: Settings) -> None:
    """Raise `ConfigurationInvalid` where no hub has run: a link of an empty database leads nowhere."""
    file = settings.data_dir / "hub.db"
    # An empty file is none of a hub's, and opening it would make a database of it.
    if settings.backend == "embedded" and not (file.is_file() and file.stat().st_size):
        raise ConfigurationInvalid(
            f"DATA_DIR {settings.data_dir} holds no hub.db: give this command the hub's settings, or start a hub"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 1 when it could not be carried out, 2 for bad settings."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        if parsed.command == "restore":
            sys.stdout.write(json.dumps(asdict(restore(settings, parsed.archive))) + "\n")
            return 0
        _check_has_data(settings)
        deps = bootstrap(settings)
    except HubError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 2
    try:
        if parsed.command == "status":
            return _show_status(deps)
        with authorship.working_for(Author(ActorKind.OPERATOR, f"operate {parsed.command}", deps.now)):
            for line in run(deps, parsed):
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()
    except HubError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    finally:
        close(deps)
    return 0
