"""The table of days off: added by hand, or many from a file."""

import csv
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.holidays import EVERYWHERE, Holiday
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.ports.changes import Changes

_MOST_ROWS: Final = 10_000
_IDS_A_CHANGE: Final = 500
_COLUMNS: Final = ("on", "name", "area")


class Days(Protocol):
    async def put(self, days: Sequence[Holiday], actor: str, now: datetime) -> None: ...

    async def remove(self, on: date, area: str) -> bool: ...


class Terms(Protocol):
    async def owing_service_ids(self) -> list[UUID]: ...


class Work(Protocol):
    @property
    def holidays(self) -> Days: ...

    @property
    def dunning_terms(self) -> Terms: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ManageHolidays:
    """The use cases; whoever owes is looked at again, since days off move isolir."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, days: Sequence[Holiday], actor: Actor, now: datetime) -> None:
        """Keep days off; one that is there takes the new name.

        Raises:
            InvalidInputError: a name is empty or too long.
        """
        for one in days:
            if not one.name.strip() or len(one.name) > 100 or len(one.area) > 100:
                raise InvalidInputError(f"{one.on}: write a name, of 100 letters at most")
        async with self._store.write() as work:
            await work.holidays.put(days, actor.name, now)
            details = {"days": [[one.on.isoformat(), one.name, one.area] for one in days[:20]], "count": len(days)}
            await _tell(work, actor, now, "holiday.put", details)

    async def remove(self, on: date, area: str, actor: Actor, now: datetime) -> None:
        """Take a day off back.

        Raises:
            NotFoundError: it is none.
        """
        async with self._store.write() as work:
            if not await work.holidays.remove(on, area):
                place = f" in {area}" if area else ""
                raise NotFoundError(f"{on} is no day off{place}", hint="`netbilld holiday list` shows them")
            await _tell(work, actor, now, "holiday.remove", {"on": on.isoformat(), "area": area})


def holidays_of(text: str) -> tuple[list[Holiday], list[str]]:
    """Return the days off of a CSV file `on,name[,area]`, and one line for each row that is none.

    Raises:
        InvalidInputError: the columns are not these.
    """
    reader = csv.DictReader(text.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}").splitlines())
    names = [name.strip().casefold() for name in reader.fieldnames or ()]
    if not set(names) <= set(_COLUMNS) or not {"on", "name"} <= set(names):
        raise InvalidInputError("the first line must name the columns on,name and may name area")
    reader.fieldnames = names
    days: list[Holiday] = []
    bad: list[str] = []
    for line, row in enumerate(reader, 2):
        if line > _MOST_ROWS:
            raise InvalidInputError(f"more than {_MOST_ROWS} rows")
        try:
            days.append(_holiday(row))
        except ValueError as error:
            bad.append(f"line {line}: {error}")
    return days, bad


def _holiday(row: dict[str | Any, Any]) -> Holiday:
    name, area = (row.get("name") or "").strip(), (row.get("area") or EVERYWHERE).strip()
    if not name or len(name) > 100 or len(area) > 100:
        raise ValueError("write a name, of 100 letters at most")
    try:
        return Holiday(date.fromisoformat((row.get("on") or "").strip()), name, area)
    except ValueError:
        raise ValueError(f"{row.get('on')!r} is no day, write YYYY-MM-DD") from None


async def _tell(work: Work, actor: Actor, now: datetime, action: str, details: dict[str, Any]) -> None:
    service_ids = [str(service_id) for service_id in await work.dunning_terms.owing_service_ids()]
    for start in range(0, max(len(service_ids), 1), _IDS_A_CHANGE):
        said = {**details, "service_ids": service_ids[start : start + _IDS_A_CHANGE]}
        await work.changes.record(actor, now, action, "holiday", "table", said)
