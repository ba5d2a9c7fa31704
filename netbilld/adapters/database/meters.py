"""Meters beside the sessions: what each last read, and whose it is."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.reading import Meter
from netbilld.adapters.database.tables import meters
from netbilld.model.errors import RefusedError

_COLUMNS: Final = [meters.c[column.name] for column in fields(Meter)]
_FIXED: Final = frozenset({"id", "service_id", "nas_id", "source", "key", "is_allowed", "is_swapped", "created_at"})
_LEARNT: Final = tuple(column.name for column in fields(Meter) if column.name not in _FIXED)
_KEYS_A_QUERY: Final = 400


class MeterStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def locked(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Meter]:
        """Return the meters in use with these sources and keys; until the transaction ends nobody else reads them so.

        They are locked in one order, whoever asks for them.
        """
        found: dict[tuple[str, str], Meter] = {}
        wanted = sorted(keys)
        for start in range(0, len(wanted), _KEYS_A_QUERY):
            query = (
                select(*_COLUMNS)
                .where(
                    tuple_(meters.c.source, meters.c.key).in_(wanted[start : start + _KEYS_A_QUERY]),
                    meters.c.removed_at.is_(None),
                )
                .order_by(meters.c.source, meters.c.key)
                .with_for_update()
            )
            for row in (await self._connection.execute(query)).mappings():
                meter = _meter(row)
                found[meter.source, meter.key] = meter
        return found

    async def keep(self, changed: Iterable[Meter]) -> None:
        """Write what readings have changed of meters."""
        rows = [
            {
                "meter_id": meter.id,
                **{name: getattr(meter, name) for name in _LEARNT},
                "past_epochs": [*meter.past_epochs],
            }
            for meter in changed
        ]
        if rows:
            query = update(meters).where(meters.c.id == bindparam("meter_id"))
            await self._connection.execute(query.values({name: bindparam(name) for name in _LEARNT}), rows)

    async def add(self, added: Meter) -> Meter:
        """Store a new meter; its id is given here.

        Raises:
            RefusedError: that series is metered already.
        """
        values = {name: value for name, value in asdict(added).items() if name != "id"}
        values["past_epochs"] = list(added.past_epochs)
        query = insert(meters).values(**values).returning(*_COLUMNS)
        try:
            return _meter((await self._connection.execute(query)).mappings().one())
        except IntegrityError:
            raise RefusedError(
                "that is metered already", hint="`netbilld meter list` shows for whom", code="meter_taken"
            ) from None

    async def remove(self, meter_id: int, at: datetime) -> None:
        """Take a meter out of use; its slices stay."""
        query = update(meters).where(meters.c.id == meter_id, meters.c.removed_at.is_(None))
        await self._connection.execute(query.values(removed_at=at))

    async def in_use(
        self, *, source: str | None = None, nas_id: UUID | None = None, service_id: UUID | None = None
    ) -> list[Meter]:
        """Return meters that count, by id; of one source, device or service if it is named."""
        query = select(*_COLUMNS).where(meters.c.removed_at.is_(None)).order_by(meters.c.id)
        for column, value in ((meters.c.source, source), (meters.c.nas_id, nas_id), (meters.c.service_id, service_id)):
            if value is not None:
                query = query.where(column == value)
        return [_meter(row) for row in (await self._connection.execute(query)).mappings()]

    async def by_id(self, meter_id: int) -> Meter | None:
        """Return a meter in use."""
        query = select(*_COLUMNS).where(meters.c.id == meter_id, meters.c.removed_at.is_(None))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return _meter(row) if row is not None else None


def _meter(row: Mapping[Any, Any]) -> Meter:
    return Meter(**{**row, "past_epochs": tuple(row["past_epochs"])})
