"""`netbilld plan add/list/show/set/move`."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netbilld.adapters.database.plans import ListedPlan, PlanVersion
from netbilld.billing.hours import hours_text
from netbilld.billing.plan import Plan
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import shown
from netbilld.cli.output import note, print_fields, print_json, print_table
from netbilld.cli.plan_checks import plan_warnings
from netbilld.cli.plan_shown import period_words, plan_fields, price_words
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.services.manage_plans import KNOWN_TAXES, ManagePlans, PlanSaved
from netbilld.services.move_plan import Move, Moved, MovePlan
from netbilld.services.subscriber_fields import parse_day


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|show|set|move")
    add = verbs.add_parser("add", help="a new plan from a file")
    add.add_argument("file", type=Path, metavar="FILE.toml")
    add_config_option(add)
    listing = verbs.add_parser("list", help="all of them")
    add_json_option(listing)
    show = verbs.add_parser("show", help="one of them, with its versions")
    show.add_argument("code", metavar="CODE")
    add_json_option(show)
    change = verbs.add_parser("set", help="a new version from a file, or on and off sale")
    change.add_argument("what", nargs="+", metavar="CODE|FILE.toml", help="running services keep their version")
    change.add_argument("--on-sale", choices=("yes", "no"), help="may new services take it")
    change.add_argument("--effective", metavar="DATE", help="sell the new version from that day on; default at once")
    add_config_option(change)
    move = verbs.add_parser("move", help="move running services from one version to another, telling them of the price")
    move.add_argument("code", metavar="CODE")
    move.add_argument("--from-version", type=int, metavar="N", help="default all the others")
    move.add_argument("--to-version", type=int, metavar="N", help="default the newest")
    move.add_argument("--on", metavar="DATE", help="the first day they have it; default today")
    move.add_argument(
        "--announce-days", type=int, default=14, metavar="N", help="tell another price so many days ahead; default 14"
    )
    move.add_argument("--dry-run", action="store_true", help="only list whom it would concern")
    add_json_option(move)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    if options.action == "add":
        await _add(options, context)
    elif options.action == "set":
        await _set(options, context)
    elif options.action == "move":
        await _move(options, context)
    elif options.action == "list":
        await _list(context)
    else:
        await _show(options.code, context)


async def _add(options: argparse.Namespace, context: Context) -> None:
    text = _read(options.file)
    async with context.database() as database:
        plans = ManagePlans(database, context.settings.currency, _taxes(context))
        saved = await plans.add(text, str(options.file), actor=context.actor, now=context.now())
        warnings = await plan_warnings(database, plan_code=saved.code)
    await context.nudge()
    _note_unused(saved)
    _warn(warnings)
    print(f"plan {saved.code}: version {saved.version}, on sale")


async def _set(options: argparse.Namespace, context: Context) -> None:
    files = [what for what in options.what if what.endswith(".toml") or "/" in what]
    codes = [what for what in options.what if what not in files]
    if len(files) > 1 or len(codes) > 1:
        raise InvalidInputError("name one plan and one file at most")
    if options.effective and not files:
        raise InvalidInputError("--effective goes with a file", hint="name a file FILE.toml")
    if not files and options.on_sale is None:
        raise InvalidInputError("nothing to set", hint="name a file FILE.toml, or --on-sale yes|no")
    text = _read(Path(files[0])) if files else None
    async with context.database() as database:
        plans = ManagePlans(database, context.settings.currency, _taxes(context))
        saved = await plans.set(
            codes[0] if codes else None,
            toml_text=text,
            source_name=files[0] if files else "",
            on_sale=None if options.on_sale is None else options.on_sale == "yes",
            effective_on=parse_day("effective", options.effective) if options.effective else None,
            actor=context.actor,
            now=context.now(),
        )
        warnings = await plan_warnings(database, plan_code=saved.code)
    await context.nudge()
    _note_unused(saved)
    _warn(warnings)
    sale = "on sale" if saved.on_sale else "not on sale"
    print(f"plan {saved.code}: version {saved.version}, {sale}{'' if saved.new else ' (as before)'}")


async def _move(options: argparse.Namespace, context: Context) -> None:
    move = Move(
        options.code,
        options.from_version,
        options.to_version,
        parse_day("on", options.on) if options.on else None,
        options.announce_days,
    )
    async with context.database() as database:
        plans = MovePlan(database)
        concerned = await plans.run(move, context.actor, context.now(), dry_run=True)
        if not context.json_wanted:
            _list_moved(concerned, context.settings.currency)
        if concerned and not options.dry_run:
            concerned = await plans.run(move, context.actor, context.now(), dry_run=False)
    if not options.dry_run:
        await context.nudge()
    if context.json_wanted:
        print_json([asdict(one) for one in concerned], context.settings.timezone)
    else:
        print(f"{len(concerned)} services {'would be moved' if options.dry_run else 'moved'}")


def _list_moved(concerned: Sequence[Moved], currency: str) -> None:
    rows = [
        [
            one.subscriber_no,
            one.name,
            one.username,
            f"{one.from_version} -> {one.to_version}",
            shown(one.old_minor, currency),
            shown(one.new_minor, currency),
            one.from_on,
            f"{one.announce_at:%Y-%m-%d}" if one.announce_at else "",
        ]
        for one in concerned
    ]
    headings = ["number", "name", "username", "version", "price", "new price", "from", "told on"]
    if rows:
        print_table(headings, rows, right=(4, 5))


def _taxes(context: Context) -> frozenset[str]:
    return frozenset({*KNOWN_TAXES, *(rule.code for rule in context.settings.tax.rules)})


def _note_unused(saved: PlanSaved) -> None:
    for key in saved.unused:
        note(f"note: {key} has no effect on plan {saved.code}")


def _warn(warnings: Sequence[tuple[str, str]]) -> None:
    for where, why in warnings:
        note(f"warning: {where}: {why}")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path}: is not UTF-8 text") from None
    except OSError as error:
        raise InvalidInputError(f"{path}: can't be read: {error.strerror}") from None


async def _list(context: Context) -> None:
    async with context.database() as database, database.read() as work:
        listed = await work.plans.listed()
    if context.json_wanted:
        print_json([_summary(one) for one in listed], context.settings.timezone)
        return
    rows = []
    for one in listed:
        plan = one.newest.plan
        sale = "yes" if one.newest.on_sale else "no"
        rows.append([plan.code, plan.name, one.newest.version, price_words(plan), _speed(plan), one.services, sale])
    print_table(["code", "name", "version", "price", "down/up", "services", "on sale"], rows, right=(2, 5))


async def _show(code: str, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        history = await work.plans.history(code)
        listed = [one for one in await work.plans.listed() if history and one.newest.plan_id == history[0].plan_id]
    if not listed:
        raise NotFoundError(f"no plan {code!r}", hint="`netbilld plan list` shows all")
    one = listed[0]
    if context.json_wanted:
        document = _summary(one) | {
            "definition": dict(one.newest.definition),
            "versions": [_version(version) for version in history],
        }
        print_json(document, context.settings.timezone)
        return
    plan = one.newest.plan
    fields: dict[str, Any] = {
        "code": plan.code,
        "name": plan.name,
        "version": one.newest.version,
        "on sale": "yes" if one.newest.on_sale else "no",
        **{heading: said for heading, said in plan_fields(plan).items() if said},
    }
    if plan.sessions:
        fields["sessions at once"] = f"{plan.sessions.allowed}, then {plan.sessions.second}"
    if plan.lock_learn:
        fields["locked by first log-in"] = ", ".join(plan.lock_learn)
    if plan.hours:
        fields["hours"] = hours_text(plan.hours)
    pools = [name for name in (plan.pools.ipv4, plan.pools.ipv6_prefix, plan.pools.delegated) if name]
    if pools:
        fields["addresses from"] = ", ".join(pools)
    fields["services"] = one.services
    print_fields(fields)
    print()
    rows = [
        [version.version, version.name, f"{version.effective_on or version.created_at:%Y-%m-%d}", version.actor]
        for version in history
    ]
    print_table(["version", "name", "since", "by"], rows)


def _summary(one: ListedPlan) -> dict[str, Any]:
    plan = one.newest.plan
    return {
        "code": plan.code,
        "name": plan.name,
        "version": one.newest.version,
        "on_sale": one.newest.on_sale,
        "timing": plan.timing.value,
        "charging": plan.charging.value,
        "currency": plan.currency,
        "price": plan.recurring.price_minor if plan.recurring else None,
        "period": period_words(plan),
        "price_per_gb": plan.usage.first_price_minor if plan.usage else None,
        "octets_per_gb": plan.usage.units_per_price if plan.usage else None,
        "down_bps": plan.speed.down_bps,
        "up_bps": plan.speed.up_bps,
        "allowance_octets": plan.allowance.data_octets if plan.allowance else None,
        "after_allowance": plan.allowance.after.value if plan.allowance else None,
        "sessions_allowed": plan.sessions.allowed if plan.sessions else None,
        "second_login": plan.sessions.second if plan.sessions else None,
        "lock_learn": list(plan.lock_learn),
        "hours": hours_text(plan.hours) or None,
        "services": one.services,
    }


def _version(version: PlanVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "name": version.name,
        "created_at": version.created_at,
        "effective_on": version.effective_on,
        "actor": version.actor,
    }


def _speed(plan: Plan) -> str:
    return f"{plan.speed.down_bps / 10**6:g}M/{plan.speed.up_bps / 10**6:g}M"
