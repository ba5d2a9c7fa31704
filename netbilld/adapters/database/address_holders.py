"""Who held an address at a time: over years of sessions, by their indexes."""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

from sqlalchemy import Column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import sessions

Network = IPv4Network | IPv6Network
_SHORTEST_PREFIX: Final = 16  # nobody is given more than that


async def holder_ids(connection: AsyncConnection, network: Network, at: datetime | None, limit: int) -> list[int]:
    """Return the sessions that held an address, or a prefix that holds it, newest first.

    Args:
        connection: of the transaction to read in.
        network: the address, as a network of one; or a prefix, which a session held if it held all of it.
        at: the moment asked about; None for any time.
        limit: at most so many.
    """
    found: dict[int, datetime] = {}
    for column, names in _written(network):
        query = select(sessions.c.id, sessions.c.started_at).where(column.in_(names))
        if at is not None:
            query = query.where(
                sessions.c.started_at <= at, or_(sessions.c.stopped_at.is_(None), sessions.c.stopped_at >= at)
            )
        newest = query.order_by(sessions.c.started_at.desc(), sessions.c.id.desc()).limit(limit)
        found |= {row.id: row.started_at for row in await connection.execute(newest)}
    return sorted(found, key=lambda number: (found[number], number), reverse=True)[:limit]


def _written(network: Network) -> Sequence[tuple[Column[Any], list[str]]]:
    """Return the columns that may hold it, and how it and what contains it are written there."""
    is_one = network.prefixlen == network.max_prefixlen
    own = [str(network.network_address)] if is_one else []
    if isinstance(network, IPv4Network):
        return ((sessions.c.framed_ip, own),)
    above = [str(network.supernet(new_prefix=length)) for length in range(_SHORTEST_PREFIX, network.prefixlen)]
    names = [*own, str(network), *above]
    return ((sessions.c.ipv6_prefix, names), (sessions.c.delegated_prefix, names))
