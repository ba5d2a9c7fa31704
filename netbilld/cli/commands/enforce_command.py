"""`netbilld enforce`: what is due and seen of each service, and what is pending and why."""

import argparse
from typing import Final

from netbilld.adapters.database.enforcement_status import EnforcementStatus
from netbilld.cli.cells import octets
from netbilld.cli.commands import enforce_brake, enforce_shown
from netbilld.cli.commands.enforce_compare import compare_nas
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, add_config_option, add_json_option
from netbilld.cli.output import note, print_json, print_table
from netbilld.daemon.policies import standing_policy
from netbilld.model.errors import RefusedError
from netbilld.model.subscriber import unknown_username
from netbilld.services.control_sessions import ControlSessions
from netbilld.services.overshoot import overshoot_bounds

MOST_LINES: Final = 10_000
MOST_HOURS: Final = 24.0 * 366


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verb's options."""
    words = "status|compare|retry|history|effects|alerts|brake"
    actions = parser.add_subparsers(dest="action", required=True, metavar=words)
    status = actions.add_parser("status", help="desired and observed state of each service")
    status.add_argument("--username", metavar="U", help="only the service this name logs in to")
    add_json_option(status)
    comparing = actions.add_parser("compare", help="read a router back over its API; exit 1 where it differs")
    comparing.add_argument("nas", metavar="NAME")
    add_json_option(comparing)
    retry = actions.add_parser("retry", help="try every waiting order at once")
    add_config_option(retry)
    history = actions.add_parser("history", help="how what a service was due came about: desired, sent, seen")
    history.add_argument("username", metavar="USERNAME", help="a name that the service logs in with")
    history.add_argument("--limit", type=_count, default=20, metavar="N", help="newest changes (20)")
    add_json_option(history)
    effects = actions.add_parser("effects", help="seconds from a cause until its effect was seen")
    effects.add_argument("--hours", type=_hours, default=24.0, metavar="H", help="of the last H hours (24)")
    add_json_option(effects)
    alerts = actions.add_parser("alerts", help="what should have come about and has not")
    alerts.add_argument("--all", action="store_true", help="also those that are mended")
    alerts.add_argument("--limit", type=_count, default=100, metavar="N", help="of all of them the newest N (100)")
    add_json_option(alerts)
    enforce_brake.configure(actions.add_parser("brake", help="before too many are closed for money at once"))


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_LINES:
        raise ValueError(text)
    return count


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 < hours <= MOST_HOURS:
        raise ValueError(text)
    return hours


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Run one of the verb's actions."""
    match options.action:
        case "compare":
            return None if await compare_nas(options.nas, context) else REFUSED
        case "brake":
            await enforce_brake.run(options, context)
        case "status":
            await _status(options, context)
        case "retry":
            await _retry(context)
        case "history":
            await enforce_shown.history(options, context)
        case "effects":
            await enforce_shown.effects(options, context)
        case "alerts":
            await enforce_shown.alerts(options, context)
    return None


async def _status(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        lines = await work.enforcement.status(options.username)
        if options.username is not None and not lines:
            if await work.subscribers.by_credential_name(options.username) is None:
                raise unknown_username(options.username)
            raise RefusedError(
                f"what {options.username!r} is due was not computed yet", hint="the daemon does it: `netbilld serve`"
            )
        online = [line.service_id for line in lines if line.session_id is not None]
        now = context.now()
        facts = await work.enforcement.facts(online, standing_policy(context.settings), now) if online else []
        bounds = await overshoot_bounds(work, facts, context.settings.radius.interim_interval, now)
    if context.json_wanted:
        document = [
            {
                "username": line.username,
                "service_id": line.service_id,
                "desired": line.desired,
                "reason": line.reason,
                "observed": line.observed,
                "evidence": line.evidence,
                "since": line.since,
                "observed_at": line.observed_at,
                "agrees": line.agrees,
                "acknowledged": line.acknowledged,
                "attempts": line.attempts,
                "last_error": line.last_error,
                "next_attempt_at": line.next_attempt_at,
                "session_id": line.session_id,
                "overshoot": bound.to_json() if (bound := bounds.get(line.service_id)) is not None else None,
            }
            for line in lines
        ]
        print_json(document, context.settings.timezone)
        return
    print_table(
        ["USERNAME", "DESIRED", "REASON", "OBSERVED", "EVIDENCE", "AGREES", "ATTEMPTS", "LAST ERROR", "AT MOST OVER"],
        [
            [
                line.username,
                line.desired,
                line.reason,
                _observed(line),
                line.evidence,
                "yes" if line.agrees else "acknowledged" if line.acknowledged else "no",
                line.attempts,
                line.last_error,
                octets(bound.octets) if (bound := bounds.get(line.service_id)) is not None else None,
            ]
            for line in lines
        ],
        right=(6, 8),
    )


def _observed(line: EnforcementStatus) -> str:
    if line.is_line:
        return line.observed or ("nothing" if line.evidence is not None else "unknown")
    return "offline" if line.session_id is None else line.observed or "unknown"


async def _retry(context: Context) -> None:
    async with context.database() as database:
        tried = await ControlSessions(database).retry(context.actor, context.now())
    await context.nudge()
    note(f"{tried} services are tried again" if tried else "no order is waiting")
