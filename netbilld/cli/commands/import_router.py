"""`netbilld import routeros NAME`: a router's own accounts become subscribers, and are turned off on the router."""

import argparse
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from netbilld.adapters.database.engine import Database
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, add_json_option
from netbilld.cli.output import note, print_json, print_table
from netbilld.model.api_address import parse_api_address
from netbilld.model.errors import InvalidInputError, NetbilldError, RefusedError
from netbilld.model.nas import api_url_place
from netbilld.ports.local_accounts import LocalAccount, LocalAccounts, RouterRefusalError
from netbilld.services.import_router import ImportRouter, RouterImport
from netbilld.services.import_subscribers import ImportSubscribers
from netbilld.services.manage_nas import unknown_nas
from netbilld.services.new_service import Defaults
from netbilld.services.router_rows import parse_map, shown
from netbilld.services.switch_local_accounts import A_BATCH, Switching, SwitchLocalAccounts

_PATIENCE_SECONDS: Final = 20.0
_DESCRIPTION: Final = (
    "Reads the PPP secrets and hotspot users of a RouterOS router over its API (`nas set NAME --api-url`). Names and "
    "passwords are taken as they are, a profile becomes the plan that --map says or that has its name, the comment the "
    "name of the subscriber, caller-id a lock, a remote address a fixed address; who is disabled there is suspended "
    "here. Run again, it takes only those that are new. What does not go in is told with its reason. A router asks "
    "RADIUS nothing about names it knows itself: --disable-local turns off the accounts of those who can log in here, "
    "--batch of them at a time, and --enable-local turns them on again."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.description = _DESCRIPTION
    parser.add_argument("name", metavar="NAME", help="of the NAS")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    parser.add_argument(
        "--map", action="append", default=[], metavar="PROFILE=PLAN", help="may be repeated; *=PLAN for all others"
    )
    parser.add_argument("--billing-day", metavar="1..31", help="of those that go in; default today's")
    parser.add_argument("--encoding", default="cp1252", metavar="NAME", help="of comments that are not UTF-8")
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--disable-local", action="store_true", help="turn off accounts whose subscriber is here")
    switch.add_argument("--enable-local", action="store_true", help="turn on again what was turned off so")
    parser.add_argument("--batch", type=int, metavar="N", help=f"turn off so many at once; default {A_BATCH}")
    parser.add_argument("--undo", type=Path, metavar="FILE", help="write the lines that turn them on again there too")
    add_json_option(parser)


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Import, or switch."""
    if not options.disable_local and (options.batch is not None or options.undo is not None):
        raise InvalidInputError("--batch and --undo go with --disable-local")
    if options.batch is not None and options.batch < 1:
        raise InvalidInputError("--batch is at least 1")
    async with context.database() as database, _router(database, context, options.name) as (nas_name, router):
        try:
            if options.disable_local or options.enable_local:
                return await _switch(options, context, database, nas_name, router)
            return await _import(options, context, database, nas_name, router)
        except RouterRefusalError as refusal:
            hint = f"`netbilld doctor nas {nas_name}` looks at its API"
            if "not enough permissions" in str(refusal):
                hint = "its API user needs the policies read, write, api and sensitive"
            raise RefusedError(f"NAS {nas_name!r}: {refusal}", hint=hint, code="router_refuses") from None


@asynccontextmanager
async def _router(database: Database, context: Context, name: str) -> AsyncIterator[tuple[str, LocalAccounts]]:
    """Give the NAS's name as it is written and its accounts, over a connection of our own."""
    from netbilld.adapters.nas.routeros import RouterosConnection  # noqa: PLC0415 - slow to load
    from netbilld.adapters.nas.routeros_accounts import RouterosAccounts  # noqa: PLC0415 - likewise

    async with database.read() as work:
        nas = await work.nas.by_name(name)
    if nas is None:
        raise unknown_nas(name)
    address = None
    if nas.api_url_sealed is not None:
        address = parse_api_address(context.box.open(nas.api_url_sealed, api_url_place(nas.id)).decode())
    if address is None:
        raise RefusedError(
            f"the API of NAS {nas.name!r} is not known",
            hint=f"`netbilld nas set {nas.name} --api-url api://USER:PASSWORD@HOST`",
            code="no_api",
        )
    connection = RouterosConnection(
        address,
        timeout_seconds=_PATIENCE_SECONDS,
        monotonic=time.monotonic,
        jitter=lambda: secrets.randbelow(1000) / 1000,
        errors="surrogateescape",
    )
    try:
        yield nas.name, RouterosAccounts(connection)
    finally:
        connection.close()


# -- taking over -------------------------------------------------------------------------------------------------------


async def _import(
    options: argparse.Namespace, context: Context, database: Database, nas_name: str, router: LocalAccounts
) -> int | None:
    settings = context.settings
    importing = ImportSubscribers(
        database,
        context.box,
        Defaults(settings.currency, settings.timezone),
        due_days=settings.billing.due_days,
        numbering=settings.billing.numbering(),
    )
    found = await ImportRouter(database, importing, router, settings.timezone).run(
        nas_name,
        parse_map(options.map),
        context.actor,
        context.now(),
        encoding=options.encoding,
        billing_day=options.billing_day,
        progress=lambda _done: None,
        dry_run=options.dry_run,
    )
    if not options.dry_run:
        await context.nudge()
    if options.json:
        print_json(_import_document(found, nas_name, dry_run=options.dry_run))
    else:
        _tell_import(found, nas_name, dry_run=options.dry_run)
    return REFUSED if found.left_out and not found.imported and not found.known else None


def _import_document(found: RouterImport, nas_name: str, *, dry_run: bool) -> dict[str, Any]:
    return {
        "nas": nas_name,
        "dry_run": dry_run,
        "accounts": found.accounts,
        "imported": found.imported,
        "suspended": found.suspended,
        "known": found.known,
        "profiles": [{"profile": one.profile, "accounts": one.accounts, "plan": one.plan} for one in found.profiles],
        "left_out": [{"menu": one.menu, "name": one.name, "reason": one.reason} for one in found.left_out],
        "notes": [{"name": name, "note": words} for name, words in found.notes],
    }


def _tell_import(found: RouterImport, nas_name: str, *, dry_run: bool) -> None:
    word = "would go in" if dry_run else "imported"
    print(
        f"{nas_name}: {found.accounts} accounts; {found.imported} {word}, {found.suspended} of them suspended; "
        f"{found.known} are here already; {len(found.left_out)} left out"
    )
    if found.profiles:
        print()
        rows = [[one.profile, one.plan or "none: --map", one.accounts] for one in found.profiles]
        print_table(("PROFILE", "PLAN", "ACCOUNTS"), rows, right=(2,))
    if found.left_out:
        print()
        print_table(("LEFT OUT", "IN", "BECAUSE"), [[one.name, one.menu, one.reason] for one in found.left_out])
    if found.notes:
        print()
        print_table(("NOTE", ""), found.notes)


# -- off and on --------------------------------------------------------------------------------------------------------


async def _switch(
    options: argparse.Namespace, context: Context, database: Database, nas_name: str, router: LocalAccounts
) -> int | None:
    switching = SwitchLocalAccounts(database, context.box, router)
    undo: list[str] = []

    def keep(lines: Sequence[str]) -> None:
        undo.extend(lines)
        if options.undo is not None:
            _append(options.undo, lines)
        if not options.json:
            print("# this turns them on again:")
            for line in lines:
                print(line)
            sys.stdout.flush()  # whatever happens from here on

    if options.disable_local:
        result = await switching.disable(
            nas_name, options.batch or A_BATCH, context.actor, context.now(), undo=keep, dry_run=options.dry_run
        )
    else:
        result = await switching.enable(nas_name, context.actor, context.now(), dry_run=options.dry_run)
    if options.json:
        print_json(_switch_document(result, nas_name, undo, off=options.disable_local, dry_run=options.dry_run))
    else:
        _tell_switch(result, nas_name, off=options.disable_local, dry_run=options.dry_run)
    return REFUSED if result.failed else None


def _append(path: Path, lines: Sequence[str]) -> None:
    """Add lines to a file that only its owner may read, and see that they are on disk."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise NetbilldError(f"{path}: can't be written, so nothing was turned off: {error.strerror}") from None


def _names(accounts: Sequence[LocalAccount]) -> list[dict[str, str]]:
    return [{"menu": one.menu, "name": shown(one.name)} for one in accounts]


def _switch_document(
    result: Switching, nas_name: str, undo: Sequence[str], *, off: bool, dry_run: bool
) -> dict[str, Any]:
    return {
        "nas": nas_name,
        "action": "disable" if off else "enable",
        "dry_run": dry_run,
        "done": _names(result.done),
        "failed": _names(result.failed),
        "waiting": result.waiting,
        "already": result.already,
        "left_out": [{"menu": menu, "name": name, "reason": reason} for menu, name, reason in result.left_out],
        "undo": list(undo),
    }


def _tell_switch(result: Switching, nas_name: str, *, off: bool, dry_run: bool) -> None:
    word = f"{'would be ' if dry_run else ''}turned {'off' if off else 'on'}"
    print(f"{nas_name}: {len(result.done)} accounts {word}, {result.already} were so already")
    if dry_run:
        for account in result.done:
            print(f"  {account.menu} {shown(account.name)}")
    if result.left_out:
        print_table(("LEFT ALONE", "NAME", "BECAUSE"), result.left_out)
    if result.waiting:
        note(f"{result.waiting} more can be turned off: see that these log in, then run it again")
    if result.failed:
        note(f"not changed on the router: {', '.join(shown(one.name) for one in result.failed)}")
