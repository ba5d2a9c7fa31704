"""`netbilld pool add/list/show/set/release/remove`."""

import argparse
from typing import Any, Final

from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.output import note, print_fields, print_json, print_table
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool, PoolKind
from netbilld.services.address_pools import AddressConflict
from netbilld.services.manage_pools import ManagePools, PoolChanges, unknown_pool

_LISTED: Final = ("name", "kind", "network", "prefix_length", "size", "in_use", "held", "free")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="add|list|show|set|release|remove")
    add = verbs.add_parser(
        "add",
        help="make a pool",
        description="Every address of an IPv4 network is given out, the first and last too (PPP needs neither for "
        "itself); leave out with --exclude what the router or a subscriber has.",
    )
    add.add_argument("name", metavar="NAME", help='what a plan\'s [address] says, as in pool = "NAME"')
    add.add_argument("network", metavar="NETWORK", help="10.20.0.0/22, or 2001:db8::/40 for prefixes")
    add.add_argument(
        "--kind",
        choices=[kind.value for kind in PoolKind],
        default=PoolKind.IPV4.value,
        help="ipv4 (default): Framed-IP-Address; ipv6_prefix: Framed-IPv6-Prefix; delegated: Delegated-IPv6-Prefix",
    )
    add.add_argument(
        "--prefix-length", type=int, metavar="N", help="of what a session gets; default 64, of delegated 56"
    )
    _add_exclude(add)
    add_config_option(add)
    listing = verbs.add_parser("list", help="all of them")
    add_json_option(listing)
    show = verbs.add_parser("show", help="one of them, with conflicts")
    show.add_argument("name", metavar="NAME")
    show.add_argument("--leases", action="store_true", help="who has which address, and who had it last")
    add_json_option(show)
    change = verbs.add_parser("set", help="change one; what is in use must stay in it")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--name", dest="new_name", metavar="NAME", help="rename it; plans go on naming the old one")
    change.add_argument("--network", metavar="NETWORK", help="widen or move it")
    _add_exclude(change)
    change.add_argument("--include", action="append", default=[], metavar="A[-B]", help="take an exclusion back")
    add_config_option(change)
    release = verbs.add_parser(
        "release",
        help="free an address that is stuck",
        description="For an address that is kept although its session is over: its Stop was lost, or its NAS is dead. "
        "One that an open session has is refused.",
    )
    release.add_argument("name", metavar="NAME")
    release.add_argument("address", metavar="ADDRESS", help="or the prefix, as `pool show NAME --leases` has it")
    add_config_option(release)
    remove = verbs.add_parser("remove", help="remove one")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--force", action="store_true", help="although addresses of it are in use")
    add_config_option(remove)


def _add_exclude(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="A[-B]", help="never give this out; may be repeated"
    )


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    match options.action:
        case "list":
            await _list(context)
        case "show":
            await _show(context, options.name, with_leases=options.leases)
        case "add":
            await _add(context, options)
        case "set":
            await _set(context, options)
        case "release":
            async with context.database() as database:
                lease = await ManagePools(database).release(options.name, options.address, context.actor, context.now())
            await context.nudge()
            print(f"{lease.address} of pool {options.name} is free")
        case _:
            async with context.database() as database:
                live = await ManagePools(database).remove(
                    options.name, context.actor, context.now(), force=options.force
                )
            await context.nudge()
            print(f"pool {options.name} removed" + (f"; {live} addresses of it were in use" if live else ""))


async def _add(context: Context, options: argparse.Namespace) -> None:
    async with context.database() as database:
        kept = await ManagePools(database).add(
            options.name,
            options.network,
            options.kind,
            options.prefix_length,
            options.exclude,
            context.actor,
            context.now(),
        )
    await context.nudge()
    pool = kept.pool
    what = "addresses" if pool.kind is PoolKind.IPV4 else f"prefixes of /{pool.prefix_length}"
    print(f"pool {pool.name} added: {pool.network}, {pool.size} {what}")
    if kept.adopted:
        note(f"{kept.adopted} open sessions have addresses of it already, and keep them")


