"""Samples of what all open sessions carry together."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.tables import nas_samples, throughput_samples
from netbilld.services.readmodels import NasSample, Sample


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

    async def add_of_nas(self, samples: Sequence[NasSample]) -> None:
        """Keep samples of NAS; a second one of a NAS for the same instant is dropped."""
        rows = [(one.nas_id, one.at, one.upload_bps, one.download_bps, one.sessions) for one in samples]
        columns = ("nas_id", "at", "upload_bps", "download_bps", "sessions")
        await insert_rows(self._connection, nas_samples, columns, rows, "ON CONFLICT (nas_id, at) DO NOTHING")

    async def prune(self, before_at: datetime) -> None:
        """Forget samples older than that."""
        await self._connection.execute(delete(nas_samples).where(nas_samples.c.at < before_at))
        await self._connection.execute(delete(throughput_samples).where(throughput_samples.c.at < before_at))
