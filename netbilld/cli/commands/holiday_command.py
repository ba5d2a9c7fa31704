"""`netbilld holiday add/import/list/remove`."""

import argparse
from datetime import date, timedelta
from pathlib import Path

from netbilld.billing.holidays import EVERYWHERE, Holiday
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import day
from netbilld.cli.output import note, print_json, print_table
from netbilld.model.errors import InvalidInputError
from netbilld.model.periods import local_date
from netbilld.services.manage_holidays import ManageHolidays, holidays_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|import|list|remove")
    add = verbs.add_parser("add", help="a day off: nobody is walled on it, and happy hours may heed it")
    add.add_argument("on", type=day, metavar="D")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--area", default=EVERYWHERE, metavar="A", help="and every area below it; default everywhere")
    add_config_option(add)
    bring = verbs.add_parser("import", help="many from a CSV file with the columns on,name[,area]")
    bring.add_argument("file", type=Path, metavar="FILE.csv")
    add_config_option(bring)
    listing = verbs.add_parser("list", help="days off, by default from today on")
    listing.add_argument("--from", dest="from_on", type=day, metavar="D")
    listing.add_argument("--to", dest="to_on", type=day, metavar="D")
    add_json_option(listing)
    remove = verbs.add_parser("remove", help="take a day off back")
    remove.add_argument("on", type=day, metavar="D")
    remove.add_argument("--area", default=EVERYWHERE, metavar="A")
    add_config_option(remove)


async def run(options: argparse.Namespace, context: Context) -> int:
    """Run one of the verbs; return 1 where rows of a file were no days."""
    match options.action:
        case "list":
            await _list(options, context)
            return 0
        case "import":
            return await _import(options.file, context)
        case "add":
            days = [Holiday(options.on, options.name.strip(), options.area.strip())]
            async with context.database() as database:
                await ManageHolidays(database).put(days, context.actor, context.now())
            print(f"{options.on} is a day off: {options.name}")
        case _:
            async with context.database() as database:
                await ManageHolidays(database).remove(options.on, options.area, context.actor, context.now())
            print(f"{options.on} is no day off")
    await context.nudge()
    return 0


async def _import(path: Path, context: Context) -> int:
    days, bad = holidays_of(_text(path))
    if days:
        async with context.database() as database:
            await ManageHolidays(database).put(days, context.actor, context.now())
        await context.nudge()
    print(f"{len(days)} days off")
    for line in bad:
        note(f"{path}: {line}")
    return 1 if bad else 0


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: can't be read: {error}") from None


async def _list(options: argparse.Namespace, context: Context) -> None:
    from_on = options.from_on or local_date(context.now(), context.settings.timezone)
    to_on = options.to_on or max(from_on, date(9999, 1, 1) - timedelta(days=1))
    async with context.database() as database, database.read() as work:
        found = await work.holidays.between(from_on, to_on)
    if options.json:
        print_json([{"on": one.on, "name": one.name, "area": one.area or None} for one in found])
        return
    print_table(["on", "name", "area"], [[one.on, one.name, one.area] for one in found])
