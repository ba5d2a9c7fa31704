"""`netbilld agent …`: who sells for us from a deposit, what it holds, whom they serve, and their statement."""

import argparse
from pathlib import Path
from typing import Any

from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_idempotency_option, add_json_option
from netbilld.cli.money import count, shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.cli.sheets import write_sheet
from netbilld.model.agent import Agent, AgentDeposit, agent_name, commission_permille, percent_of
from netbilld.model.errors import InvalidInputError
from netbilld.model.units import parse_amount
from netbilld.services.agent_statement import MOST_LINES, agent_statement, statement_sheet
from netbilld.services.keep_agents import KeepAgents, known_agent
from netbilld.services.keep_collectors import collector_name


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(
        dest="action", required=True, metavar="add|list|show|set|deposit|pay-out|close|serve|leave|statement"
    )
    add = verbs.add_parser("add", help="make somebody known who sells for us; they sign in at /agen on the portal")
    add.add_argument("name", metavar="NAME", help="one word: what they sign in as")
    add.add_argument("--name", dest="full_name", metavar="TEXT", help="in full")
    add.add_argument("--phone", metavar="NUMBER")
    add.add_argument("--commission", default="0", metavar="PERCENT", help="of what subscribers pay through them: 2.5")
    add_secret_option(add, "password", "their first password, at least eight letters")
    add_config_option(add)
    add_json_option(verbs.add_parser("list", help="who they are, and what their deposits hold"))
    show = verbs.add_parser("show", help="one of them, and whom they serve")
    show.add_argument("name", metavar="NAME")
    add_json_option(show)
    change = verbs.add_parser("set", help="let them sell or not, their commission, a new password")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--active", choices=("yes", "no"))
    change.add_argument("--commission", metavar="PERCENT")
    add_secret_option(change, "password", "a new one; they are signed out everywhere")
    add_config_option(change)
    for verb, summary in (("deposit", "money that they pay in"), ("pay-out", "money of the deposit given back")):
        _money(verbs.add_parser(verb, help=summary))
    close = verbs.add_parser("close", help="they sell no more, and what the deposit holds is paid out")
    close.add_argument("name", metavar="NAME")
    close.add_argument("--method", default="cash", metavar="METHOD", help="how it is paid out; default cash")
    add_json_option(close)
    for verb, summary in (("serve", "let them, and no other agent, take a subscriber's money"), ("leave", "no more")):
        serving = verbs.add_parser(verb, help=summary)
        serving.add_argument("name", metavar="NAME")
        serving.add_argument("subscriber", metavar="SUBSCRIBER", help="user name or subscriber number")
        add_config_option(serving)
    statement = verbs.add_parser("statement", help="what went in and out of the deposit, newest first")
    statement.add_argument("name", metavar="NAME")
    statement.add_argument("--limit", type=count, default=50, metavar="N")
    statement.add_argument("--format", dest="kind", choices=("table", "csv", "xlsx"), default="table")
    statement.add_argument("--output", "-o", type=Path, metavar="FILE")
    add_json_option(statement)


