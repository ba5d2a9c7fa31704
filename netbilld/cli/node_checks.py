"""What `netbilld doctor` says of the nodes on one PostgreSQL: who is there, what nobody does, whose clock is off."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from netbilld.adapters.database.engine import Database
from netbilld.cli.checks import Check
from netbilld.daemon.roles import ROLE_OF, Role
from netbilld.model.node import CLOCKS_APART_MS, NodeLine

_FORGOTTEN = timedelta(days=7)  # a node that long gone is not missed


async def check_nodes(database: Database, now: datetime) -> list[Check]:
    """Return a line for each node, and for what none of them does; nothing on SQLite."""
    if database.is_sqlite:
        return []
    async with database.read() as work:
        lines = await work.nodes.all()
        database_at = await work.nodes.now()
    checks = [] if database_at is None else [_clock(now - database_at)]
    return checks + [check for line in lines for check in _node(line)] + list(_roles(lines))


def _clock(ahead: timedelta) -> Check:
    seconds = ahead.total_seconds()
    if abs(seconds) * 1000 > CLOCKS_APART_MS:
        said = f"{seconds:+.1f} s against the database's clock"
        return Check("clocks", "warn", said, "have every machine follow a time server")
    return Check("clocks", "ok", f"{seconds:+.2f} s against the database's clock")


def _node(line: NodeLine) -> Iterator[Check]:
    name = f"node {line.name}"
    leads = f", leads {', '.join(line.leads)}" if line.leads and line.is_there else ""
    behind = f", {line.journal_octets} octets of its journal not applied" if line.journal_octets else ""
    if line.is_there:
        if line.is_clock_off:
            said = f"its clock is {line.clock_ahead_ms / 1000:+.1f} s off the database's"
            yield Check(name, "warn", said, "have it follow a time server")
        else:
            yield Check(name, "ok", f"{line.version}, {', '.join(line.roles)}{leads}{behind}")
    elif line.ended:
        if behind:
            yield Check(name, "warn", f"stopped{behind}", "start it, or `netbilld journal replay` its data_dir")
    elif line.silent_seconds < _FORGOTTEN.total_seconds():
        hint = "start it; if its machine is lost but not its disk: `netbilld journal replay` its data_dir"
        yield Check(name, "warn", f"silent for {line.silent_seconds / 60:.0f} minutes{behind}", hint)


def _roles(lines: Sequence[NodeLine]) -> Iterator[Check]:
    """Say what is nobody's while any node runs."""
    there = [line for line in lines if line.is_there]
    if not there:
        return
    covered = {role for line in there for role in line.roles}
    missing = [role for role in (Role.RADIUS, Role.ENFORCEMENT, Role.BILLING, Role.PANEL) if role not in covered]
    if missing:
        said = f"no node has the role {', '.join(missing)}"
        yield Check("roles", "warn", said, "add it to `node.roles` of one, or start the node that has it")
    led = {duty for line in there for duty in line.leads}
    idle = [duty for duty, role in ROLE_OF.items() if role in covered and duty not in led]
    if idle:
        yield Check("duties", "warn", f"nobody leads {', '.join(idle)} at this moment", "look again in ten seconds")
