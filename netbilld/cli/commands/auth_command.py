"""`netbilld auth`: log-in attempts with reasons."""

import argparse
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.output import print_json, print_table

_DEFAULT_LIMIT: Final = 100
_LARGEST_LIMIT: Final = 100_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verb's options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="log")
    log = actions.add_parser("log", help="the newest attempts, newest first")
    log.add_argument("--username", metavar="U", help="only attempts with this name")
    log.add_argument("--limit", type=_limit, default=_DEFAULT_LIMIT, metavar="N", help=f"default {_DEFAULT_LIMIT}")
    add_json_option(log)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run `auth log`."""
    async with context.database() as database, database.read() as work:
        attempts = await work.auth_log.list(options.username, options.limit)
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
            }
            for attempt in attempts
        ]
        print_json(document, context.settings.timezone)
        return
    zone = ZoneInfo(context.settings.timezone)
    print_table(
        ["AT", "USERNAME", "NAS", "METHOD", "RESULT", "REASON", "µs"],
        [
            [
                attempt.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
                _printable(attempt.username),
                attempt.nas or "?",
                attempt.method,
                attempt.result,
                attempt.reason,
                attempt.latency_us,
            ]
            for attempt in attempts
        ],
        right=(6,),
    )


def _printable(name: str) -> str:
    """Return a name without what could move a terminal's cursor: whoever logs in chooses it."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)


def _limit(word: str) -> int:
    if not word.isdigit() or not 1 <= int(word) <= _LARGEST_LIMIT:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number from 1 to {_LARGEST_LIMIT}")
    return int(word)