def _money(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("amount", metavar="AMOUNT")
    parser.add_argument("--method", default="cash", metavar="METHOD", help="such as cash or transfer; default cash")
    parser.add_argument("--reference", default="", metavar="TEXT")
    parser.add_argument("--collector", metavar="NAME", help="whose cash it is")
    add_json_option(parser)
    add_idempotency_option(parser)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    verbs = {
        "add": _add,
        "list": _list,
        "show": _show,
        "set": _set,
        "deposit": _move,
        "pay-out": _move,
        "close": _close,
        "serve": _serve,
        "leave": _serve,
        "statement": _statement,
    }
    await verbs[options.action](options, context)


def _keep(database: Any, context: Context) -> KeepAgents:
    from netbilld.adapters.passwords import Argon2Passwords  # noqa: PLC0415 - listing needs none

    settings = context.settings
    return KeepAgents(database, Argon2Passwords(), timezone=settings.timezone, currency=settings.currency)


async def _add(options: argparse.Namespace, context: Context) -> None:
    password = await read_secret(options, "password", "first password")
    if password is None:
        raise InvalidInputError("an agent needs a first password", hint="--password-stdin")
    async with context.database() as database:
        made = await _keep(database, context).add(
            options.name,
            options.full_name or options.name,
            password,
            phone=options.phone,
            commission_permille=commission_permille(options.commission),
            actor=context.actor,
            now=context.now(),
        )
    print(f"agent {made.name} added")


async def _set(options: argparse.Namespace, context: Context) -> None:
    password = await read_secret(options, "password", None)
    if options.active is None and options.commission is None and password is None:
        raise InvalidInputError("nothing to change", hint="--active, --commission or --password-stdin")
    async with context.database() as database:
        await _keep(database, context).change(
            agent_name(options.name),
            active=None if options.active is None else options.active == "yes",
            commission_permille=None if options.commission is None else commission_permille(options.commission),
            password=password,
            actor=context.actor,
            now=context.now(),
        )
    print(f"agent {agent_name(options.name)} changed")


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.agents.all()
    if options.json:
        print_json([_document(one, context) for one in found], context.settings.timezone)
        return
    currency = context.settings.currency
    rows = [
        [
            one.name,
            one.full_name,
            one.phone,
            "" if one.status == "active" else one.status,
            f"{percent_of(one.commission_permille)} %",
            shown(one.deposit_minor, currency),
        ]
        for one in found
    ]
    print_table(["name", "in full", "phone", "", "commission", "deposit"], rows, right=(4, 5))


async def _show(options: argparse.Namespace, context: Context) -> None:
    currency = context.settings.currency
    async with context.database() as database, database.read() as work:
        found = await known_agent(work, agent_name(options.name))
        served = await work.agents.served(found.name)
    if options.json:
        theirs = [{"subscriber_no": one.number, "name": one.name, "outstanding": one.owed_minor} for one in served]
        print_json({**_document(found, context), "subscribers": theirs}, context.settings.timezone)
        return
    fields = {
        "agent": found.name,
        "in full": found.full_name,
        "phone": found.phone,
        "status": found.status,
        "commission": f"{percent_of(found.commission_permille)} %",
        "deposit": shown(found.deposit_minor, currency),
        "subscribers": len(served),
    }
    print_fields(fields)
    if served:
        print()
        rows = [[one.number, one.name, shown(one.owed_minor, one.currency)] for one in served]
        print_table(["number", "name", "owes"], rows, right=(2,))


async def _move(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        keep = _keep(database, context)
        move = keep.deposit if options.action == "deposit" else keep.pay_out
        done = await move(
            options.name,
            parse_amount(options.amount, context.settings.currency),
            method=options.method,
            reference=options.reference,
            collector=collector_name(options.collector) if options.collector else None,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
        )
        async with database.read() as work:
            agent = await known_agent(work, done.agent)
    _told(done, agent, options, context)


async def _close(options: argparse.Namespace, context: Context) -> None:
    """End first, so that nothing is sold meanwhile; what is broken off in between is done by the same word again."""
    name = agent_name(options.name)
    async with context.database() as database:
        keep = _keep(database, context)
        asked: dict[str, Any] = {"actor": context.actor, "now": context.now()}
        await keep.change(name, active=False, **asked)
        async with database.read() as work:
            left_minor = (await known_agent(work, name)).deposit_minor
        if left_minor:
            await keep.pay_out(name, left_minor, method=options.method, reference="berhenti", **asked)
    if options.json:
        print_json({"agent": name, "paid_out": left_minor, "currency": context.settings.currency})
        return
    print(f"agent {name} sells no more; {shown(left_minor, context.settings.currency)} paid out")


def _told(done: AgentDeposit, agent: Agent, options: argparse.Namespace, context: Context) -> None:
    if options.json:
        document = {
            "id": done.id,
            "agent": done.agent,
            "amount": done.amount_minor,
            "currency": done.currency,
            "method": done.method,
            "collector": done.collector,
            "recorded_at": done.recorded_at,
            "deposit": agent.deposit_minor,
        }
        print_json(document, context.settings.timezone)
        return
    word = "paid in" if done.amount_minor > 0 else "paid out"
    print_fields(
        {
            "agent": done.agent,
            word: shown(abs(done.amount_minor), done.currency),
            "by": done.collector or done.method,
            "deposit": shown(agent.deposit_minor, done.currency),
        }
    )


async def _serve(options: argparse.Namespace, context: Context) -> None:
    name, serves = agent_name(options.name), options.action == "serve"
    async with context.database() as database:
        await _keep(database, context).serve(name, options.subscriber, serves, actor=context.actor, now=context.now())
    print(f"{options.subscriber} is {'' if serves else 'no longer '}agent {name}'s")


async def _statement(options: argparse.Namespace, context: Context) -> None:
    name, timezone, currency = agent_name(options.name), context.settings.timezone, context.settings.currency
    limit = options.limit if options.kind == "table" else MOST_LINES
    async with context.database() as database, database.read() as work:
        await known_agent(work, name)
        lines = await agent_statement(work.ledger, name, limit)
    if options.json:
        documents = [
            {
                "at": one.at,
                "booked_on": one.booked_on,
                "kind": one.kind,
                "text": one.memo,
                "amount": one.amount_minor,
                "deposit": one.deposit_minor,
            }
            for one in lines
        ]
        print_json({"agent": name, "currency": currency, "lines": documents}, timezone)
        return
    if write_sheet(statement_sheet(lines, timezone), options.kind, options.output):
        return
    rows = [
        [
            local_time(one.at, timezone),
            one.memo,
            shown(one.amount_minor, currency),
            shown(one.deposit_minor, currency),
        ]
        for one in lines
    ]
    print_table(["when", "what", "amount", "deposit"], rows, right=(2, 3))


def _document(one: Agent, context: Context) -> dict[str, Any]:
    return {
        "name": one.name,
        "full_name": one.full_name,
        "phone": one.phone,
        "status": one.status,
        "commission_permille": one.commission_permille,
        "deposit": one.deposit_minor,
        "currency": context.settings.currency,
        "created_at": one.created_at,
    }
