"""Samples of what all open sessions carry together."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import throughput_samples
from netbilld.services.readmodels import Sample


class ThroughputStore:
    """One row a sample; a second one for the same instant is dropped."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, sample: Sample) -> None:
        """Keep a sample."""
        known = select(throughput_samples.c.at).where(throughput_samples.c.at == sample.at)
        if await self._connection.scalar(known) is None:
            await self._connection.execute(
                insert(throughput_samples).values(
                    at=sample.at,
                    upload_bps=sample.upload_bps,
                    download_bps=sample.download_bps,
                    sessions=sample.sessions,
                )
            )

    async def prune(self, before_at: datetime) -> None:
        """Forget samples older than that."""
        await self._connection.execute(delete(throughput_samples).where(throughput_samples.c.at < before_at))
