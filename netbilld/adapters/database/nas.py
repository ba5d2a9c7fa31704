"""NasStore."""

from sqlalchemy.ext.asyncio import AsyncConnection


class NasStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
