"""A few facts about the database itself, such as which key it was sealed with."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import meta
from netbilld.adapters.database.upsert import insert_into


class MetaStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, key: str) -> str | None:
        """Return a fact; None where it was never written."""
        value: str | None = await self._connection.scalar(select(meta.c.value).where(meta.c.key == key))
        return value

    async def put_new(self, key: str, value: str) -> None:
        """Write a fact down unless it is there already."""
        statement = insert_into(self._connection, meta).values(key=key, value=value)
        await self._connection.execute(statement.on_conflict_do_nothing())
