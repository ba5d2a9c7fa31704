"""What keeps the books right in the database, taken away: for tests of what finds books that are wrong."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

GUARDED: Final = ("ledger_entries", "postings", "invoices", "invoice_lines")


async def unguarded(connection: AsyncConnection) -> None:
    """Take the triggers of this database away, as somebody with all its rights could."""
    if connection.dialect.name == "postgresql":
        for table in GUARDED:
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        return
    for name in await connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")):
        await connection.execute(text(f"DROP TRIGGER {name}"))
