"""Accounts on routers that we have disabled."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import local_accounts
from netbilld.adapters.database.upsert import insert_into


class LocalAccountStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def disabled_on(self, nas_id: UUID) -> set[tuple[str, str]]:
        """Return menu and name of the accounts of a NAS that we have disabled."""
        query = select(local_accounts.c.menu, local_accounts.c.name).where(local_accounts.c.nas_id == nas_id)
        return {(row.menu, row.name) for row in await self._connection.execute(query)}

    async def note(self, nas_id: UUID, accounts: Collection[tuple[str, str]], at: datetime) -> None:
        """Remember accounts, given by menu and name, as disabled by us."""
        rows = [{"nas_id": nas_id, "menu": menu, "name": name, "disabled_at": at} for menu, name in accounts]
        if rows:
            statement = insert_into(self._connection, local_accounts).on_conflict_do_nothing()
            await self._connection.execute(statement, rows)

    async def forget(self, nas_id: UUID, accounts: Collection[tuple[str, str]] | None = None) -> None:
        """Forget accounts, given by menu and name; all of a NAS for None."""
        table = local_accounts.c
        if accounts is None:
            await self._connection.execute(delete(local_accounts).where(table.nas_id == nas_id))
            return
        for menu, name in accounts:
            mine = (table.nas_id == nas_id) & (table.menu == menu) & (table.name == name)
            await self._connection.execute(delete(local_accounts).where(mine))
