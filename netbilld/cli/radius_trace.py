"""Live packets of one subscriber: asks the running daemon over its control socket, a few times a second."""

import argparse
import asyncio
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from netbilld.cli.context import Context
from netbilld.cli.output import note, print_json
from netbilld.daemon.control import call
from netbilld.model.errors import InvalidInputError, RefusedError

_EVERY_SECONDS: Final = 0.25
_LONGEST_SECONDS: Final = 3_600


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run `radius trace`: until its seconds are over or it is interrupted.

    Raises:
        RefusedError: no daemon answers, or it has too many traces under way.
    """
    seconds = options.seconds
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise InvalidInputError(f"--seconds is a number above 0, up to {_LONGEST_SECONDS}")
    data_dir = context.settings.data_dir
    start = {"verb": "trace", "do": "start", "username": options.username, "nas": options.nas, "seconds": seconds}
    told = await call(data_dir, start)
    if told is None:
        raise RefusedError("no daemon answers here", hint="start `netbilld serve`, or name its settings with --config")
    if not told.get("ok"):
        raise RefusedError(str(told.get("error")))
    watch = told["watch"]
    if not context.json_wanted:
        note(f"watching {options.username} for {seconds:g} s; Ctrl-C ends it")
    events: list[dict[str, Any]] = []
    seen = lost = 0
    ends_mono = context.clock.monotonic() + seconds
    try:
        while True:
            last = context.clock.monotonic() >= ends_mono
            answer = await call(data_dir, {"verb": "trace", "do": "read", "watch": watch})
            if answer is None:
                raise RefusedError("the daemon has ended")
            lost += answer.get("lost", 0)
            for event in answer.get("events", ()):
                seen += 1
                if context.json_wanted:
                    events.append(event)
                else:
                    _print(event, context.settings.timezone)
            if answer.get("over") or last:
                break
            await asyncio.sleep(_EVERY_SECONDS)
    finally:
        await call(data_dir, {"verb": "trace", "do": "stop", "watch": watch}, timeout_seconds=1)
    if context.json_wanted:
        print_json(events)
    else:
        note(f"{seen} packets" + (f", {lost} more left out: too many at once" if lost else ""))


def _print(event: dict[str, Any], timezone: str) -> None:
    at = datetime.fromisoformat(event["at"]).astimezone(ZoneInfo(timezone))
    sign = "←" if event["direction"] == "in" else "→"
    peer = f"{event['peer']} ({event['nas']})" if event["nas"] else event["peer"]
    remark = f" — {event['note']}" if event["note"] else ""
    print(f"{at:%H:%M:%S}.{at.microsecond // 1000:03} {event['port']} {sign} {peer}{remark}")
    print(event["packet"], flush=True)
