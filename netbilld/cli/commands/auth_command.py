"""`netbilld auth`: log-in attempts with reasons."""

import argparse
import re
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.cli.cells import printable
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.output import print_json, print_table
from netbilld.model.errors import InvalidInputError
from netbilld.services.log_ins import LogInFilter
from netbilld.services.manage_nas import unknown_nas

_DEFAULT_LIMIT: Final = 100
_LARGEST_LIMIT: Final = 100_000
_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verb's options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="log")
    log = actions.add_parser("log", help="the newest attempts, newest first")
    log.add_argument("--username", metavar="U", help="only attempts with this name")
    log.add_argument("--nas", metavar="NAME", help="only those through this NAS")
    log.add_argument("--result", choices=("accept", "reject"), help="only those that ended so")
    log.add_argument("--reason", metavar="WORD", help="only those with this reason, such as wrong_password")
    log.add_argument("--since", metavar="WHEN", help="only newer ones: 15m, 2h, 3d, a day or a local time")
    log.add_argument("--limit", type=_limit, default=_DEFAULT_LIMIT, metavar="N", help=f"default {_DEFAULT_LIMIT}")
    add_json_option(log)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run `auth log`."""
    zone = ZoneInfo(context.settings.timezone)
    wanted = LogInFilter(
        username=options.username,
        nas=options.nas,
        result=options.result,
        reason=options.reason,
        since=parse_since(options.since, context.now(), zone) if options.since else None,
    )
    async with context.database() as database, database.read() as work:
        if options.nas is not None and await work.nas.by_name(options.nas) is None:
            raise unknown_nas(options.nas)
        attempts = (await work.readmodels.log_ins(wanted, options.limit)).lines
    if context.json_wanted:
        document = [
            {
                "at": attempt.at,
                "username": attempt.username,
                "nas": attempt.nas,
                "method": attempt.method,
                "result": attempt.result,
                "reason": attempt.reason,
                "latency_us": attempt.latency_us,
                "mac": attempt.mac,
                "detail": attempt.detail,
            }
            for attempt in attempts
        ]
        print_json(document, context.settings.timezone)
        return
    print_table(
        ["AT", "USERNAME", "NAS", "MAC", "METHOD", "RESULT", "REASON", "µs", "DETAIL"],
        [
            [
                attempt.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
                printable(attempt.username),
                attempt.nas or "?",
                printable(attempt.mac or ""),
                attempt.method,
                attempt.result,
                attempt.reason,
                attempt.latency_us,
                printable(attempt.detail or ""),
            ]
            for attempt in attempts
        ],
        right=(7,),
    )


def parse_since(written: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of `15m`, `2h`, `3d` ago, or of a local day or time.

    Raises:
        InvalidInputError: it is none of these.
    """
    span = _SPAN.fullmatch(written)
    if span is not None:
        return now - timedelta(seconds=int(span[1]) * _UNITS[span[2]])
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        hint = "write 15m, 2h, 3d, 2026-11-22 or 2026-11-22T08:00"
        raise InvalidInputError(f"--since {written!r} is no time", hint=hint) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def _limit(word: str) -> int:
    if not word.isdigit() or not 1 <= int(word) <= _LARGEST_LIMIT:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number from 1 to {_LARGEST_LIMIT}")
    return int(word)
