"""Complaints with their steps and photos, as services change them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    complaint_categories,
    complaint_photos,
    complaint_steps,
    complaints,
    counters,
    subscriber_places,
    survey_answers,
    work_orders,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.complaint import OPEN, Category, Complaint, ComplaintState
from netbilld.ports.complaints import NewPhoto, Step

OPEN_STATES: Final = tuple(sorted(state.value for state in OPEN))


async def next_in_series(connection: AsyncConnection, series: str, letter: str) -> str:
    """Return the next number of a series, given for good when the transaction commits."""
    statement = insert_into(connection, counters).values(series=series, last_number=1)
    upsert = statement.on_conflict_do_update(
        index_elements=["series"], set_={"last_number": counters.c.last_number + 1}
    ).returning(counters.c.last_number)
    return f"{letter}{int((await connection.execute(upsert)).scalar_one()):05}"


class ComplaintStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_number(self) -> str:
        """Return a new number, such as K00001."""
        return await next_in_series(self._connection, "complaint", "K")

    # -- categories --------------------------------------------------------------------------------------------------

    async def categories(self) -> list[Category]:
        """Return all categories in the order of lists."""
        table = complaint_categories
        query = select(table).order_by(table.c.position, table.c.code)
        return [Category(**row) for row in (await self._connection.execute(query)).mappings()]

    async def category(self, code: str) -> Category | None:
        """Return a category by its code."""
        query = select(complaint_categories).where(complaint_categories.c.code == code)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Category(**row) if row else None

    async def put_category(self, category: Category) -> None:
        """Add a category or change it."""
        values = asdict(category)
        statement = insert_into(self._connection, complaint_categories).values(**values)
        changed = {name: value for name, value in values.items() if name != "code"}
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["code"], set_=changed))

    # -- complaints --------------------------------------------------------------------------------------------------

    async def add(self, complaint: Complaint) -> None:
        """Store a new complaint."""
        values = asdict(complaint) | {"state": complaint.state.value}
        await self._connection.execute(insert(complaints).values(**values))

    async def by_number(self, number: str, *, lock: bool = False) -> Complaint | None:
        """Return a complaint; `lock` keeps others from changing it in this transaction."""
        query = select(complaints).where(complaints.c.number == number)
        found = await self._connection.execute(query.with_for_update() if lock else query)
        row = found.mappings().one_or_none()
        return Complaint(**{**row, "state": ComplaintState(row["state"])}) if row else None

    async def change(self, complaint_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of a complaint."""
        mine = complaints.c.id == complaint_id
        await self._connection.execute(update(complaints).where(mine).values(dict(fields)))

    async def add_step(self, complaint_id: UUID, step: Step) -> None:
        """Write down what happened to a complaint."""
        await self._connection.execute(
            insert(complaint_steps).values(
                complaint_id=complaint_id,
                at=step.at,
                actor=step.actor,
                by_subscriber=step.by_subscriber,
                kind=step.kind,
                state=step.state.value if step.state is not None else None,
                assignee_id=step.assignee_id,
                text=step.text,
                public=step.public,
            )
        )

    async def add_photos(self, complaint_id: UUID, photos: Sequence[NewPhoto], actor: str, at: datetime) -> None:
        """Say which photos belong to a complaint."""
        rows = [
            {
                "id": one.id,
                "complaint_id": complaint_id,
                "kind": one.kind,
                "file": one.photo.file,
                "width": one.photo.width,
                "height": one.photo.height,
                "public": one.public,
                "at": at,
                "actor": actor,
            }
            for one in photos
        ]
        if rows:
            await self._connection.execute(insert(complaint_photos), rows)

    async def drop_photos(self, complaint_id: UUID, kind: str) -> None:
        """Forget photos of a kind: a signature is written once more."""
        table = complaint_photos.c
        await self._connection.execute(
            delete(complaint_photos).where(table.complaint_id == complaint_id, table.kind == kind)
        )

    async def count_photos(self, complaint_id: UUID) -> int:
        """Return how many photos a complaint has."""
        query = select(func.count()).where(complaint_photos.c.complaint_id == complaint_id)
        return int(await self._connection.scalar(query) or 0)

    async def count_open(self, subscriber_id: UUID) -> int:
        """Return how many open complaints a subscriber has."""
        mine = complaints.c.subscriber_id == subscriber_id
        query = select(func.count()).where(mine, complaints.c.state.in_(OPEN_STATES))
        return int(await self._connection.scalar(query) or 0)

    async def count_since(self, subscriber_id: UUID, at: datetime) -> int:
        """Return how many complaints a subscriber has made since then."""
        query = select(func.count()).where(complaints.c.subscriber_id == subscriber_id, complaints.c.opened_at >= at)
        return int(await self._connection.scalar(query) or 0)

    async def resolved_before(self, at: datetime, most: int) -> list[str]:
        """Return the numbers of complaints that have been resolved since before then and nobody has closed."""
        query = (
            select(complaints.c.number)
            .where(complaints.c.state == ComplaintState.RESOLVED.value, complaints.c.resolved_at <= at)
            .order_by(complaints.c.resolved_at)
            .limit(most)
        )
        return list((await self._connection.execute(query)).scalars())

    # -- work, places, surveys ---------------------------------------------------------------------------------------

    async def put_work(self, complaint_id: UUID, fields: Mapping[str, Any]) -> None:
        """Keep what was done on the spot; what stood there before is replaced."""
        statement = insert_into(self._connection, work_orders).values(complaint_id=complaint_id, **fields)
        changed = {name: value for name, value in fields.items() if name != "began_at"}
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["complaint_id"], set_=changed))

    async def put_place(
        self, subscriber_id: UUID, latitude_micro: int, longitude_micro: int, actor: str, at: datetime
    ) -> None:
        """Keep where a subscriber's door is, in millionths of a degree."""
        values = {
            "latitude_micro": latitude_micro,
            "longitude_micro": longitude_micro,
            "actor": actor,
            "changed_at": at,
        }
        statement = insert_into(self._connection, subscriber_places).values(subscriber_id=subscriber_id, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["subscriber_id"], set_=values))

    async def add_answers(self, complaint_id: UUID, answers: Mapping[str, Any], at: datetime) -> bool:
        """Keep what a subscriber thought of it; False where they have said so before."""
        statement = insert_into(self._connection, survey_answers).values(complaint_id=complaint_id, at=at, **answers)
        done = await self._connection.execute(
            statement.on_conflict_do_nothing().returning(survey_answers.c.complaint_id)
        )
        return done.first() is not None