async def _set(context: Context, options: argparse.Namespace) -> None:
    wanted = PoolChanges(options.new_name, options.network, tuple(options.exclude), tuple(options.include))
    async with context.database() as database:
        kept = await ManagePools(database).set(options.name, wanted, context.actor, context.now())
    await context.nudge()
    said = ", ".join(kept.changed)
    print(f"pool {kept.pool.name}: {said} changed" if said else f"pool {kept.pool.name}: nothing to change")


async def _list(context: Context) -> None:
    async with context.database() as database, database.read() as work:
        conflicts = await work.addresses.conflicts()
        usage = await work.addresses.usage()
        documents = [_document(pool, usage, conflicts) for pool in await work.addresses.pools()]
    if context.json_wanted:
        print_json(documents, context.settings.timezone)
        return
    headings = ("NAME", "KIND", "NETWORK", "GIVES", "SIZE", "IN USE", "HELD", "FREE")
    rows = [[*(document[column] for column in _LISTED)] for document in documents]
    for row in rows:
        row[3] = f"/{row[3]}"
    print_table(headings, rows, right=(4, 5, 6, 7))
    _tell(conflicts)


async def _show(context: Context, name: str, *, with_leases: bool) -> None:
    async with context.database() as database, database.read() as work:
        pool = await work.addresses.by_name(name)
        if pool is None:
            raise unknown_pool(name)
        conflicts = [one for one in await work.addresses.conflicts() if one.pool == pool.name]
        document = _document(pool, await work.addresses.usage(), conflicts)
        document["created_at"] = pool.created_at
        leases = await _leases(work, pool) if with_leases else []
    zone = context.settings.timezone
    if context.json_wanted:
        said = [{"address": one.address, "username": one.username, "session_id": one.session_id, "nas": one.nas,
                 "owner": one.owner} for one in conflicts]  # fmt: skip
        print_json({**document, "conflicts": said, **({"leases": leases} if with_leases else {})}, zone)
        return
    shown = {**document, "excluded": ", ".join(pool.excluded), "created_at": local_time(pool.created_at, zone)}
    print_fields(shown)
    if leases:
        print()
        rows = [[one["address"], one["username"], one["state"], local_time(one["since_at"], zone)] for one in leases]
        print_table(("ADDRESS", "USERNAME", "STATE", "SINCE"), rows)
    _tell(conflicts)


async def _leases(work: UnitOfWork, pool: AddressPool) -> list[dict[str, Any]]:
    found = await work.addresses.leases([pool.id])
    names = await work.addresses.names_of({lease.service_id for lease in found})
    inside = [(number, lease) for lease in found if (number := pool.number(lease.address)) is not None]
    return [
        {
            "address": lease.address,
            "username": names.get(lease.service_id),
            "service_id": lease.service_id,
            "state": _state(lease),
            "since_at": lease.released_at or lease.taken_at,
            "held_until_at": lease.held_until_at,
        }
        for _, lease in sorted(inside, key=lambda pair: pair[0])
    ]


def _state(lease: AddressLease) -> str:
    if lease.is_free:
        return "free"
    return "in_use" if lease.held_until_at is None else "held"


def _document(pool: AddressPool, usage: dict[Any, tuple[int, int]], conflicts: list[AddressConflict]) -> dict[str, Any]:
    in_use, held = usage.get(pool.id, (0, 0))
    return {
        "name": pool.name,
        "kind": pool.kind.value,
        "network": pool.network,
        "prefix_length": pool.prefix_length,
        "excluded": list(pool.excluded),
        "size": pool.size,
        "in_use": in_use,
        "held": held,
        "free": max(0, pool.size - in_use - held),
        "conflicts": sum(one.pool == pool.name for one in conflicts),
    }


def _tell(conflicts: list[AddressConflict]) -> None:
    for one in conflicts:
        note(
            f"conflict: session {one.session_id} of {one.username} on {one.nas} has {one.address} "
            f"of pool {one.pool}, which is {one.owner}'s"
        )
