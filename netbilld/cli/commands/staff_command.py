"""`netbilld staff add/list/set/roles`."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from netbilld.adapters.clock import entropy
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_idempotency_option, add_json_option
from netbilld.cli.output import print_json, print_table
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.model.errors import NotFoundError
from netbilld.model.permissions import PERMISSIONS, Permission, Role
from netbilld.services.manage_staff import (
    ONE_TIME_ENTROPY_OCTETS,
    ManageStaff,
    NewStaff,
    StaffChanges,
    one_time_password,
)

if TYPE_CHECKING:
    from netbilld.adapters.database.engine import Database


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    roles = "|".join(Role)
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|set|roles")
    add = verbs.add_parser("add", help="let somebody sign in to the panel")
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--role", required=True, metavar=roles)
    add.add_argument("--name", metavar="TEXT")
    add.add_argument("--locale", metavar="id|en")
    add.add_argument("--phone", metavar="NUMBER")
    add.add_argument(
        "--area", action="append", default=[], metavar="PATH", help="only subscribers there and below; may be repeated"
    )
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
    change.add_argument("--phone", metavar="NUMBER", help="empty for none")
    where = change.add_mutually_exclusive_group()
    where.add_argument(
        "--area", action="append", metavar="PATH", help="only subscribers there and below; may be repeated"
    )
    where.add_argument("--everywhere", action="store_true", help="all subscribers again")
    change.add_argument(
        "--remove-second-factor",
        action="store_true",
        help="for who lost code generator and passkeys, both; they are signed out",
    )
    change.add_argument(
        "--remove-passkeys", action="store_true", help="all of theirs, but not a code generator; they are signed out"
    )
    state = change.add_mutually_exclusive_group()
    state.add_argument("--activate", dest="active", action="store_true", default=None)
    state.add_argument("--deactivate", dest="active", action="store_false", default=None)
    add_secret_option(change, "password", "at least ten characters")
    change.add_argument("--one-time-password", action="store_true", help="make one that must be changed, and print it")
    add_config_option(change)
    add_json_option(verbs.add_parser("roles", help="what each role may"))


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "list":
        await _list(context)
    elif options.action == "roles":
        _roles(context)
    elif options.action == "add":
        await _add(context, options)
    else:
        await _set(context, options)


async def _add(context: Context, options: argparse.Namespace) -> None:
    from netbilld.adapters.passwords import Argon2Passwords  # noqa: PLC0415 - listing needs none

    password = await read_secret(options, "password", None)
    made = password or one_time_password(entropy(ONE_TIME_ENTROPY_OCTETS))
    new = NewStaff(options.email, made, options.role, options.name, options.locale, one_time=password is None)
    new = replace(new, phone=options.phone, areas=tuple(options.area))
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
        phone=options.phone,
        areas=() if options.everywhere else options.area,
    )
    async with context.database() as database:
        changed = await ManageStaff(database, Argon2Passwords()).set(
            options.email, wanted, context.actor, context.now()
        )
        if options.remove_second_factor or options.remove_passkeys:
            email = options.new_email or options.email
            changed += await _remove_factors(context, database, email, generator_too=options.remove_second_factor)
    await context.nudge()
    print(f"{options.email}: {', '.join(changed)} changed" if changed else f"{options.email}: nothing to change")
    if made is not None:
        print(f"one-time password  {made}   (shown only now; to be changed at the next sign-in)")


async def _remove_factors(context: Context, database: "Database", email: str, *, generator_too: bool) -> list[str]:
    async with database.read() as work:
        member = await work.staff.by_email(email)
    if member is None:
        raise NotFoundError(f"no staff user has the e-mail {email!r}", hint="`netbilld staff list` shows them")
    from netbilld.adapters.passkeys import WebauthnAuthenticators  # noqa: PLC0415 - others need none
    from netbilld.services.passkeys import Passkeys  # noqa: PLC0415
    from netbilld.services.second_factor import SecondFactor  # noqa: PLC0415

    passkeys = Passkeys(database, WebauthnAuthenticators(), entropy)
    removed = ["passkeys"] if await passkeys.remove_all(member.id, context.actor, context.now()) else []
    if not generator_too:
        return removed
    factor = SecondFactor(database, context.box, entropy, context.settings.business_name)
    return removed + (["second factor"] if await factor.reset(member.id, context.actor, context.now()) else [])


def _roles(context: Context) -> None:
    if context.json_wanted:
        may = {role.value: sorted(PERMISSIONS[role]) for role in Role}
        print_json(may, context.settings.timezone)
        return
    rows = [[right.value, *("yes" if right in PERMISSIONS[role] else "" for role in Role)] for right in Permission]
    print_table(("RIGHT", *(role.value.upper() for role in Role)), rows)


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
                "phone": member.phone,
                "areas": list(member.areas),
                "second_factor_since": member.totp_since_at,
                "passkey_since": member.passkey_since_at,
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
            ", ".join(member.areas) or "everywhere",
            "yes" if member.active else "no",
            "yes" if member.has_second_factor else "no",
            local_time(member.created_at, zone),
        ]
        for member in staff
    ]
    print_table(("E-MAIL", "NAME", "ROLE", "AREAS", "ACTIVE", "2ND FACTOR", "SINCE"), rows)
