"""Callbacks of gateways: kept as they came, then followed, in turn."""

from collections.abc import Collection
from dataclasses import asdict, fields
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import gateway_inbox
from netbilld.ports.gateway_records import Callback, NewCallback

_CALLBACK: Final = tuple(field.name for field in fields(Callback))
_COLUMNS: Final = [gateway_inbox.c[name] for name in _CALLBACK]


class GatewayInboxStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, callbacks: Collection[NewCallback]) -> None:
        """Put callbacks on record."""
        rows = [
            {
                **asdict(one),
                "tries": 0,
                "next_at": one.received_at,
                "ended_at": None if one.state == "new" else one.received_at,
            }
            for one in callbacks
        ]
        await self._connection.execute(gateway_inbox.insert(), rows)

    async def due(self, now: datetime, limit: int, gateway: str | None = None) -> list[Callback]:
        """Return the callbacks that are to be followed now, of one gateway or of all, oldest first."""
        chosen = [gateway_inbox.c.state == "new", gateway_inbox.c.next_at <= now]
        if gateway is not None:
            chosen.append(gateway_inbox.c.gateway == gateway)
        query = select(*_COLUMNS).where(*chosen).order_by(gateway_inbox.c.next_at, gateway_inbox.c.id).limit(limit)
        return [_callback(row) for row in (await self._connection.execute(query)).mappings()]

    async def find(self, callback_id: int, *, lock: bool = False) -> Callback | None:
        """Return one callback."""
        query = select(*_COLUMNS).where(gateway_inbox.c.id == callback_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
        return None if row is None else _callback(row)

    async def end(
        self, callback_id: int, state: str, verdict: str, detail: str, at: datetime, by: str | None = None
    ) -> None:
        """Write down what came of a callback."""
        await self._connection.execute(
            update(gateway_inbox)
            .where(gateway_inbox.c.id == callback_id)
            .values(state=state, verdict=verdict, detail=detail[:300], ended_at=at, decided_by=by)
        )

    async def again(self, callback_id: int, tries: int, next_at: datetime, detail: str) -> None:
        """Write down when a callback is followed again."""
        await self._connection.execute(
            update(gateway_inbox)
            .where(gateway_inbox.c.id == callback_id)
            .values(tries=tries, next_at=next_at, detail=detail[:300])
        )

    async def body(self, callback_id: int) -> bytes | None:
        """Return the octets of a callback, sealed; None once they were let go."""
        query = select(gateway_inbox.c.body_sealed).where(gateway_inbox.c.id == callback_id)
        sealed = await self._connection.scalar(query)
        return None if sealed is None else bytes(sealed)

    async def counts(self) -> dict[str, int]:
        """Return how many callbacks wait to be followed or for people."""
        query = (
            select(gateway_inbox.c.state, func.count())
            .where(gateway_inbox.c.state.in_(("new", "parked")))
            .group_by(gateway_inbox.c.state)
        )
        return {state: int(count) for state, count in (await self._connection.execute(query)).all()}

    async def page(
        self, state: str | None, limit: int, offset: int, ref: str | None = None
    ) -> tuple[list[Callback], int]:
        """Return so many callbacks, newest first, and how many there are."""
        chosen = []
        if state is not None:
            chosen.append(gateway_inbox.c.state == state)
        if ref is not None:
            chosen.append(gateway_inbox.c.ref == ref)
        total = int(await self._connection.scalar(select(func.count()).select_from(gateway_inbox).where(*chosen)) or 0)
        query = select(*_COLUMNS).where(*chosen).order_by(gateway_inbox.c.id.desc()).limit(limit).offset(offset)
        return [_callback(row) for row in (await self._connection.execute(query)).mappings()], total

    async def let_go(self, before: datetime, refused_before: datetime) -> None:
        """Let go of the octets of what is over, and of what was refused altogether."""
        await self._connection.execute(
            update(gateway_inbox)
            .where(
                gateway_inbox.c.received_at < before,
                gateway_inbox.c.body_sealed.is_not(None),
                gateway_inbox.c.state.in_(("done", "decided")),
            )
            .values(body_sealed=None)
        )
        await self._connection.execute(
            delete(gateway_inbox).where(
                gateway_inbox.c.received_at < refused_before, gateway_inbox.c.state == "refused"
            )
        )


def _callback(row: RowMapping) -> Callback:
    return Callback(**{name: row[name] for name in _CALLBACK})
