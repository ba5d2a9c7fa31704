"""LoginStore."""

from sqlalchemy.ext.asyncio import AsyncConnection


class LoginStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
