"""Meters beside the sessions: what each last read, and whose it is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.reading import Meter, MeterDoubt, MeterLine
from netbilld.adapters.database.tables import credentials, meter_doubts, meters, nas
from netbilld.model.errors import RefusedError

_COLUMNS: Final = [meters.c[column.name] for column in fields(Meter)]
_DOUBT_COLUMNS: Final = [meter_doubts.c[column.name] for column in fields(MeterDoubt)]
_FIXED: Final = frozenset({"id", "service_id", "nas_id", "source", "key", "is_allowed", "is_swapped", "created_at"})
_LEARNT: Final = tuple(column.name for column in fields(Meter) if column.name not in _FIXED)
_KEYS_A_QUERY: Final = 400
_MOST_DOUBTS: Final = 1000


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

    async def lines(self, service_id: UUID | None = None) -> list[MeterLine]:
        """Return meters in use with the names a person knows them by; of one service if it is named."""
        names = (
            select(credentials.c.service_id, func.min(credentials.c.name).label("name"))
            .group_by(credentials.c.service_id)
            .subquery()
        )
        query = (
            select(*_COLUMNS, names.c.name.label("username"), nas.c.name.label("nas_name"))
            .join_from(meters, names, names.c.service_id == meters.c.service_id, isouter=True)
            .join(nas, nas.c.id == meters.c.nas_id, isouter=True)
            .where(meters.c.removed_at.is_(None))
            .order_by(meters.c.id)
        )
        if service_id is not None:
            query = query.where(meters.c.service_id == service_id)
        lines = []
        for row in (await self._connection.execute(query)).mappings():
            values = dict(row)
            username, nas_name = values.pop("username"), values.pop("nas_name")
            lines.append(MeterLine(_meter(values), username or "", nas_name))
        return lines

    async def doubt(self, doubts: Sequence[MeterDoubt]) -> None:
        """Keep octets that can't be true until a person decides; their ids are given here."""
        rows = [{name: value for name, value in asdict(doubt).items() if name != "id"} for doubt in doubts]
        await self._connection.execute(insert(meter_doubts), rows)

    async def doubts(self, state: str | None = None) -> list[MeterDoubt]:
        """Return what is or was in doubt, newest first."""
        query = select(*_DOUBT_COLUMNS).order_by(meter_doubts.c.id.desc()).limit(_MOST_DOUBTS)
        if state is not None:
            query = query.where(meter_doubts.c.state == state)
        return [MeterDoubt(**row) for row in (await self._connection.execute(query)).mappings()]

    async def doubts_waiting(self) -> int:
        """Return how many wait for a decision."""
        query = select(func.count()).select_from(meter_doubts).where(meter_doubts.c.state == "open")
        return int((await self._connection.execute(query)).scalar_one())

    async def decide(self, doubt_id: int, state: str, by: str, at: datetime) -> MeterDoubt | None:
        """Settle an open doubt; None if there is none of that id."""
        query = (
            update(meter_doubts)
            .where(meter_doubts.c.id == doubt_id, meter_doubts.c.state == "open")
            .values(state=state, decided_by=by, decided_at=at)
            .returning(*_DOUBT_COLUMNS)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return MeterDoubt(**row) if row is not None else None


def _meter(row: Mapping[Any, Any]) -> Meter:
    return Meter(**{**row, "past_epochs": tuple(row["past_epochs"])})
