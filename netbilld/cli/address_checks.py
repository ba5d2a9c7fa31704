"""What `netbilld doctor` says of our address pools."""

from typing import Final

from netbilld.adapters.database.engine import Database
from netbilld.cli.checks import Check

_NEARLY_FULL_PERCENT: Final = 90
_SHOWN_CONFLICTS: Final = 5


async def check_addresses(database: Database) -> list[Check]:
    """Return how full each pool is, addresses that two services have, and NAS whose sessions are suspect.

    Raises:
        StoreUnavailableError: the database is away.
    """
    async with database.read() as work:
        pools = await work.addresses.pools()
        if not pools:
            return []
        usage = await work.addresses.usage()
        conflicts = await work.addresses.conflicts()
        silences = await work.addresses.silences()
    checks = []
    for pool in pools:
        in_use, held = usage.get(pool.id, (0, 0))
        taken = in_use + held
        said = f"{taken} of {pool.size} in use or held"
        hint = f"widen it with `netbilld pool set {pool.name} --network …`"
        if taken >= pool.size:
            checks.append(Check(f"pool {pool.name}", "warn", f"full: {said}", hint))
        elif taken * 100 >= pool.size * _NEARLY_FULL_PERCENT:
            checks.append(Check(f"pool {pool.name}", "warn", f"nearly full: {said}", hint))
        else:
            checks.append(Check(f"pool {pool.name}", "ok", said))
    for one in conflicts[:_SHOWN_CONFLICTS]:
        said = f"session {one.session_id} of {one.username} on {one.nas} has {one.address}, which is {one.owner}'s"
        hint = "look for an address set by hand or a pool of the NAS's own that overlaps ours, then end that session"
        checks.append(Check(f"pool {one.pool}", "fail", said, hint))
    if len(conflicts) > _SHOWN_CONFLICTS:
        checks.append(Check("pools", "fail", f"{len(conflicts) - _SHOWN_CONFLICTS} more addresses that two have"))
    for silence in silences:
        if silence.suspect_since_at is not None and not silence.is_removed:
            said = f"silent since {silence.suspect_since_at:%Y-%m-%d %H:%M} UTC: its sessions keep their addresses"
            checks.append(Check(f"nas {silence.name}", "warn", said, "see whether it is up, and reaches this machine"))
    return checks
