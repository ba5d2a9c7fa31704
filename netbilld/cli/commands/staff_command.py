"""`netbilld staff add/list/set`."""

import argparse

from netbilld.adapters.clock import entropy
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_idempotency_option, add_json_option
from netbilld.cli.output import print_json, print_table
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.model.permissions import Role
from netbilld.services.manage_staff import (
    ONE_TIME_ENTROPY_OCTETS,
    ManageStaff,
    NewStaff,
    StaffChanges,
    one_time_password,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    roles = "|".join(Role)
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|set")
    add = verbs.add_parser("add", help="let somebody sign in to the panel")
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--role", required=True, metavar=roles)
    add.add_argument("--name", metavar="TEXT")
    add.add_argument("--locale", metavar="id|en")
    add_secret_option(add, "password", "at least ten characters; without one, a one-time password is made")
    add_config_option(add)
    add_idempotency_option(add)
    listing = verbs.add_parser("list", help="all of them")
    add_json_option(listing)
    change = verbs.add_parser("set", help="change one; a new password, role or deactivation signs them out")
    change.add_argument("email", metavar="EMAIL")
    change.add_argument("--email", dest="new_email", metavar="EMAIL")
    change.add_argument("--role", metavar=roles)
    change.add_argument("--name", metavar="TEXT")
    change.add_argument("--locale", metavar="id|en")
    state = change.add_mutually_exclusive_group()
    state.add_argument("--activate", dest="active", action="store_true", default=None)
    state.add_argument("--deactivate", dest="active", action="store_false", default=None)
    add_secret_option(change, "password", "at least ten characters")
    change.add_argument("--one-time-password", action="store_true", help="make one that must be changed, and print it")
    add_config_option(change)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "list":
        await _list(context)
    elif options.action == "add":
        await _add(context, options)
    else:
        await _set(context, options)


async def _add(context: Context, options: argparse.Namespace) -> None:
    from netbilld.adapters.passwords import Argon2Passwords  # noqa: PLC0415 - listing needs none

    password = await read_secret(options, "password", None)
    made = password or one_time_password(entropy(ONE_TIME_ENTROPY_OCTETS))
    new = NewStaff(options.email, made, options.role, options.name, options.locale, one_time=password is None)
    async with context.database() as database:
        member, repeated = await ManageStaff(database, Argon2Passwords()).add(
            new, context.actor, context.now(), options.idempotency_key
        )
    await context.nudge()
    print(f"staff user {member.email} added, role {member.role.value}")
    if password is None and not repeated:
        print(f"one-time password  {made}   (shown only now; to be changed at the first sign-in)")


async def _set(context: Context, options: argparse.Namespace) -> None:
    from netbilld.adapters.passwords import Argon2Passwords  # noqa: PLC0415 - listing needs none

    password = await read_secret(options, "password", None)
    made = one_time_password(entropy(ONE_TIME_ENTROPY_OCTETS)) if options.one_time_password else None
    wanted = StaffChanges(
        email=options.new_email,
        name=options.name,
        role=options.role,
        locale=options.locale,
        active=options.active,
        password=made or password,
        one_time=made is not None,
    )
    async with context.database() as database:
        changed = await ManageStaff(database, Argon2Passwords()).set(
            options.email, wanted, context.actor, context.now()
        )
    await context.nudge()
    print(f"{options.email}: {', '.join(changed)} changed" if changed else f"{options.email}: nothing to change")
    if made is not None:
        print(f"one-time password  {made}   (shown only now; to be changed at the next sign-in)")


async def _list(context: Context) -> None:
    async with context.database() as database, database.read() as work:
        staff = await work.staff.all()
    if context.json_wanted:
        document = [
            {
                "id": member.id,
                "email": member.email,
                "name": member.name,
                "role": member.role.value,
                "active": member.active,
                "must_change_password": member.must_change_password,
                "locale": member.locale,
                "created_at": member.created_at,
            }
            for member in staff
        ]
        print_json(document, context.settings.timezone)
        return
    zone = context.settings.timezone
    rows = [
        [
            member.email,
            member.name,
            member.role.value,
            "yes" if member.active else "no",
            local_time(member.created_at, zone),
        ]
        for member in staff
    ]
    print_table(("E-MAIL", "NAME", "ROLE", "ACTIVE", "SINCE"), rows)
