"""Router accounts."""

from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import nas, router_logins
from netbilld.model.errors import RefusedError
from netbilld.model.router_login import RouterLogin


class RouterLoginStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, added: RouterLogin) -> None:
        """Store a new account.

        Raises:
            RefusedError: there is one of that name.
        """
        columns = router_logins.columns.keys()
        try:
            await self._connection.execute(
                insert(router_logins).values({column: getattr(added, column) for column in columns})
            )
        except IntegrityError:
            raise RefusedError(
                f"there is a router account {added.name!r} already", hint="`netbilld nas login remove` it first"
            ) from None

    async def all(self) -> list[RouterLogin]:
        """Return every account, by name; those of a NAS that was removed are gone with it."""
        table = router_logins
        query = (
            select(*table.c, nas.c.name.label("nas_name"))
            .join_from(table, nas, nas.c.id == table.c.nas_id, isouter=True)
            .where(nas.c.removed_at.is_(None))
            .order_by(table.c.name_key)
        )
        return [RouterLogin(**row) for row in (await self._connection.execute(query)).mappings()]

    async def remove(self, name_key: str) -> UUID | None:
        """Forget an account; return its id, None where there is none."""
        query = select(router_logins.c.id).where(router_logins.c.name_key == name_key)
        found: UUID | None = (await self._connection.execute(query)).scalar_one_or_none()
        if found is not None:
            await self._connection.execute(delete(router_logins).where(router_logins.c.id == found))
        return found
