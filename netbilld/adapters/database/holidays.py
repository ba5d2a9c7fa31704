"""The table of days off."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import holidays
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.holidays import Holiday, Holidays


class HolidayStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def between(self, from_on: date, to_on: date) -> list[Holiday]:
        """Return the days off of [from_on, to_on], in order."""
        table = holidays.c
        query = (
            select(table.on, table.name, table.area)
            .where(table.on >= from_on, table.on <= to_on)
            .order_by(table.on, table.area)
        )
        return [Holiday(*row) for row in await self._connection.execute(query)]

    async def table(self, from_on: date, to_on: date) -> Holidays:
        """Return the days off of [from_on, to_on], to be asked area by area."""
        return Holidays(await self.between(from_on, to_on))

    async def put(self, days: Sequence[Holiday], actor: str, now: datetime) -> None:
        """Keep days off; one that is there takes the new name."""
        statement = insert_into(self._connection, holidays)
        statement = statement.on_conflict_do_update(
            index_elements=["on", "area"],
            set_={name: statement.excluded[name] for name in ("name", "actor", "created_at")},
        )
        rows = [{"on": one.on, "area": one.area, "name": one.name, "actor": actor, "created_at": now} for one in days]
        for start in range(0, len(rows), 1_000):
            await self._connection.execute(statement, rows[start : start + 1_000])

    async def remove(self, on: date, area: str) -> bool:
        """Take a day off back; return False where there is none."""
        done = await self._connection.execute(delete(holidays).where(holidays.c.on == on, holidays.c.area == area))
        return int(done.rowcount) == 1
