"""LedgerStore."""

from sqlalchemy.ext.asyncio import AsyncConnection


class LedgerStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
