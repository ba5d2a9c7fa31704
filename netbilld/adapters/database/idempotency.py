"""What was done under an idempotency key, so that the same again does nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import idempotency
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.errors import RefusedError


class IdempotencyStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, key: str, verb: str, request_digest: str, now: datetime) -> dict[str, Any] | None:
        """Return what was done under this key before, or None: then it is this transaction's to do.

        Of two at once the second waits here until the first has committed, and is given its result.

        Raises:
            RefusedError: the key was used for a different request.
        """
        claimed = await self._connection.execute(
            insert_into(self._connection, idempotency)
            .values(key=key, verb=verb, request_digest=request_digest, result={}, at=now)
            .on_conflict_do_nothing()
            .returning(idempotency.c.key)
        )
        if claimed.first() is not None:
            return None
        row = (
            await self._connection.execute(
                select(idempotency).where(idempotency.c.key == key, idempotency.c.verb == verb)
            )
        ).one()
        if row.request_digest != request_digest:
            raise RefusedError(
                f"idempotency key {key!r} was used for a different {verb}",
                hint="take a new key for a new request",
                code="idempotency_mismatch",
            )
        return dict(row.result)

    async def complete(self, key: str, verb: str, result: Mapping[str, Any]) -> None:
        """Keep the result of what was done under a claimed key; it holds no secret."""
        await self._connection.execute(
            update(idempotency).where(idempotency.c.key == key, idempotency.c.verb == verb).values(result=dict(result))
        )
