"""`netbilld usage crosscheck`: per NAS and hour, what accounting lacks of what the NAS's interfaces carried."""

import argparse
from datetime import date, timedelta
from typing import Any

from netbilld.cli.cells import local_time, octets
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.money import day, shown
from netbilld.cli.output import print_json, print_table
from netbilld.model.errors import InvalidInputError
from netbilld.model.periods import local_date, local_midnight
from netbilld.services.cross_check import CheckedHour
from netbilld.services.manage_nas import unknown_nas

ACTION = "crosscheck"
_DAYS = 7


def configure(verbs: Any) -> None:
    """Describe the verb and its options."""
    verb = verbs.add_parser(
        ACTION,
        help="what accounting lacks of what each NAS's interfaces carried: money at risk",
        description="Of NAS that SNMP is set for. An hour is compared 20 minutes after its end, and again for reports "
        "that came late. Less than snmp.differs_percent is how two meters differ.",
    )
    verb.add_argument("--from", dest="from_on", type=day, metavar="D", help="first local day; default a week ago")
    verb.add_argument("--to", dest="to_on", type=day, metavar="D", help="last local day, which counts as well")
    verb.add_argument("--nas", metavar="NAME")
    verb.add_argument("--all", action="store_true", help="also hours that agree, go on, or were not read whole")
    add_json_option(verb)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    zone = context.settings.timezone
    today = local_date(context.now(), zone)
    to_on: date = options.to_on or today
    from_on: date = options.from_on or min(to_on, today - timedelta(days=_DAYS))
    if to_on < from_on:
        raise InvalidInputError(f"--to {to_on} is before --from {from_on}")
    async with context.database() as database, database.read() as work:
        nas_id = None
        if options.nas is not None:
            nas = await work.nas.by_name(options.nas)
            if nas is None:
                raise unknown_nas(options.nas)
            nas_id = nas.id
        lines = await work.cross_checks.lines(
            local_midnight(from_on, zone),
            local_midnight(to_on + timedelta(days=1), zone),
            nas_id=nas_id,
            only_missing=not options.all,
        )
    if context.json_wanted:
        print_json([_document(line) for line in lines], zone)
        return
    rows = [
        [
            line.nas_name,
            local_time(line.hour_at, zone)[:16],
            octets(line.device_upload_octets + line.device_download_octets),
            octets(line.told_upload_octets + line.told_download_octets),
            octets(line.missing_octets),
            f"{line.missing_percent:.1f} %",
            shown(line.risk_minor, line.currency) if line.currency else "",
            line.state,
        ]
        for line in lines
    ]
    headings = ("NAS", "HOUR", "INTERFACES", "ACCOUNTING", "MISSING", "PART", "AT RISK", "STATE")
    print_table(headings, rows, right=(2, 3, 4, 5, 6))
    if not lines:
        print("nothing is missing")


def _document(line: CheckedHour) -> dict[str, Any]:
    return {
        "nas": line.nas_name,
        "hour": line.hour_at,
        "state": line.state,
        "interface_upload_octets": line.device_upload_octets,
        "interface_download_octets": line.device_download_octets,
        "accounting_upload_octets": line.told_upload_octets,
        "accounting_download_octets": line.told_download_octets,
        "read_seconds": line.read_seconds,
        "missing_octets": line.missing_octets,
        "missing_percent": round(line.missing_percent, 2),
        "at_risk": line.risk_minor,
        "currency": line.currency,
        "checked_at": line.checked_at,
    }
