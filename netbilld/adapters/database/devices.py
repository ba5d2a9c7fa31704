"""Devices: what each last said of itself."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import devices
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.device_state import DeviceState

_COLUMNS: Final = [devices.c[column.name] for column in fields(DeviceState)]


class DeviceStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def state(self, nas_id: UUID, *, lock: bool = False) -> DeviceState | None:
        """Return what a device last said; None for one that was never asked.

        With `lock` nobody else writes it until the transaction ends.
        """
        query = select(*_COLUMNS).where(devices.c.nas_id == nas_id)
        if lock:
            query = query.with_for_update()
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return _state(row) if row is not None else None

    async def states(self) -> list[DeviceState]:
        """Return what every device last said."""
        return [_state(row) for row in (await self._connection.execute(select(*_COLUMNS))).mappings()]

    async def forget(self, nas_id: UUID) -> None:
        """Forget what a device said, its clock too: another one has taken its place."""
        await self._connection.execute(delete(devices).where(devices.c.nas_id == nas_id))

    async def keep(self, state: DeviceState) -> None:
        """Write what a device said, or that it said nothing."""
        values = {**asdict(state), "notes": list(state.notes)}
        query = insert_into(self._connection, devices).values(**values)
        changed = {name: query.excluded[name] for name in values if name != "nas_id"}
        await self._connection.execute(query.on_conflict_do_update(index_elements=["nas_id"], set_=changed))


def _state(row: Mapping[Any, Any]) -> DeviceState:
    return DeviceState(**{**row, "notes": tuple(row["notes"])})
