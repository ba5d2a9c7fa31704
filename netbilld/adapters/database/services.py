"""ServiceStore."""

from sqlalchemy.ext.asyncio import AsyncConnection


class ServiceStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
