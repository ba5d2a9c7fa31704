"""`netbilld enforce brake`: whether closing for money waits for a person, and that person's word."""

import argparse
from dataclasses import asdict
from typing import Any, Final

from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import note, print_fields, print_json, print_table
from netbilld.daemon.policies import brake_policy
from netbilld.services.brake import Brake

_MOST: Final = 10_000
_SHOWN: Final = 40  # the rest is in --json


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="brake_action", required=True, metavar="status|release|hold")
    add_json_option(verbs.add_parser("status", help="whether it is on, why, and how many it holds open"))
    add_config_option(verbs.add_parser("release", help="let everybody go: who still owes is closed now"))
    hold = verbs.add_parser("hold", help="put it on: nobody more is closed for money until it is released")
    hold.add_argument("--because", metavar="TEXT", default="", help="shown to whoever is asked to release it")
    add_config_option(hold)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    async with context.database() as database:
        brake = Brake(database, brake_policy(context.settings))
        if options.brake_action == "status":
            await _status(brake, context)
            return
        if options.brake_action == "release":
            gone = await brake.release(context.actor, context.now())
            said = f"released: {gone} services are closed as far as they still owe"
        else:
            await brake.pull(options.because, context.actor, context.now())
            said = "on: nobody more is closed for money until `netbilld enforce brake release`"
    await context.nudge()
    note(f"the brake is {said}")


async def _status(brake: Brake, context: Context) -> None:
    state, policy = await brake.state(), brake.policy
    document: dict[str, Any] = {
        "on": state is not None and state.is_on,
        "held": 0 if state is None else state.held,
        "percent": policy.percent,
        "least": policy.least,
    }
    held = await brake.held(_MOST) if document["held"] else ()
    for name in ("pulled_for", "because", "closing", "base", "since_at", "by", "released_at", "released_by"):
        document[name] = None if state is None else getattr(state, name)
    document["services"] = [asdict(one) for one in held]
    if context.json_wanted:
        print_json(document, context.settings.timezone)
        return
    zone = context.settings.timezone
    del document["services"]
    shown = {**document, "on": "yes" if document["on"] else "no"}
    shown |= {name: local_time(document[name], zone) for name in ("since_at", "released_at")}
    print_fields({name: value for name, value in shown.items() if value is not None})
    if held:
        rows = [[one.username, one.subscriber_no, one.name, local_time(one.held_at, zone)] for one in held[:_SHOWN]]
        print_table(("USERNAME", "SUBSCRIBER", "NAME", "HELD SINCE"), rows)
