"""`netbilld token add/list/revoke`: who may use the JSON API, and for what."""

import argparse
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from netbilld.adapters.clock import entropy
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.model.api_token import DEFAULT_RATE_PER_MINUTE, SCOPES, ApiToken
from netbilld.model.errors import InvalidInputError
from netbilld.model.moments import parse_moment
from netbilld.model.permissions import Role
from netbilld.services.manage_tokens import ManageTokens, NewToken

_DAYS: Final = re.compile(r"(\d{1,4})d\Z")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|revoke")
    add = verbs.add_parser("add", help="let a program use the JSON API; prints the token, which is shown only now")
    add.add_argument("name", metavar="NAME", help="of the program: the trail says it of every change it makes")
    add.add_argument(
        "--scope", action="append", default=[], metavar="SCOPE", help=f"may be given several times: {', '.join(SCOPES)}"
    )
    add.add_argument("--role", metavar="|".join(Role), help="the scopes that are that role's rights")
    add.add_argument(
        "--area", action="append", default=[], metavar="PATH", help="only subscribers of this area and those below it"
    )
    add.add_argument("--expires", metavar="90d|DATE", help="so many days from now, or a day; default never")
    add.add_argument(
        "--rate",
        type=int,
        default=DEFAULT_RATE_PER_MINUTE,
        metavar="N",
        help=f"requests a minute; default {DEFAULT_RATE_PER_MINUTE}",
    )
    add_json_option(add)
    listing = verbs.add_parser("list", help="all of them, with those that are over")
    add_json_option(listing)
    revoke = verbs.add_parser("revoke", help="end a token for good")
    revoke.add_argument("name", metavar="NAME")
    add_config_option(revoke)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    async with context.database() as database:
        tokens = ManageTokens(database, entropy)
        if options.action == "list":
            _list(context, await tokens.list())
        elif options.action == "add":
            await _add(options, context, tokens)
        else:
            revoked = await tokens.revoke(options.name, context.actor, context.now())
            print(f"token {options.name}: revoked" if revoked else f"token {options.name}: revoked already")


async def _add(options: argparse.Namespace, context: Context, tokens: ManageTokens) -> None:
    new = NewToken(
        options.name, options.scope, options.role, _expiry(options.expires, context), options.rate, options.area
    )
    made = await tokens.add(new, context.actor, context.now())
    if context.json_wanted:
        print_json(_document(made.token, context.now()) | {"token": made.clear}, context.settings.timezone)
        return
    print_fields(
        {
            "token": f"{made.clear}   (shown only now)",
            "name": made.token.name,
            "scopes": ", ".join(sorted(made.token.scopes)),
            "areas": ", ".join(made.token.areas) or "everywhere",
            "expires": local_time(made.token.expires_at, context.settings.timezone) or "never",
        }
    )


def _list(context: Context, tokens: Sequence[ApiToken]) -> None:
    now, zone = context.now(), context.settings.timezone
    if context.json_wanted:
        print_json([_document(token, now) for token in tokens], zone)
        return
    rows = [
        [
            token.name,
            f"{token.hint}…",
            token.state(now),
            ", ".join(sorted(token.scopes)),
            local_time(token.expires_at, zone) or "never",
            local_time(token.last_used_at, zone),
            token.last_used_from,
        ]
        for token in tokens
    ]
    print_table(("NAME", "BEGINS", "STATE", "SCOPES", "EXPIRES", "LAST USED", "FROM"), rows)


def _document(token: ApiToken, now: datetime) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "begins": token.hint,
        "state": token.state(now),
        "scopes": sorted(token.scopes),
        "areas": list(token.areas),
        "rate_per_minute": token.rate_per_minute,
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "revoked_by": token.revoked_by,
        "last_used_at": token.last_used_at,
        "last_used_from": token.last_used_from,
    }


def _expiry(text: str | None, context: Context) -> datetime | None:
    if text is None:
        return None
    if (days := _DAYS.match(text)) is not None:
        return context.now() + timedelta(days=int(days[1]))
    try:
        return parse_moment("--expires", text, context.settings.timezone)
    except InvalidInputError:
        raise InvalidInputError(f"--expires {text!r} is no time", hint="write 90d or 2027-06-30") from None
