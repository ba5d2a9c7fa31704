"""Customer groups and areas: what plans' prices and sale may name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Table, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import areas, customer_groups, subscribers
from netbilld.billing.prices import area_parts, code_key
from netbilld.model.errors import RefusedError

_BETWEEN: Final = "/"


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A customer group or an area, and how many subscribers are in it; those below an area are not counted."""

    code: str
    name: str
    subscribers: int


class GroupStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def group(self, code: str) -> str | None:
        """Return the code of a group as it is written, whatever case it was asked for in; None where there is none."""
        query = select(customer_groups.c.code).where(customer_groups.c.code_key == code_key(code))
        return await self._connection.scalar(query)

    async def area(self, path: str) -> str | None:
        """Return the path of an area as it is written; None where it is not listed."""
        query = select(areas.c.path).where(areas.c.path_key == area_key(path))
        return await self._connection.scalar(query)

    async def add_group(self, code: str, name: str, at: datetime) -> None:
        """Store a group.

        Raises:
            RefusedError: there is one of that code.
        """
        row = {"code_key": code_key(code), "code": code.strip(), "name": name, "created_at": at}
        await self._add(customer_groups, row, f"customer group {code}")

    async def add_area(self, path: str, name: str, at: datetime) -> None:
        """Store an area.

        Raises:
            RefusedError: it is listed.
        """
        row = {"path_key": area_key(path), "path": path.strip(), "name": name, "created_at": at}
        await self._add(areas, row, f"area {path}")

    async def _add(self, table: Table, row: dict[str, object], what: str) -> None:
        try:
            await self._connection.execute(insert(table).values(row))
        except IntegrityError:
            raise RefusedError(f"{what} exists", code="exists") from None

    async def groups(self) -> Sequence[ListedGroup]:
        """Return all groups in order of their code."""
        counted = select(subscribers.c.customer_group, func.count()).group_by(subscribers.c.customer_group)
        members = {code_key(code or ""): number for code, number in await self._connection.execute(counted)}
        query = select(customer_groups).order_by(customer_groups.c.code_key)
        return [
            ListedGroup(row.code, row.name, members.get(row.code_key, 0))
            for row in await self._connection.execute(query)
        ]

    async def areas(self) -> Sequence[ListedGroup]:
        """Return all areas in order of their path."""
        counted = select(subscribers.c.area, func.count()).group_by(subscribers.c.area)
        members: dict[str, int] = {}
        for path, number in await self._connection.execute(counted):
            key = area_key(path or "")
            members[key] = members.get(key, 0) + number
        query = select(areas).order_by(areas.c.path_key)
        return [
            ListedGroup(row.path, row.name, members.get(row.path_key, 0))
            for row in await self._connection.execute(query)
        ]

    async def remove_group(self, code: str) -> bool:
        """Forget a group; False where there is none."""
        done = await self._connection.execute(
            delete(customer_groups).where(customer_groups.c.code_key == code_key(code))
        )
        return bool(done.rowcount)

    async def remove_area(self, path: str) -> bool:
        """Forget an area; False where there is none."""
        done = await self._connection.execute(delete(areas).where(areas.c.path_key == area_key(path)))
        return bool(done.rowcount)


def area_key(path: str) -> str:
    """Return what makes an area unique."""
    return _BETWEEN.join(area_parts(path))
